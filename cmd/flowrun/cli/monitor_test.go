package cli_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// fetched gives the code and the text of an answer.
func fetched(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// A run is measured from its start to its end, and nobody listens after it.
func TestMetricsOfARun(t *testing.T) {
	folder(t, map[string]string{"f.yaml": long})
	p := start(t, "run", "f.yaml", "--metrics", "0", "--log", "text")
	line, err := p.err.ReadString('\n')
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "metrics: ")
	if err != nil || !ok || !strings.HasPrefix(at, "http://127.0.0.1:") {
		t.Fatalf("%q does not tell where the metrics are: %v", line, err)
	}
	base := strings.TrimSuffix(at, "/metrics")
	p.line() // it runs, and stops where nobody reads on
	if code, text := fetched(t, at); code != 200 || !strings.Contains(text, `flowrun_node_seconds_bucket{flow="f",node="file",le="+Inf"}`) || !strings.Contains(text, `flowrun_edge_wait_seconds_count{`) {
		t.Errorf("%d\n%s", code, text)
	}
	for path, want := range map[string]string{"/healthz": "200 running\n", "/readyz": "200 running\n", "/": "404 404 page not found\n"} {
		if code, text := fetched(t, base+path); fmt.Sprintf("%d %s", code, text) != want {
			t.Errorf("%s: %d %s, want %s", path, code, text, want)
		}
	}
	p.signal(syscall.SIGTERM)
	p.says("sources stopped")
	if code, text := fetched(t, base+"/healthz"); code != 200 || text != "draining\n" {
		t.Errorf("health while it drains: %d %s", code, text)
	}
	if code, _ := fetched(t, base+"/readyz"); code != 503 {
		t.Errorf("ready while it drains: %d", code)
	}
	if code, _, errs := p.end(); code != 143 || !strings.Contains(errs, `msg="run ended" flow=f outcome=stopped`) {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if _, err := http.Get(at); err == nil {
		t.Error("the metrics outlive the run")
	}
}

func TestMetricsMisuse(t *testing.T) {
	folder(t, ordersFiles())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	for _, c := range []struct{ args, err string }{
		{"--metrics " + at, "flowrun: --metrics " + at + ": another program listens there\n  hint: --metrics 0 takes a port that is free\n"},
		{"--metrics 127.0.0.1", "flowrun: --metrics 127.0.0.1: want a port, or an address such as 127.0.0.1:9464\n"},
		{"--metrics 65536", "flowrun: --metrics 65536: want a port, or an address such as 127.0.0.1:9464\n"},
		{"--metrics :http", "flowrun: --metrics :http: want a port, or an address such as 127.0.0.1:9464\n"},
		{"--metrics=", "flowrun: --metrics : want a port, or an address such as 127.0.0.1:9464\n"},
		{"--metrics 0.0.0.0:0", "flowrun: --metrics 0.0.0.0:0: others can reach this address, so reading needs a token\n  hint: --metrics-token or FLOWRUN_METRICS_TOKEN sets it; --metrics 0 is for this machine alone\n"},
		{"--metrics example.com:9464", "flowrun: --metrics example.com:9464: others can reach this address..."},
		{"--metrics 192.0.2.1:9464 --metrics-token x", "flowrun: --metrics 192.0.2.1:9464: this machine has no such address\n"},
		{"--metrics-token x", "flowrun: --metrics-token says who may read metrics, but they are not served\n  hint: --metrics 9464 serves them\n"},
		{"--otlp localhost:4318", "flowrun: --otlp: \"localhost:4318\" is no address of a collector, such as http://localhost:4318\n..."},
		{"--otlp=", "flowrun: --otlp: \"\" is no address of a collector\n..."},
		{"--otlp env", "flowrun: --otlp: OTEL_EXPORTER_OTLP_PROTOCOL is grpc: only http/protobuf is spoken here..."},
		{"--otlp env --compare-serial", "flowrun: --compare-serial runs the flow twice, and --metrics and --otlp watch one run\n..."},
		{"--log xml", "flowrun: --log xml: want text, json\n..."},
		{"--log json --log-level trace", "flowrun: --log-level trace: want debug, info, warn, error\n..."},
		{"--log-level debug", "flowrun: --log-level debug: no events are written\n  hint: --log text or --log json writes them\n"},
		{"--log json --report text", "flowrun: --report text: with --log json, standard error is for a program\n..."},
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
		call("", append([]string{"run", "orders.yaml"}, strings.Fields(c.args)...)...).want(t, 2, "", c.err)
	}
}

// posts counts requests to a collector by path.
type posts struct {
	mu    sync.Mutex
	paths map[string]int
}

func (p *posts) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/x-protobuf" {
		p.paths[r.URL.Path]++
	}
}

func TestCollector(t *testing.T) {
	folder(t, ordersFiles())
	for _, args := range [][]string{{"--otlp", "URL"}, {"--otlp", "env"}} {
		p := &posts{paths: map[string]int{}}
		server := httptest.NewServer(p)
		if args[1] == "URL" {
			args[1] = server.URL
		} else {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
		}
		call("", append([]string{"run", "orders.yaml", "-q"}, args...)...).want(t, 0, "", "")
		server.Close()
		if p.paths["/v1/metrics"] != 1 || p.paths["/v1/traces"] != 1 {
			t.Errorf("%q: the collector got %v", args, p.paths)
		}
	}
	// Without the flag the variable sends nothing anywhere.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")
	call("", "run", "orders.yaml", "-q").want(t, 0, "", "")
}

// A collector that is not there is worth one line, and changes nothing.
func TestNoCollector(t *testing.T) {
	folder(t, ordersFiles())
	r := call("", "run", "orders.yaml", "--report", "none", "--otlp", "http://127.0.0.1:1")
	if r.code != 0 || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "warning: --otlp: the collector at http://127.0.0.1:1/v1/") || !strings.Contains(r.err, "connection refused") {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	call("", "run", "orders.yaml", "-q", "--otlp", "http://127.0.0.1:1").want(t, 0, "", "")
}

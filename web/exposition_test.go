package web_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

func TestMetrics(t *testing.T) {
	flow := webtest.Sensors()
	flow.Name = "a \"b\"\\\nc"
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	res, text := get(t, server.URL+"/metrics", nil)
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Error(res.Header.Get("Content-Type"))
	}
	line := regexp.MustCompile(`^(# (HELP|TYPE) flowrun_\w+ .+|flowrun_\w+\{flow="a \\"b\\"\\\\\\nc"(,\w+="[^"]*")*\} [0-9.e+-]+)$`)
	typed := map[string]bool{}
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if !line.MatchString(l) {
			t.Errorf("not a metric: %s", l)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(l, "# TYPE "), " ")
		typed[name] = typed[name] || strings.HasPrefix(l, "# TYPE ")
		if name, _, ok := strings.Cut(l, "{"); ok && !typed[name] {
			t.Errorf("%s has no type before its samples", name)
		}
	}
	for _, want := range []string{
		`,node="enrich"} 0.97`, `flowrun_edge_items{flow="a \"b\"\\\nc",from="unbatch.out",to="enrich.in"} 128`,
		`flowrun_node_seconds{flow="a \"b\"\\\nc",node="enrich",quantile="0.99"} 0.04`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
)

// post asks the playground about a text.
func (g ground) post(t *testing.T, what string, draft any, headers ...string) (status int, body string) {
	t.Helper()
	text, ok := draft.(string)
	if !ok {
		raw, err := json.Marshal(draft)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	req, err := http.NewRequest("POST", g.URL+"/api/v1/"+what, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

type draft struct {
	Flow   string `json:"flow,omitempty"`
	Text   string `json:"text"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func TestPlaygroundAnswers(t *testing.T) {
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	flow := filepath.Join(g.dir, "orders.yaml")
	other := filepath.Join(g.dir, "sub/other.yaml")
	above := "nodes:\n  a: {use: file.read, with: {path: ../data/orders.csv}}\n  b: {use: drop, in: a}\n"
	for name, c := range map[string]struct {
		what   string
		draft  draft
		status int
		want   string
	}{
		"good":              {"check", draft{flow, ordersFlow, 0, 0}, 200, `{"ok":true,"flow":"orders","nodes":4,"edges":3,"diagnostics":[]}`},
		"a mistake":         {"check", draft{flow, strings.Replace(ordersFlow, "amount >", "amonut >", 1), 0, 0}, 200, `"line":12,"column":19,"width":6,"severity":"error","code":"E301"`},
		"below another":     {"check", draft{other, above, 0, 0}, 200, `"ok":true`},
		"no YAML":           {"check", draft{"", "nodes: [", 0, 0}, 200, `"ok":false`},
		"nothing":           {"check", draft{"", "", 0, 0}, 200, `"ok":false`},
		"a drawing":         {"render", draft{flow, ordersFlow, 0, 0}, 200, `id=\"n-spent\"`},
		"types":             {"render", draft{flow, ordersFlow, 0, 0}, 200, `{customer: string, orders: int, spent: float}`},
		"no drawing":        {"render", draft{"", "nodes: [", 0, 0}, 422, "errors"},
		"too many nodes":    {"check", draft{"", many(2000), 0, 0}, 200, "2001 nodes; at most 1500 are allowed here"},
		"too many edges":    {"render", draft{"", "nodes:\n  a: {use: generate, with: {count: 1, set: {x: n}}}\n  b: {use: merge, in: [" + strings.Repeat("a, ", 6000) + "a]}\n  c: {use: drop, in: b}\n", 0, 0}, 422, "more than 5000 edges"},
		"kinds":             {"complete", draft{"", "nodes:\n  a:\n    use: fi", 3, 12}, 200, `{"from":10,"items":[{"label":"balance"`},
		"fields":            {"complete", draft{flow, ordersFlow, 12, 21}, 200, `"label":"customer","sort":"field","detail":"string"`},
		"out of place":      {"complete", draft{flow, ordersFlow, -5, 1 << 40}, 200, `"items":[`},
		"explanation":       {"explain", draft{flow, ordersFlow, 12, 21}, 200, `{"from":19,"to":25,"title":"amount: float"`},
		"no explanation":    {"explain", draft{flow, ordersFlow, 3, 1}, 204, ""},
		"a run":             {"try", draft{flow, ordersFlow, 0, 0}, 200, `"rows":[["\"ann\"","2","340.5"],["\"cy\"","1","300"]]`},
		"a run with errors": {"try", draft{"", "nodes: [", 0, 0}, 422, "errors"},
		"another flow":      {"check", draft{filepath.Join(g.dir, "../outside.csv"), "", 0, 0}, 404, "no such flow"},
	} {
		if status, body := g.post(t, c.what, c.draft); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %.400s; want %d %s", name, status, body, c.status, c.want)
		}
	}
}

// many is a flow of n nodes.
func many(n int) string {
	var b strings.Builder
	b.WriteString("nodes:\n  n0: {use: generate, with: {count: 1, set: {x: n}}}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  n%d: {use: map, in: n%d, with: {set: {y: x}}}\n", i, i-1)
	}
	fmt.Fprintf(&b, "  end: {use: drop, in: n%d}\n", n-1)
	return b.String()
}

// TestPlaygroundSees finds out what a stranger's flow can learn: the files of the
// folder, and nothing of the rest of the machine.
func TestPlaygroundSees(t *testing.T) {
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	t.Setenv("PLAYGROUND_SECRET", "hunter2")
	read := func(path string) string {
		return "nodes:\n  a: {use: file.read, with: {path: '" + path + "', format: csv}}\n  b: {use: drop, in: a}\n"
	}
	for name, text := range map[string]string{
		"up":                   read("../outside.csv"),
		"up and down":          read("data/../../outside.csv"),
		"absolute":             read(filepath.Join(g.dir, "../outside.csv")),
		"absolute and inside":  read(filepath.Join(g.dir, "data/orders.csv")),
		"a link":               read("link.csv"),
		"a pattern":            read("../*.csv"),
		"a device":             read("/dev/zero"),
		"hidden":               read(".env"),
		"the environment":      read("${PLAYGROUND_SECRET}"),
		"the environment too":  read("${env:PLAYGROUND_SECRET}"),
		"a file as a variable": read("${file:" + filepath.Join(g.dir, ".env") + "}"),
	} {
		for _, what := range []string{"check", "render", "try"} {
			status, body := g.post(t, what, draft{Text: text})
			if what == "check" && (status != 200 || !strings.Contains(body, `"ok":false`)) || what != "check" && status != 422 {
				t.Errorf("%s, %s: %d %.300s", name, what, status, body)
			}
			if strings.Contains(body, "treasure") || strings.Contains(body, "hunter2") || strings.Contains(body, "KEY") {
				t.Errorf("%s, %s: it was read: %s", name, what, body)
			}
		}
	}
	// What is written stays in memory.
	_, body := g.post(t, "try", draft{Text: "nodes:\n  a: {use: generate, with: {count: 3, set: {x: n}}}\n  b: {use: file.write, in: a, with: {path: ../written.csv}}\n"})
	if !strings.Contains(body, `"outcome":"done"`) {
		t.Errorf("a sink: %s", body)
	}
	if _, err := os.Stat(filepath.Join(g.dir, "../written.csv")); err == nil {
		t.Error("a file was written")
	}
	if _, page := get(t, g.address("secret.yaml"), nil); !strings.Contains(page, "password") || strings.Contains(page, "hunter2") || !strings.Contains(page, "is masked here") {
		t.Error("the editor shows a secret")
	}
	if res, _ := get(t, g.URL+"/playground?flow="+filepath.Join(g.dir, "data/orders.csv"), nil); res.StatusCode != 404 {
		t.Errorf("a file that is no flow: %d", res.StatusCode)
	}
}

// TestPlaygroundHostile sends texts that want too much; each gets an answer that took
// little work.
func TestPlaygroundHostile(t *testing.T) {
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"too large":      {strings.Repeat("x", 1<<20), 413},
		"an alias bomb":  {bomb + "nodes: *a11\n", 200},
		"deep":           {"nodes: " + strings.Repeat("[", 10_000), 200},
		"deep in braces": {"nodes:\n  a: {use: filter, with: {where: " + strings.Repeat("(", 10_000) + "x}}\n", 200},
		"a long line":    {"nodes:\n  a: " + strings.Repeat("a,b:c ", 10_000), 200},
		"many nodes":     {many(3000), 200},
		"many edges":     {"nodes:\n  a: {use: generate, with: {count: 1, set: {x: n}}}\n" + merges(30), 200},
		"many mistakes":  {"nodes:\n" + strings.Repeat("  ? x\n", 10_000), 200},
		"many readers":   {"nodes:\n" + readers(150), 200},
		"a long name":    {"nodes:\n  a: {use: " + strings.Repeat("x", 200_000) + "}\n", 200},
		"a megabyte":     {"nodes: {}\n#" + strings.Repeat("x", 1_000_000), 413},
		"just not":       {"nodes: {}\n#" + strings.Repeat("x", 250_000), 200},
		"no text":        {"\x00\xff\xfe", 200},
	} {
		for _, what := range []string{"check", "complete", "explain"} {
			var status int
			var body string
			littleWork(t, name+", "+what, func() { status, body = g.post(t, what, draft{Text: c.text, Line: 2, Column: 100_000}) })
			if status != c.status && status != 204 {
				t.Errorf("%s, %s: %d %.200s", name, what, status, body)
			}
			if len(body) > 1<<20 {
				t.Errorf("%s, %s: an answer of %d bytes", name, what, len(body))
			}
		}
	}
}

// readers is a part of a flow that reads the same file n times.
func readers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  r%d: {use: file.read, with: {path: data/orders.csv}}\n", i)
	}
	return b.String()
}

// merges is a part of a flow with n nodes that read everything a thousand times.
func merges(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  m%d: {use: merge, in: [%sa]}\n", i, strings.Repeat("a, ", 1000))
	}
	return b.String()
}

func TestPlaygroundGate(t *testing.T) {
	open := playground(t, web.FolderOptions{}, true, trial.Limits{})
	closed := playground(t, web.FolderOptions{Token: "sesame"}, true, trial.Limits{})
	still := playground(t, web.FolderOptions{}, false, trial.Limits{})
	good := draft{Text: "nodes: {}"}
	for _, what := range []string{"check", "render", "complete", "explain", "try"} {
		for name, c := range map[string]struct {
			ground  ground
			draft   any
			headers []string
			want    int
		}{
			"no token":           {closed, good, nil, 401},
			"a wrong token":      {closed, good, []string{"Authorization", "Bearer open"}, 401},
			"another name":       {open, good, []string{"Host", "evil.example"}, 403},
			"another origin":     {open, good, []string{"Origin", "https://evil.example"}, 403},
			"another site":       {open, good, []string{"Sec-Fetch-Site", "cross-site"}, 403},
			"a form":             {open, good, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
			"a text":             {open, good, []string{"Content-Type", "text/plain"}, 415},
			"no JSON":            {open, "nodes: {}", nil, 400},
			"JSON of another":    {open, `{"text": 5}`, nil, 400},
			"a flow not in list": {open, draft{Flow: "../x.yaml"}, nil, 404},
		} {
			if status, body := c.ground.post(t, what, c.draft, c.headers...); status != c.want {
				t.Errorf("%s with %s: %d %s, want %d", what, name, status, body, c.want)
			}
		}
		if res, _ := get(t, open.URL+"/api/v1/"+what, nil); res.StatusCode != 405 {
			t.Errorf("GET %s: %d", what, res.StatusCode)
		}
	}
	if status, body := closed.post(t, "check", good, "Authorization", "Bearer sesame"); status != 200 {
		t.Errorf("with the token: %d %s", status, body)
	}
	if status, body := still.post(t, "try", good); status != 403 || !strings.Contains(body, "--allow-run") {
		t.Errorf("a run that is not allowed: %d %s", status, body)
	}
	res, page := get(t, still.address("orders.yaml"), nil)
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(page, "--allow-run") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "style-src 'self' 'nonce-") {
		t.Errorf("the page under %s", policy)
	}
	if again, _ := get(t, still.address("orders.yaml"), nil); again.Header.Get("Content-Security-Policy") == policy {
		t.Error("the nonce is used twice")
	}
	// Without a playground nobody can ask anything.
	if res, _ := get(t, pretend(t, "", two).URL+"/playground", nil); res.StatusCode != 404 {
		t.Errorf("no playground: %d", res.StatusCode)
	}
}

// TestFolderAPI asks for everything that the description of the API names.
func TestFolderAPI(t *testing.T) {
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	var api struct {
		Paths map[string]map[string]struct {
			Responses map[string]any
		}
	}
	getJSON(t, g.URL+"/api/v1/openapi.json", &api)
	if len(api.Paths) < 10 {
		t.Errorf("only %d paths", len(api.Paths))
	}
	for path, methods := range api.Paths {
		for method, about := range methods {
			var status int
			if method == "get" {
				res, _ := get(t, g.URL+path+"?path="+filepath.Join(g.dir, "orders.yaml"), nil)
				status = res.StatusCode
			} else {
				status, _ = g.post(t, strings.TrimPrefix(path, "/api/v1/"), draft{filepath.Join(g.dir, "orders.yaml"), ordersFlow, 12, 21})
			}
			// Those ask for what this question does not name.
			want := map[string]int{"/api/v1/diff": 404, "/runs/{id}": 404, "/api/v1/runs/{id}": 404, "/runs/compare": 400}[path]
			if path == "/api/v1/live" && method == "post" { // this folder runs nothing
				want = 403
			}
			if want == 0 {
				want = 200
			}
			if status != want || about.Responses["200"] == nil && about.Responses["201"] == nil || about.Responses[strconv.Itoa(want)] == nil {
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
	}
}

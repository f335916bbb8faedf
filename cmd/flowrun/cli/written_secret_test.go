package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The canary of a secret that is written in a flow: it must not come out anywhere.
const canary = "Zk7canary9Qx"

// writtenSecrets are flows that have it, each at another setting. WRONG is put where
// something else is wrong on the line of the secret, so that the line is shown.
var writtenSecrets = []struct {
	name, flow string
	warned     bool
}{
	{"the password of a database", "  a: {use: sql.read, with: {url: 'postgres://ann:CANARY@127.0.0.1:1/db', query: select 1, as: '{n: int}'WRONG}}\n", true},
	{"one with signs", "  a: {use: sql.read, with: {url: 'mysql://ann:p@/CANARY:x@127.0.0.1:1/db', query: select 1, as: '{n: int}'WRONG}}\n", true},
	{"one with a slash", "  a: {use: sql.read, with: {url: 'postgres://ann:p/CANARY@127.0.0.1:1/db', query: select 1, as: '{n: int}'WRONG}}\n", true},
	{"one with signs that are escaped", "  a: {use: sql.read, with: {url: 'postgres://ann:%40CANARY%2F@127.0.0.1:1/db', query: select 1, as: '{n: int}'WRONG}}\n", true},
	{"a parameter of an address", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x?token=CANARY', as: '{n: int}'WRONG}}\n", false},
	{"the address of a server", "  a: {use: http.poll, with: {url: \"http://ann:CANARY@127.0.0.1:1/x\", as: '{n: int}'WRONG}}\n", true},
	{"a proxy", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', proxy: 'http://ann:CANARY@127.0.0.1:1', as: '{n: int}'WRONG}}\n", true},
	{"a token", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: CANARY, as: '{n: int}'WRONG}}\n", true},
	{"a quoted token", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: \"CAN\\x41RY\", as: '{n: int}'WRONG}}\n", true},
	{"a password", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', basic: {user: ann, password: CANARY}, as: '{n: int}'WRONG}}\n", true},
	{"a header", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', headers: {X-Api-Key: CANARY}, as: '{n: int}'WRONG}}\n", true},
	{"a header of a call", "  n: {use: generate, with: {count: 1}}\n  a: {use: http.call, in: n, with: {url: 'http://127.0.0.1:1/x', headers: {X-Key: '\"CANARY\"'}WRONG}}\n", false},
	{"a header of any name", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', headers: {X-Key: CANARY}, as: '{n: int}'WRONG}}\n", false},
	{"a scheme in a header", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', headers: {Authorization: Bearer CANARY}, as: '{n: int}'WRONG}}\n", true},
	{"the token of a listener", "  a: {use: http.listen, with: {address: '127.0.0.1:0', token: CANARY, timeout: 1ms, as: '{n: int}'WRONG}}\n", true},
	{"the secret of signatures", "  a: {use: http.listen, with: {address: '127.0.0.1:0', hmac: {secret: CANARY}, as: '{n: int}'WRONG}}\n", true},
	{"a variable of a command", "  a: {use: exec.read, with: {command: [/no/such], env: {DB_PASSWORD: CANARY}, as: '{n: int}'WRONG}}\n", true},
	{"a block", "  a:\n    use: http.poll\n    with:\n      url: http://127.0.0.1:1/x\n      token: |-\n        CANARY\n      as: '{n: int}'\nWRONGLINE", true},
	{"lines of its own", "  a:\n    use: http.poll\n    with:\n      url: http://127.0.0.1:1/x\n      as: '{n: int}'\n      token: CANARY\nWRONGLINE", true},
	{"the value of a variable", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: '${API}', as: '{n: int}'WRONG}}\nVARS", true},
	{"the default of a variable", "  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: '${NONE:-CANARY}', as: '{n: int}'WRONG}}\n", true},
	{"a variable in an address", "  a: {use: sql.read, with: {url: 'postgres://ann:${API}@127.0.0.1:1/db', query: select 1, as: '{n: int}'WRONG}}\nVARS", true},
	{"an expression", "  a: {use: generate, with: {count: 1, set: {n: n, u: '\"http://ann:CANARY@h/x\"'}WRONG}}\n", false},
}

// open is a flow of the table; wrong has one more mistake on the line of the secret, which
// stands behind it.
func openSecret(flow string, wrong bool) string {
	more, line := "", ""
	if wrong {
		more, line = ", colour: 1", "      colour: 1\n"
	}
	text := strings.NewReplacer("CANARY", canary, "WRONGLINE", line, "WRONG", more, "CAN\\x41RY", strings.Replace(canary, "c", "\\x63", 1)).Replace(flow)
	text, vars := strings.CutSuffix(text, "VARS")
	text += "  out: {use: drop, in: a}\n"
	if vars {
		text += "vars: {API: " + canary + "}\n"
	}
	return "flow: f\nnodes:\n" + text
}

// wrongSecrets have a mistake in the secret itself, or so near that its line is shown.
var wrongSecrets = map[string]string{
	"a misspelt setting":      "flow: f\nnodes:\n  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', tokn: CANARY, as: '{n: int}'}}\n  out: {use: drop, in: a}\n",
	"a misspelt address":      "flow: f\nnodes:\n  a: {use: sql.read, with: {urll: 'postgres://ann:CANARY@127.0.0.1:1/db', query: select 1, as: '{n: int}'}}\n  out: {use: drop, in: a}\n",
	"a text for a mapping":    "flow: f\nnodes:\n  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', basic: CANARY, as: '{n: int}'}}\n  out: {use: drop, in: a}\n",
	"a list for a text":       "flow: f\nnodes:\n  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: [CANARY], as: '{n: int}'}}\n  out: {use: drop, in: a}\n",
	"beside use":              "flow: f\nnodes:\n  a: {use: http.poll, token: CANARY, with: {url: 'http://127.0.0.1:1/x', as: '{n: int}'}}\n  out: {use: drop, in: a}\n",
	"an unknown kind":         "flow: f\nnodes:\n  a: {use: http.pull, with: {url: 'http://ann:CANARY@127.0.0.1:1/x', token: CANARY}}\n  out: {use: drop, in: a}\n",
	"no YAML":                 "flow: f\nnodes:\n  a: {use: http.poll, with: {token: CANARY, url: ]}}\n",
	"a key that stands twice": "flow: f\nnodes:\n  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: abc, token: CANARY, as: '{n: int}'}}\n  out: {use: drop, in: a}\n",
	"a variable":              "flow: f\nvars: {API_TOKEN: CANARY, other: {type: int, default: x}}\nnodes:\n  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: '${API_TOKEN}', as: '{n: int}', colour: 1}}\n  out: {use: drop, in: a}\n",
	"the default of one":      "flow: f\nnodes:\n  a: {use: http.poll, with: {url: 'http://127.0.0.1:1/x', token: '${API_TOKEN:-CANARY}', as: '{n: int}', colour: 1}}\n  out: {use: drop, in: a}\n",
}

// silent fails if the canary, or a good part of it, is in a text.
func silent(t *testing.T, where, text string) {
	t.Helper()
	for _, part := range []string{canary, canary[:8], canary[4:]} {
		if strings.Contains(text, part) {
			t.Errorf("%s shows the secret:\n%s", where, text)
			return
		}
	}
}

// A secret that is written in a flow is shown by no verb and on no page, and the check says
// that it should not be there.
func TestWrittenSecretsAreHidden(t *testing.T) {
	for _, test := range writtenSecrets {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"f.yaml": openSecret(test.flow, false), "wrong.yaml": openSecret(test.flow, true)}
			folder(t, files)
			for _, args := range [][]string{
				{"check", "f.yaml"}, {"check", "f.yaml", "--json"}, {"check", "wrong.yaml"}, {"check", "wrong.yaml", "--json"},
				{"types", "f.yaml"}, {"types", "f.yaml", "--json"}, {"types", "wrong.yaml"},
				{"plan", "f.yaml"}, {"plan", "f.yaml", "--json"}, {"plan", "wrong.yaml"},
				{"render", "f.yaml"}, {"render", "f.yaml", "-o", "x.dot"}, {"render", "f.yaml", "-o", "x.mmd"}, {"render", "wrong.yaml"},
				{"diff", "f.yaml", "wrong.yaml"}, {"diff", "f.yaml", "wrong.yaml", "--json"}, {"diff", "wrong.yaml", "f.yaml", "-o", "x.svg"},
				{"run", "wrong.yaml"}, {"check", "f.yaml", "--strict"},
			} {
				text, _ := exec.Command(program, args...).CombinedOutput()
				silent(t, strings.Join(args, " "), string(text))
			}
			for _, written := range []string{"x.dot", "x.mmd", "x.svg"} {
				text, _ := os.ReadFile(written)
				silent(t, written, string(text))
			}
			text, _ := exec.Command(program, "check", "f.yaml").CombinedOutput()
			if got := strings.Contains(string(text), "[W513]"); got != test.warned {
				t.Errorf("warned: %v, want %v\n%s", got, test.warned, text)
			}
			text, _ = exec.Command(program, "check", "wrong.yaml").CombinedOutput()
			if !strings.Contains(string(text), `unknown key "colour"`) {
				t.Errorf("the mistake is not told:\n%s", text)
			}
			caretsFit(t, files["wrong.yaml"], string(text))
		})
	}
	for name, flow := range wrongSecrets {
		t.Run(name, func(t *testing.T) {
			flow = strings.ReplaceAll(flow, "CANARY", canary)
			folder(t, map[string]string{"f.yaml": flow})
			for _, args := range [][]string{{"check", "f.yaml"}, {"check", "f.yaml", "--json"}, {"run", "f.yaml", "--log", "json"}, {"types", "f.yaml"}} {
				text, _ := exec.Command(program, args...).CombinedOutput()
				silent(t, strings.Join(args, " "), string(text))
				if len(text) == 0 {
					t.Errorf("%v says nothing", args)
				}
			}
		})
	}
}

// caretsFit looks whether every caret under an excerpt stands where it does under the line
// as it is written.
func caretsFit(t *testing.T, flow, said string) {
	t.Helper()
	lines := strings.Split(flow, "\n")
	for block := range strings.SplitSeq(said, "wrong.yaml:") {
		var line, col int
		if n, _ := fmt.Sscanf(block, "%d:%d:", &line, &col); n != 2 || line > len(lines) || len(lines[line-1]) > 115 {
			continue
		}
		rows := strings.Split(block, "\n")
		if len(rows) < 3 || !strings.Contains(rows[1], " | ") {
			continue
		}
		_, shown, _ := strings.Cut(rows[1], " | ")
		_, marks, _ := strings.Cut(rows[2], " | ")
		if len([]rune(shown)) != len([]rune(lines[line-1])) || strings.IndexByte(marks, '^') != col-1 {
			t.Errorf("line %d, column %d, was %q, is shown as\n%s\n%s", line, col, lines[line-1], shown, marks)
		}
	}
}

// What a run leaves behind has no secret of its flow: reports, kept runs, logs, pages. The
// patch of advise is not among them, nor what fmt prints: that is the text of the flow, and
// with something else in it of no use.
func TestRunsKeepWrittenSecrets(t *testing.T) {
	const with = "flow: f\nnodes:\n" +
		"  a: {use: generate, with: {rate: 100}}\n" +
		"  c: {use: http.call, in: a, on_error: skip, with: {url: '\"http://ann:CANARY@127.0.0.1:1/\"', token: CANARY, headers: {X-Api-Key: '\"CANARY\"', X-Key: '\"CANARY\"'}, as: '{n: int}', into: m}}\n" +
		"  out: {use: drop, in: c}\n"
	folder(t, map[string]string{"f.yaml": strings.ReplaceAll(with, "CANARY", canary), "g.yaml": strings.ReplaceAll(strings.ReplaceAll(with, "rate: 100", "count: 3"), "CANARY", canary)})
	for _, args := range [][]string{
		{"run", "g.yaml", "--keep", "--report", "r.json"}, {"run", "g.yaml", "--log", "json"}, {"run", "g.yaml", "--log", "text"}, {"plan", "g.yaml"},
		{"runs"}, {"runs", "--json"}, {"doctor", "g.yaml"}, {"doctor", "g.yaml", "--json"},
	} {
		text, _ := exec.Command(program, args...).CombinedOutput()
		silent(t, strings.Join(args, " "), string(text))
	}
	var kept int
	filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".yaml" {
			text, _ := os.ReadFile(path)
			silent(t, path, string(text))
			kept++
		}
		return nil
	})
	if kept == 0 {
		t.Error("the run kept nothing")
	}

	pages := func(p *process, at string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			res, err := http.Get(at + path)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", path, res.Status)
			}
			silent(t, path, string(text))
		}
	}
	p := start(t, "run", "f.yaml", "--ui=127.0.0.1:0")
	at := pageIn(t, p)
	pages(p, at, "", "api/v1/flow", "api/v1/state", "api/v1/nodes/c", "graph.svg")
	p.cmd.Process.Kill()
	p.cmd.Wait()

	os.WriteFile("wrong.yaml", []byte(strings.Replace(strings.ReplaceAll(with, "CANARY", canary), "into: m", "into: m, colour: 1", 1)), 0o644)
	p = start(t, "serve", ".", "--addr", "127.0.0.1:0")
	at = pageIn(t, p)
	pages(p, at, "", "flow?path=f.yaml", "flow?path=wrong.yaml", "graph.svg?path=f.yaml", "playground?flow=f.yaml", "runs", "api/v1/runs", "diff?a=f.yaml&b=wrong.yaml", "api/v1/diff?a=f.yaml&b=g.yaml")
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// pageIn waits for the line that tells where a page is, over warnings.
func pageIn(t *testing.T, p *process) string {
	t.Helper()
	var said bytes.Buffer
	for {
		line, err := p.err.ReadString('\n')
		said.WriteString(line)
		silent(t, "the start", line)
		if _, at, ok := strings.Cut(line, "http://"); ok && !strings.Contains(line, "•") {
			return "http://" + strings.TrimSpace(strings.Fields(at)[0])
		}
		if err != nil {
			t.Fatalf("no page: %s", said.String())
		}
	}
}

// What is no secret is shown, though a secret might stand there.
func TestWhatIsNoSecretIsShown(t *testing.T) {
	folder(t, map[string]string{"f.yaml": "flow: f\nnodes:\n" +
		"  a: {use: http.poll, with: {url: 'https://127.0.0.1:1/x', tls: {key: key.pem, cert: cert.pem}, headers: {X-Key: '${env:HOME}'}, as: '{n: int}', colour: 1}}\n" +
		"  b: {use: http.poll, with: {url: 'https://127.0.0.1:1/x', tls: required, token: '${env:HOME}', as: '{n: int}'}}\n" +
		"  c: {use: http.poll, with: {url: '${env:HOME}', as: '{n: int}'}}\n" +
		"  out: {use: merge, in: [a, b, c]}\n  end: {use: drop, in: out}\n"})
	text, _ := exec.Command(program, "check", "f.yaml").CombinedOutput()
	if said := string(text); strings.Contains(said, "[W513]") || strings.Contains(said, "•") || !strings.Contains(said, `want a mapping, got text "required"`) || !strings.Contains(said, "key: key.pem") {
		t.Errorf("got\n%s", said)
	}
}

package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// evil has a sequence that clears the screen, one that sets the title, a delete, controls
// of eight bits, a carriage return and an override of the direction of text.
const evil = "\x1b[2J\x1b]0;owned\x07\x7f\u009b31m\r\u202ex"

// Whatever names, data and messages have in them, no verb lets a terminal obey it.
func TestNothingCommandsATerminal(t *testing.T) {
	quoted := `"` + "\\e[2J\\e]0;owned\\a\\x7f\\u009b31m\\r\\u202ex" + `"` // evil, as YAML writes it
	file := "e" + strings.ReplaceAll(evil, "/", "") + ".csv"
	files := map[string]string{
		file:             "id,t,p" + evil + "\n1,a" + evil + ",x\n2,b" + evil + ",y\n",
		"good.yaml":      "nodes:\n  s: {use: file.read, with: {path: '*.csv'}}\n  f: {use: log, in: s, with: {label: " + quoted + "}}\n  o: {use: drop, in: f}\n",
		"bad.yaml":       "flow: " + quoted + "\nabout: " + quoted + "\nnodes:\n  " + quoted + ": {use: " + quoted + ", in: " + quoted + ", with: {" + quoted + ": 1}}\n  s: {use: file.read, with: {path: " + quoted + "}}\n",
		"fails.yaml":     "nodes:\n  s: {use: file.read, with: {path: '*.csv'}}\n  m: {use: map, in: s, with: {set: {y: 'int(t)'}}}\n  o: {use: file.write, in: m, with: {path: o.jsonl}}\n",
		"skip.yaml":      "nodes:\n  s: {use: file.read, with: {path: '*.csv'}}\n  m: {use: map, in: s, on_error: skip, with: {set: {y: 'int(t)'}}}\n  o: {use: file.write, in: m, with: {path: o.jsonl}}\n",
		"parse.yaml":     "nodes: " + evil + "\n",
		"good_test.yaml": "flow: good.yaml\ntests:\n  - name: " + quoted + "\n    feed: {s: [{id: 1, t: " + quoted + ", " + strings.Replace(quoted, `"`, `"p`, 1) + ": x}]}\n    expect: {f: [{id: 1, t: " + strings.Replace(quoted, `"`, `"y`, 1) + "}]}\n",
		"other.yaml":     "nodes:\n  s: {use: file.read, with: {path: " + quoted + "}}\n  o: {use: file.write, in: s, with: {path: " + quoted + "}}\n",
	}
	for name := range files { // YAML refuses raw control characters, which is a message too
		if strings.HasSuffix(name, ".csv") && !strings.Contains(name, "\x1b") {
			t.Fatal("the name of the file is harmless")
		}
	}
	for _, line := range []string{
		"check good.yaml", "check bad.yaml", "check parse.yaml", "check bad.yaml --json", "check EVIL", "check other.yaml", "check .",
		"run good.yaml", "run fails.yaml", "run skip.yaml", "run bad.yaml", "run skip.yaml --json", "run skip.yaml --report -", "run fails.yaml -q", "run EVIL",
		"run good.yaml --log json", "run good.yaml --report r.txt --EVIL", "run good.yaml -s EVIL=EVIL", "run skip.yaml --color always", "run fails.yaml --color always", "check bad.yaml --color always",
		"types good.yaml", "types good.yaml --json", "plan good.yaml", "plan other.yaml", "advise fails.yaml", "advise good.yaml", "diff good.yaml other.yaml", "diff other.yaml bad.yaml",
		"render bad.yaml -f dot", "test", "test good_test.yaml", "test EVIL", "runs EVIL", "nodes EVIL", "top EVIL", "tap EVIL EVIL", "fmt parse.yaml", "new EVIL", "EVIL", "run --EVIL", "schema EVIL", "help EVIL",
		"eval EVIL", "eval nosuch --type EVIL",
	} {
		t.Run(strings.ReplaceAll(line, "EVIL", "evil"), func(t *testing.T) {
			folder(t, files)
			var args []string
			for _, word := range strings.Fields(line) {
				args = append(args, strings.ReplaceAll(word, "EVIL", evil))
			}
			r := call("", args...)
			said := r.out + r.err
			if said == "" {
				t.Error("nothing is said")
			}
			if strings.Contains(line, "always") {
				for _, code := range []string{"0", "1", "2", "31", "32", "33", "34"} {
					said = strings.ReplaceAll(said, "\x1b["+code+"m", "")
				}
			}
			for i, c := range said {
				if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == utf8.RuneError && !strings.HasPrefix(said[i:], "\uFFFD") {
					t.Fatalf("%q in %q", c, said[max(0, i-60):min(len(said), i+20)])
				}
			}
			if strings.HasSuffix(line, "--json") && line != "run skip.yaml --json" && !json.Valid([]byte(r.out)) {
				t.Errorf("not JSON: %s", r.out)
			}
		})
	}
}

// JSON keeps what it hides from the terminal.
func TestJSONKeepsControlCharacters(t *testing.T) {
	folder(t, map[string]string{"f.yaml": "nodes:\n  s: {use: file.read, with: {path: \"\\u202e\\x7f.csv\"}}\n  o: {use: drop, in: s}\n"})
	r := call("", "check", "f.yaml", "--json")
	if found := parse[[]struct{ Message string }](t, r.out); len(found) != 1 || found[0].Message != "there is no file \u202e\x7f.csv" {
		t.Errorf("got %q", r.out)
	}
}

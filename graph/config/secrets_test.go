package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// keeper is settings with secrets wherever they may stand.
type keeper struct {
	Token   Secret      `yaml:"token" doc:"A token."`
	Address URL         `yaml:"address" doc:"A peer."`
	Headers Map[Secret] `yaml:"headers" doc:"Headers."`
	Keys    []Secret    `yaml:"keys" doc:"Keys."`
	Basic   *login      `yaml:"basic" doc:"Who."`
	Open    string      `yaml:"open" doc:"No secret."`
}

type login struct {
	User     string `yaml:"user" doc:"Who."`
	Password Secret `yaml:"password" doc:"The password."`
}

func TestWrittenSecrets(t *testing.T) {
	schema, err := Of(&keeper{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"token: abcd":                    `token "abcd" 1:8+4`,
		"token: 'ab''cd'":                `token "ab'cd" 1:9+6`,
		"token: ''":                      "",
		"token: ${env:X}":                "",
		"token: ${X}":                    "",
		"token: ${DECLARED}":             `token "declared" 7:1+8`,
		"token: ${NONE:-abcd}":           `token "abcd" 1:16+4`,
		"token: x${X}":                   `token "xgiven" 1:8+5`,
		"token: |-\n  ab\n  cd":          `token "ab\ncd" 2:3+2`,
		"tokn: abcd":                     `token? "abcd" 1:7+4`,
		"open: abcd":                     "",
		"headers: {A: b, C: '${env:X}'}": `A* "b" 1:14+1`,
		"keys: [a, b]":                   `keys "a" 1:8+1; keys "b" 1:11+1`,
		"basic: {user: a, password: b}":  `password "b" 1:28+1`,
		"basic: abcd":                    `password*? "abcd" 1:8+4`,
		"basic: true":                    "",
		"address: http://a:b@c/d":        `address@ "b" 1:19+1`,
		"address: http://a:${X}@c/d":     "",
		"address: http://a:b/c@d@e/f":    `address@ "b/c@d" 1:19+5`,
		"address: http://a:b@c/d@e":      `address@ "b" 1:19+1`,
		"address: http://a:@c/d":         "",
		"address: http://a@c/d":          "",
		"address: sqlite:x.db":           "",
		"address: ${env:X}":              "",
	} {
		var list diag.List
		tree := Parse(diag.NewSource("a.yaml", []byte(text)), &list)
		at := diag.Span{Source: diag.NewSource("vars", []byte("\n\n\n\n\n\ndeclared")), Line: 7, Col: 1, Width: 8}
		Substitute(tree, func(name string) (Variable, bool) {
			switch name {
			case "DECLARED":
				return Variable{Text: "declared", At: at}, true
			case "NONE":
				return Variable{}, false
			}
			return Variable{Text: "given"}, true
		}, &list)
		var got []string
		schema.Secrets(tree, func(w WrittenSecret) {
			name := w.Name
			for i, is := range []bool{w.Free, w.Address, w.Unwanted} {
				if is {
					name += "*@?"[i : i+1]
				}
			}
			if w.Unwanted && name == "tokn?" {
				name = "token?"
			}
			got = append(got, fmt.Sprintf("%s %q %d:%d+%d", name, w.Text, w.At.Line, w.At.Col, w.At.Width))
		})
		if g := strings.Join(got, "; "); g != want {
			t.Errorf("%s\n got %s\nwant %s", text, g, want)
		}
	}
}

// However an address is written, the password is within it.
func FuzzPasswordIn(f *testing.F) {
	for _, seed := range []string{"a://b:c@d/e", "://@", "a://:@/@", "a://b:ü@c", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		from, to := passwordIn(address)
		if runes := []rune(address); from < 0 || to < from || to > len(runes) {
			t.Fatalf("%q: %d to %d", address, from, to)
		} else if to > from && (runes[from-1] != ':' || runes[to] != '@') {
			t.Fatalf("%q: %q", address, string(runes[from:to]))
		}
	})
}

package scheduler

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

type login struct {
	User     string            `json:"user"`
	Password string            `json:"password"`
	Headers  map[string]string `json:"headers"`
	Note     any               `json:"note"`
}

func TestHiding(t *testing.T) {
	h := newHiding([]string{"Card_Number"}, []string{"s3cr\"et", "no"})
	for text, want := range map[string]string{
		`{"a":1}`:                `{"a":1}`,
		`{"password":"x","b":2}`: `{"password":"•••","b":2}`,
		`{"Pass-Word":{"deep":[1,"}"]},"b":[1,2]}`:                     `{"Pass-Word":"•••","b":[1,2]}`,
		`{"api_key":null}`:                                             `{"api_key":"•••"}`,
		`{"a":{"access_token":17,"b":[{"client.secret":true}]},"c":0}`: `{"a":{"access_token":"•••","b":[{"client.secret":"•••"}]},"c":0}`,
		`{"pin":1,"spin":2,"author":"x","auth":"y"}`:                   `{"pin":"•••","spin":2,"author":"x","auth":"•••"}`,
		`{"cardNumber":4111,"p\u0061ssword":"x"}`:                      `{"cardNumber":"•••","p\u0061ssword":"•••"}`,
		`{"a":"the s3cr\"et is no s3cr\"et"}`:                          `{"a":"the ••• is no •••"}`,
		`"GET /?token=abc&x=1 password: hunter2, Bearer abcdef123"`:    `"GET /?token=•••&x=1 password: •••, Bearer •••"`,
		`["postgres://me:pw@host/db"]`:                                 `["postgres://me:•••@host/db"]`,
		`"{\"secret\":\"x\",\"b\":1}"`:                                 `"{\"secret\":\"•••\",\"b\":1}"`,
		`{"a":"whole","b":"cut of`:                                     `{"a":"whole","b":`,
		`{"password":"cut of`:                                          `{"password":"•••"`,
		`{"a":"\`:                                                      `{"a":`,
		`{"a`:                                                          `{`,
		`12`:                                                           `12`,
		``:                                                             ``,
	} {
		if got := string(h.appendJSON(nil, text)); got != want {
			t.Errorf("%s\n gives %s\n want  %s", text, got, want)
		}
	}
}

// Go values are shown by the names that they have as JSON, or in flows.
func TestHiddenItems(t *testing.T) {
	h := newHiding(nil, nil)
	one := func(x any) string {
		items := record.Wrap([]login{x.(login)})
		defer items.Release()
		text, _ := h.item(items)
		return text
	}
	got := one(login{"ada", "hunter2", map[string]string{"Authorization": "Basic abcdefgh"}, "x"})
	if strings.Contains(got, "hunter2") || strings.Contains(got, "abcdefgh") || !strings.Contains(got, `"ada"`) {
		t.Error(got)
	}
	long, cut := h.item(record.Wrap([]string{strings.Repeat("é", 3000)}))
	if !cut || len(long) > tapTextBytes+len("…") || !utf8.ValidString(long) || !strings.HasSuffix(long, "é…") {
		t.Errorf("%d bytes, cut %v: …%s", len(long), cut, long[len(long)-10:])
	}
	b := record.New(types.Record(types.Field{Name: "text", Type: types.String}, types.Field{Name: "token", Type: types.String}))
	b.Rows = 2
	for _, c := range b.Cols {
		c.Resize(2)
		c.Str[0], c.Str[1] = "none", strings.Repeat("x", tapReadBytes-20)
	}
	if text, cut := h.item(b.Slice(1, 2)); !cut || len(text) > tapTextBytes+10 {
		t.Errorf("%d bytes, cut %v", len(text), cut)
	}
	if text, cut := h.item(b.Slice(0, 1)); cut || text != `{"text":"none","token":"•••"}` {
		t.Errorf("%s, cut %v", text, cut)
	}
}

// Whatever the text, what comes out can be shown, and a secret is not in it.
func FuzzHiding(f *testing.F) {
	f.Add(`{"password":"x","b":[1,{"c":"\u0022"}]}`, "x")
	f.Fuzz(func(t *testing.T, text, secret string) {
		h := newHiding(nil, nil)
		out := string(h.appendJSON(nil, text))
		if json.Valid([]byte(text)) && !json.Valid([]byte(out)) {
			t.Fatalf("%q gives %q", text, out)
		}
		quoted, err := json.Marshal(map[string]any{"a": []string{secret}, "token": secret, "b": 1})
		if err != nil || len(secret) < shortestSecret || !utf8.ValidString(secret) {
			return
		}
		var back struct{ A []string }
		out = string(newHiding(nil, []string{secret}).appendJSON(nil, string(quoted)))
		if err := json.Unmarshal([]byte(out), &back); err != nil || len(back.A) != 1 || strings.Contains(back.A[0], secret) && !strings.Contains(hidden, secret) {
			t.Fatalf("%q in %s: %v", secret, out, err)
		}
	})
}

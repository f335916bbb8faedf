package redact_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

func TestJSON(t *testing.T) {
	r := redact.New([]string{"Card_Number"}, []string{"s3cr\"et", "no", "4711"})
	for text, want := range map[string]string{
		`{"a":1}`:                                  `{"a":1}`,
		`{"password":"x","b":2}`:                   `{"password":"•••","b":2}`,
		`{"password" : "x" , "b": 2}`:              `{"password" : "•••" , "b": 2}`,
		`{"Pass-Word":{"deep":[1,"}"]},"b":[1,2]}`: `{"Pass-Word":"•••","b":[1,2]}`,
		`{"api_key":null}`:                         `{"api_key":"•••"}`,
		`{"a":{"access_token":17,"b":[{"client.secret":true}]},"c":0}`: `{"a":{"access_token":"•••","b":[{"client.secret":"•••"}]},"c":0}`,
		`{"pin":1,"spin":2,"author":"x","auth":"y"}`:                   `{"pin":"•••","spin":2,"author":"x","auth":"•••"}`,
		`{"cardNumber":4111,"p\u0061ssword":"x"}`:                      `{"cardNumber":"•••","p\u0061ssword":"•••"}`,
		`{"a":"the s3cr\"et is no s3cr\"et"}`:                          `{"a":"the ••• is no •••"}`,
		`{"a":-4711,"b":4711.5,"4711":1,"c":47}`:                       `{"a":"•••","b":"•••","•••":1,"c":47}`,
		`"GET /?token=abc&x=1 password: hunter2, Bearer abcdef123"`:    `"GET /?token=•••&x=1 password: •••, Bearer •••"`,
		`["postgres://me:pw@host/db"]`:                                 `["postgres://me:•••@host/db"]`,
		`{"dsn":"me:pw@tcp(host)/db","x":0}`:                           `{"dsn":"me:•••@tcp(host)/db","x":0}`,
		`"{\"secret\":\"x\",\"b\":1}"`:                                 `"{\"secret\":\"•••\",\"b\":1}"`,
		`{"session":"abc"}`:                                            `{"session":"•••"}`,
		`{"session":"10m0s"}`:                                          `{"session":"10m0s"}`,
		`{"session":{"user":"ada","token":"x"}}`:                       `{"session":{"user":"ada","token":"•••"}}`,
		`{"token=abc":1}`:                                              `{"token=•••":1}`,
		`{"a":"whole","b":"cut of`:                                     `{"a":"whole","b":…`,
		`{"password":"cut of`:                                          `{"password":"•••"`,
		`{"password":{"a":"cut`:                                        `{"password":"•••"`,
		`{"a":"\`:                                                      `{"a":…`,
		`{"a`:                                                          `{…`,
		`12`:                                                           `12`,
		``:                                                             ``,
	} {
		got := r.JSON(text)
		if got != want {
			t.Errorf("%s\n gives %s\n want  %s", text, got, want)
		}
		if again := r.JSON(got); again != got && !strings.HasSuffix(got, "…") {
			t.Errorf("%s\n gives %s, and then %s", text, got, again)
		}
	}
}

type login struct {
	User     string            `json:"user"`
	Password string            `json:"password"`
	Headers  map[string]string `json:"headers"`
	Note     any               `json:"note"`
}

type account struct {
	Name  string
	Login struct{ APIKey, Host string }
}

// Go values are shown by the names that they have as JSON, or in flows.
func TestItem(t *testing.T) {
	item := func(d record.Data, row int) string {
		defer d.Release()
		text, cut := redact.Item(d, row, 4096)
		if cut {
			t.Errorf("%s was cut", text)
		}
		return text
	}
	if got := item(record.Wrap([]login{{}, {"ada", "hunter2", map[string]string{"Authorization": "Basic abcdefgh"}, "x"}}), 1); got != `{"user":"ada","password":"•••","headers":{"Authorization":"•••"},"note":"x"}` {
		t.Error(got)
	}
	a := account{Name: "ada"}
	a.Login.APIKey, a.Login.Host = "hunter2", "h"
	if got := item(record.Wrap([]account{a}), 0); got != `{"name":"ada","login":{"api_key":"•••","host":"h"}}` {
		t.Error(got)
	}
	if got := item(record.Wrap([]any{nil}), 0); got != "null" {
		t.Error(got)
	}
	if got := item(record.Wrap([]func(){nil}), 0); got != `"an item that is not JSON"` {
		t.Error(got)
	}
	b := record.New(types.Record(types.Field{Name: "text", Type: types.String}, types.Field{Name: "token", Type: types.String}))
	b.Rows = 2
	for _, c := range b.Cols {
		c.Resize(2)
		c.Str[0], c.Str[1] = "none", strings.Repeat("x", 65000)
	}
	if text, cut := redact.Item(b, 1, 4096); !cut || len(text) > 4106 {
		t.Errorf("%d bytes, cut %v", len(text), cut)
	}
	if text, cut := redact.Item(b, 0, 4096); cut || text != `{"text":"none","token":"•••"}` {
		t.Errorf("%s, cut %v", text, cut)
	}
}

func TestLongItem(t *testing.T) {
	for most := range 5 {
		long, cut := redact.Item(record.Wrap([]string{strings.Repeat("é", 3000)}), 0, 4000+most)
		if !cut || len(long) > 4000+most+len("…") || !utf8.ValidString(long) || !strings.HasSuffix(long, "é…") {
			t.Errorf("%d bytes, cut %v: …%s", len(long), cut, long[len(long)-10:])
		}
	}
	raw, cut := redact.Raw("password: hunter2 "+strings.Repeat("é", 300), 101)
	if !cut || !strings.HasPrefix(raw, `"password: ••• é`) || len(raw) > 104 || !utf8.ValidString(raw) {
		t.Error(raw)
	}
}

// A value that is shown alone is what it is in its item.
func TestField(t *testing.T) {
	for _, x := range []struct{ path, value, want string }{
		{"", `{"token":"x","a":1}`, `{"token":"•••","a":1}`},
		{"login.password", `"x"`, `"•••"`},
		{"login", `{"password":7}`, `{"password":"•••"}`},
		{"tokens[2]", `7`, `"•••"`},
		{"credentials.user", `"ada"`, `"•••"`},
		{"session.user", `"ada"`, `"ada"`},
		{"session", `"1h0m0s"`, `"1h0m0s"`},
		{"session", `"abc"`, `"•••"`},
		{"note", `"token=abc"`, `"token=•••"`},
	} {
		if got := redact.Field(x.path, x.value); got != x.want {
			t.Errorf("%s: %s is shown as %s, want %s", x.path, x.value, got, x.want)
		}
	}
}

// A text that could not be read is a string whose names are looked for all the same.
func TestRaw(t *testing.T) {
	for text, want := range map[string]string{
		`{"password": "hunter2", "age": x}`:                   `{"password": "•••", "age": x}`,
		`{"password":"hunter2`:                                `{"password":"•••`,
		`{"a": {"api_key": 17, "b": [{"token": ["x", "y"]},`:  `{"a": {"api_key": •••, "b": [{"token": •••},`,
		"{\n  \"secret\":\n    \"x\",\n  \"b\": 1":            "{\n  \"secret\":\n    \"•••\",\n  \"b\": 1",
		`{"p\u0061ssword":"x",`:                               `{"p\u0061ssword":"•••",`,
		`{"msg": "{\"token\":\"a\\\"b\",\"n\":1}"`:            `{"msg": "{\"token\":\"•••\",\"n\":1}"`,
		`{"msg": "{\"x\":\"{\\\"token\\\":\\\"a\\\",\"`:       `{"msg": "{\"x\":\"{\\\"token\\\":\\\"•••\\\",\"`,
		`{'password': 'it''s', 'n': 1`:                        `{'password': '•••', 'n': 1`,
		`{"credentials": {"user": "a", "x": ["}"]}, "n": 1`:   `{"credentials": •••, "n": 1`,
		`{"session": {"user": "a", "token": "}"}, "n": "1`:    `{"session": {"user": "a", "token": "•••"}, "n": "1`,
		"id,password\n7,hunter2":                              "id,password\n7,hunter2", // it goes by names
		`<a password="hunter2" id="7"/>`:                      `<a password="•••" id="7"/>`,
		`{"id":"x","url":"https://me:pw@host/?api_key=7#top"`: `{"id":"x","url":"https://me:•••@host/?api_key=•••"`,
	} {
		got, _ := redact.Raw(text, 1000)
		var back string
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != want {
			t.Errorf("%s\n gives %s\n want  %s %v", text, back, want, err)
		}
	}
}

// Whatever the text, what comes out can be shown, and a secret is not in it.
func FuzzJSON(f *testing.F) {
	f.Add(`{"password":"x","b":[1,{"c":"\u0022"}]}`, "x")
	f.Fuzz(func(t *testing.T, text, secret string) {
		out := redact.JSON(text)
		if json.Valid([]byte(text)) && (!json.Valid([]byte(out)) || redact.JSON(out) != out) {
			t.Fatalf("%q gives %q", text, out)
		}
		quoted, err := json.Marshal(map[string]any{"a": []string{secret}, "token": secret, "b": 1})
		if err != nil || len(secret) < 4 || !utf8.ValidString(secret) {
			return
		}
		var back struct{ A []string }
		out = redact.New(nil, []string{secret}).JSON(string(quoted))
		if err := json.Unmarshal([]byte(out), &back); err != nil || len(back.A) != 1 || strings.Contains(back.A[0], secret) && !strings.Contains(redact.Mask, secret) {
			t.Fatalf("%q in %s: %v", secret, out, err)
		}
	})
}

func BenchmarkItem(b *testing.B) {
	d := record.New(types.Record(types.Field{Name: "id", Type: types.Int}, types.Field{Name: "carrier", Type: types.String}, types.Field{Name: "departure", Type: types.String}, types.Field{Name: "note", Type: types.String}))
	d.Rows = 1
	for i, c := range d.Cols {
		c.Resize(1)
		if i > 0 {
			c.Str[0] = "2026-11-23T09:30:00Z from A to B"
		}
	}
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			jsonl.AppendItem(nil, d, 0)
		}
	})
	b.Run("redacted", func(b *testing.B) {
		for b.Loop() {
			redact.Item(d, 0, 500)
		}
	})
}

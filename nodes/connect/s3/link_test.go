package s3

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// Keys are those of the settings, else of the environment, else of a profile.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"credentials": "[default]\naws_access_key_id = one\naws_secret_access_key=first\n\n[ other ]\n# more\naws_access_key_id=two\naws_secret_access_key = sec=ond\naws_session_token=t\n",
		"config":      "[default]\nregion = eu-west-1\ncredential_process = /bin/false\n[profile other]\nregion=eu-central-1\nendpoint_url = http://127.0.0.1:1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		l    Link
		env  string // NAME=VALUE ...
		want identity
		err  string
	}{
		{Link{}, "", identity{amazon, "eu-west-1", "one", "first", "", "the profile of ~/.aws"}, ""},
		{Link{}, "AWS_PROFILE=other", identity{"http://127.0.0.1:1", "eu-central-1", "two", "sec=ond", "t", "the profile of ~/.aws"}, ""},
		{Link{}, "AWS_PROFILE=third", identity{}, "no profile \"third\""},
		{Link{}, "AWS_ACCESS_KEY_ID=e AWS_SECRET_ACCESS_KEY=s AWS_REGION=r AWS_ENDPOINT_URL=http://h", identity{"http://h", "r", "e", "s", "", "AWS_ACCESS_KEY_ID"}, ""},
		{Link{}, "AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_CONFIG_FILE=/dev/null", identity{amazon, "", "", "", "", "nowhere, so requests are not signed"}, ""},
		{Link{AccessKey: "a", SecretKey: config.NewSecret("s"), Region: "x", Endpoint: "h"}, "AWS_ACCESS_KEY_ID=e AWS_SECRET_ACCESS_KEY=s", identity{"h", "x", "a", "s", "", "access_key"}, ""},
		{Link{AccessKey: "anonymous"}, "AWS_ACCESS_KEY_ID=e AWS_SECRET_ACCESS_KEY=s", identity{amazon, "", "", "", "", "access_key: anonymous"}, ""},
		{Link{AccessKey: "a"}, "", identity{}, "needs a secret_key"},
		{Link{SecretKey: config.NewSecret("s")}, "", identity{}, "needs an access_key"},
	} {
		t.Run(c.env, func(t *testing.T) {
			serve(t, newFake())
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
			t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
			for _, v := range strings.Fields(c.env) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			got, err := c.l.identity()
			if c.err == "" && (err != nil || got != c.want) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%+v %v, want %+v %s", got, err, c.want, c.err)
			}
		})
	}
}

// The doctor finds what a run would, whether the kind is one of S3 or of files.
func TestExamine(t *testing.T) {
	for _, flow := range []string{`nodes:
  in: {use: s3.read, with: {url: 's3://shop/*.jsonl', as: '{n: int}', LINK}}
  out: {use: s3.write, in: in, with: {url: s3://shop/out.jsonl, LINK}}
`, `nodes:
  in: {use: file.read, with: {path: 's3://shop/*.jsonl', as: '{n: int}'}}
  out: {use: file.write, in: in, with: {path: s3://shop/out.jsonl}}
`} {
		f := newFake()
		at := serve(t, f)
		t.Setenv("AWS_ACCESS_KEY_ID", "someone")
		t.Setenv("AWS_SECRET_ACCESS_KEY", canary)
		f.put("a.jsonl", "{\"n\":1}\n")
		keys := "access_key"
		if strings.Contains(flow, "file.") {
			keys = "AWS_ACCESS_KEY_ID"
		}
		look := func(flow, node string) string {
			t.Setenv("AWS_ENDPOINT_URL", at)
			g, _ := load(t, at, flow)
			told := strings.Join(examined(t, g, node), "; ")
			noCanary(t, told)
			return told
		}
		check := func(what, got, want string) {
			t.Helper()
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		check("reader", look(flow, "in"), "connection: signed with keys from "+keys+"; clock: 0s ahead; bucket shop: it is there, and may be listed; objects s3://shop/*.jsonl: 1 object; read s3://shop/a.jsonl: it may be read")
		check("writer", look(flow, "out"), "write s3://shop/out.jsonl: it may be written")
		if f.uploads() != 0 || len(f.keys()) != 1 {
			t.Error("the doctor has left something", f.keys())
		}
		f.failing(func(w http.ResponseWriter, r *http.Request) bool {
			return (r.Method == http.MethodPost || r.Method == http.MethodGet && r.URL.Path == "/shop/a.jsonl") && refuse(w, 403, "AccessDenied", "")
		})
		check("reader", look(flow, "in"), "read s3://shop/a.jsonl fails: ")
		check("writer", look(flow, "out"), "write s3://shop/out.jsonl fails: ")
		check("nobody", look(strings.ReplaceAll(flow, "s3://shop", "s3://nobody"), "out"), "bucket nobody fails: there is no bucket nobody")
		at = "http://127.0.0.1:1"
		for _, node := range []string{"in", "out"} {
			if told := look(flow, node); strings.Contains(told, ";") || !strings.Contains(told, "connection fails: 127.0.0.1:1 does not answer") {
				t.Error(told)
			}
		}
	}
}

// examined is what the doctor finds of a node, as texts.
func examined(t *testing.T, f *graph.Flow, node string) (told []string) {
	t.Helper()
	n := f.Node(node)
	for _, found := range n.Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Node: n, Flow: f}) {
		line := found.What + ": " + found.Told
		if found.Err != nil {
			line = found.What + " fails: " + found.Err.Error()
		}
		told = append(told, line)
	}
	return told
}

// Of several addresses each is looked at, their server once, and files are none.
func TestExamineAddresses(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	t.Setenv("AWS_ENDPOINT_URL", at)
	f.put("a.jsonl", "{\"n\":1}\n")
	g, _ := load(t, at, `nodes:
  in: {use: file.read, with: {path: [s3://shop/a.jsonl, s3://shop/b.jsonl, c.jsonl], as: '{n: int}'}}
  out: {use: file.write, in: in, with: {path: d.jsonl}}
`)
	told := strings.Join(examined(t, g, "in"), "; ")
	if want := "connection: not signed; clock: 0s ahead; bucket shop: it is there, and may be listed; objects s3://shop/a.jsonl: 1 object; read s3://shop/a.jsonl: it may be read; objects s3://shop/b.jsonl: "; !strings.HasPrefix(told, strings.TrimSuffix(want, ": ")) || strings.Count(told, "connection") != 1 {
		t.Errorf("%s\nwant %s", told, want)
	}
	if told := examined(t, g, "out"); len(told) > 0 {
		t.Errorf("a file is a peer: %q", told)
	}
}

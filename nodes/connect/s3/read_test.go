package s3

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// readAll reads objects to a file.
const readAll = `nodes:
  in: {use: s3.read, with: {url: %q, LINK}}
  out: {use: file.write, in: in, with: {path: out.jsonl}}
`

// Objects are found by their name, by patterns and by folders, in the order of their keys.
func TestFind(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	for i, key := range []string{"b/2.jsonl", "a.jsonl", "b/1.jsonl", "b/c/3.jsonl", "b/ü x%20+.jsonl", "b/[x].jsonl", "b/empty.jsonl", "b/folder/"} {
		text := fmt.Sprintf("{\"n\":%d}\n", i)
		if key == "b/empty.jsonl" || strings.HasSuffix(key, "/") {
			text = ""
		}
		f.put(key, text)
	}
	for url, want := range map[string]string{
		"s3://shop/a.jsonl":             "1",
		"s3://shop/b/":                  "2 0 5 3 4",
		"s3://shop/b":                   "2 0 5 3 4",
		"s3://shop/b/*.jsonl":           "2 0 5 4",
		"s3://shop/**/*.jsonl":          "1 2 0 5 3 4",
		"s3://shop/b/[12].jsonl":        "2 0",
		"s3://shop/b/ü x%20+.jsonl":     "4",
		`s3://shop/b/\[x\].jsonl`:       "5",
		"s3://shop/b/[x].jsonl":         "5",
		"s3://shop/{a,b/c/3}.jsonl":     "1 3",
		"S3://shop/b/c/*":               "3",
		"s3://shop/b/{empty,1,2}.jsonl": "2 0",
		"s3://shop/b/**/ü*.jsonl":       "4",
		"s3://shop/b/?.jsonl":           "2 0",
		"s3://shop/b/c/../c/*.jsonl":    "",
		"s3://shop/nothing/*.jsonl":     "",
		"s3://shop/b/1.jsonl.gz":        "",
	} {
		flow, list := load(t, at, fmt.Sprintf(readAll, url))
		if want == "" {
			if !list.HasErrors() || !strings.Contains(nodetest.Printed(list), "no object matches "+url) {
				t.Errorf("%s: %s", url, nodetest.Printed(list))
			}
			continue
		}
		if list.HasErrors() {
			t.Errorf("%s: %s", url, nodetest.Printed(list))
			continue
		}
		r := kit.RunFlow(t, flow, nodetest.Setup{})
		got := strings.Fields(strings.NewReplacer(`{"n":`, " ", "}", "").Replace(r.File("out.jsonl")))
		if r.Err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s: %v", url, got, want, r.Err)
		}
	}
}

// What a server refuses is said with what to do, while the flow is checked and in the run.
func TestRefused(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	f.put("a.jsonl", "{\"n\":1}\n")
	for _, c := range []struct {
		status     int
		code, more string
		want       string
	}{
		{403, "AccessDenied", "", "denies access to bucket shop"},
		{403, "InvalidAccessKeyId", "", "does not know the access key (from access_key)"},
		{403, "SignatureDoesNotMatch", "", "does not take the secret key"},
		{400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>", "bucket shop is in region eu-west-1"},
		{400, "ExpiredToken", "", "the session token has expired"},
		{404, "NoSuchBucket", "", "there is no bucket shop"},
	} {
		f.failing(func(w http.ResponseWriter, r *http.Request) bool { return refuse(w, c.status, c.code, c.more) })
		_, list := load(t, at, fmt.Sprintf(readAll, "s3://shop/*.jsonl"))
		if told := nodetest.Printed(list); !strings.Contains(told, c.want) || !strings.Contains(told, "[E404]") || !strings.Contains(told, "hint: ") {
			t.Errorf("%s: %s", c.code, told)
		}
		f.failing(nil)
		flow, _ := load(t, at, fmt.Sprintf(readAll, "s3://shop/*.jsonl"))
		f.failing(func(w http.ResponseWriter, r *http.Request) bool { return refuse(w, c.status, c.code, c.more) })
		if r := kit.RunFlow(t, flow, nodetest.Setup{}); r.Err == nil || !strings.Contains(r.Err.Error(), c.want) {
			t.Errorf("%s: %v", c.code, r.Err)
		}
	}
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		return refuse(w, 403, "RequestTimeTooSkewed", "")
	})
	_, list := load(t, at, fmt.Sprintf(readAll, "s3://shop/*.jsonl"))
	if told := nodetest.Printed(list); !strings.Contains(told, "1h0m0s behind the one here") && !strings.Contains(told, "59m59s behind") && !strings.Contains(told, "1h0m1s behind") {
		t.Error(told)
	}
	_, list = load(t, "http://127.0.0.1:1", fmt.Sprintf(readAll, "s3://shop/*.jsonl"))
	if told := nodetest.Printed(list); !strings.Contains(told, "127.0.0.1:1 does not answer") || !strings.Contains(told, "[E404]") || !strings.Contains(told, "look at `endpoint`") {
		t.Error(told)
	}
}

// Settings that cannot be right are told without asking anybody.
func TestWrongSettings(t *testing.T) {
	for settings, want := range map[string]string{
		"url: s3:///x":                                    "it is no address of objects",
		"url: https://x/y":                                "it is no address of objects",
		"url: s3://ab/x.csv":                              "cannot be the name of a bucket",
		"url: s3://Shop_/x.csv":                           "cannot be the name of a bucket",
		"url: 's3://shop/[a'":                             "is not closed",
		"url: s3://shop/a, after: move":                   "add `move: done/`",
		"url: s3://shop/in/, after: move, move: in/done/": "are among those that are read",
		"url: 's3://shop/**', after: move, move: done/":   "are among those that are read",
		"url: s3://shop/a, access_key: x":                 "access_key needs a secret_key",
		"url: s3://shop/a, endpoint: 'ftp://x'":           "the endpoint is no address of a server",
		"url: s3://shop/a, endpoint: 'http://u:p@x'":      "must not have keys in it",
		"url: s3://shop/a, endpoint: 'http://x/shop'":     "the bucket stands in the url",
		"url: s3://shop/a.jsonl":                          "the type of the rows of s3://shop/a.jsonl is not known here",
		"url: s3://shop/a, as: '{n: int}'":                "the format of s3://shop/a cannot be told",
	} {
		serve(t, newFake())
		kit.Refuse(t, "nodes:\n  in: {use: s3.read, with: {"+settings+"}}\n  out: {use: drop, in: in}\n", nil, want)
	}
}

// A server that fails for a time is asked again, and so is one that breaks off in the
// middle of an object: nothing is missing, and nothing comes twice.
func TestGoesOn(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	text := rows(100_000)
	f.put("big.jsonl", text)
	flow, list := load(t, at, fmt.Sprintf(readAll, "s3://shop/big.jsonl"))
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	var n, cuts atomic.Int64
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		switch i := n.Add(1); {
		case r.Method != http.MethodGet || r.URL.Query().Has("list-type"):
			return false
		case i%3 == 0:
			return refuse(w, 503, "SlowDown", "")
		case i%3 == 1:
			return refuse(w, 500, "InternalError", "")
		}
		if r.Header.Get("If-Match") == "" {
			t.Error("a part was asked for without If-Match")
		}
		cuts.Add(1)
		f.server.ServeHTTP(&cutting{ResponseWriter: w, left: 700_000}, r)
		return true
	})
	r := kit.RunFlow(t, flow, nodetest.Setup{})
	if r.Err != nil || r.File("out.jsonl") != text {
		t.Fatalf("%v, %d of %d bytes", r.Err, len(r.File("out.jsonl")), len(text))
	}
	if cuts.Load() < 5 || !strings.Contains(r.Log, "it is read on from there") || !strings.Contains(r.Log, "asks to slow down") {
		t.Errorf("%d readings: %s", cuts.Load(), r.Log)
	}
}

// A cutting response ends its connection after some bytes.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// An object that another one was written over, or that was deleted, since it was found is a
// bad item, and no row is made of two objects.
func TestLost(t *testing.T) {
	for name, mode := range map[string]string{"deleted": "delete", "replaced before": "replace", "replaced while it is read": "cut"} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			at := serve(t, f)
			f.put("a/1.jsonl", rows(20_000))
			f.put("a/2.jsonl", "{\"n\":-1,\"text\":\"last\"}\n")
			flow, list := load(t, at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/a/, LINK}, on_error: dead}
  out: {use: file.write, in: in, with: {path: out.jsonl}}
  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl}}
`)
			if list.HasErrors() {
				t.Fatal(nodetest.Printed(list))
			}
			var done atomic.Bool
			f.failing(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/1.jsonl") || r.Method != http.MethodGet || done.Swap(true) {
					return false
				}
				other := strings.ReplaceAll(rows(20_000), "many", "more")
				switch mode {
				case "delete":
					f.backend.DeleteObject("shop", "a/1.jsonl")
				case "replace":
					f.put("a/1.jsonl", other)
				case "cut":
					defer f.put("a/1.jsonl", other)
					f.server.ServeHTTP(&cutting{ResponseWriter: w, left: 700_000}, r)
				}
				return mode == "cut"
			})
			r := kit.RunFlow(t, flow, nodetest.Setup{})
			out, bad := r.File("out.jsonl"), r.File("bad.jsonl")
			if r.Err != nil || strings.Contains(out, "more") || !strings.HasSuffix(out, "\"last\"}\n") || strings.Count(bad, "\n") != 1 {
				t.Errorf("%v: %d rows, %s", r.Err, strings.Count(out, "\n"), bad)
			}
			want := "another object was written to its place"
			if mode == "delete" {
				want = "somebody has deleted it"
			}
			if !strings.Contains(bad, want) || !strings.Contains(bad, "s3://shop/a/1.jsonl") {
				t.Error(bad)
			}
			if mode == "cut" && !strings.HasPrefix(rows(20_000), strings.TrimSuffix(out, "{\"n\":-1,\"text\":\"last\"}\n")) {
				t.Error("rows of two objects are mixed")
			}
		})
	}
}

// Ten thousand objects are found and read.
func TestMany(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	const n = 10_000
	var want strings.Builder
	for i := range n {
		row := fmt.Sprintf("{\"n\":%d}\n", i)
		f.put(fmt.Sprintf("many/%05d.jsonl", i), row)
		want.WriteString(row)
	}
	r := succeed(t, at, fmt.Sprintf(readAll, "s3://shop/many/*.jsonl"))
	if r.File("out.jsonl") != want.String() {
		t.Errorf("%d bytes, want %d", len(r.File("out.jsonl")), want.Len())
	}
	if gets := f.asked("GET /shop/many/"); gets > n+50 {
		t.Errorf("%d requests for %d objects", gets, n)
	}
}

// An object that is done is deleted or moved when the sinks have it, and not before; those
// that come later are found.
func TestAfter(t *testing.T) {
	for after, want := range map[string]string{"delete": "", "move, move: done/": "done/1.jsonl done/2.jsonl done/3.jsonl done/4.jsonl"} {
		f := newFake()
		at := serve(t, f)
		f.put("in/1.jsonl", rows(3000))
		f.put("in/2.jsonl", "")
		f.put("in/3.jsonl", "{\"n\":1,\"text\":\"\"}\n")
		flow, list := load(t, at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/in/*.jsonl, every: 100ms, after: `+after+`, LINK}}
  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}
`)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		r := kit.RunFlow(t, flow, nodetest.Setup{Begun: func(stop func()) {
			go func() {
				defer stop()
				left := func(n int) {
					for in := n + 1; in > n && t.Context().Err() == nil; time.Sleep(time.Millisecond) {
						in = 0
						for _, key := range f.keys() {
							if strings.HasPrefix(key, "in/") {
								in++
							}
						}
					}
				}
				left(0)
				f.put("in/4.jsonl", "{\"n\":2,\"text\":\"\"}\n")
				left(0)
			}()
		}})
		if got := strings.Join(f.keys(), " "); r.Err != nil || got != want {
			t.Errorf("after %s: %q: %v", after, got, r.Err)
		}
		if n := strings.Count(r.File("out.jsonl"), "\n"); n != 3002 {
			t.Errorf("after %s: %d rows", after, n)
		}
	}
}

// Nothing is deleted of a run whose sink fails, and a sink that keeps all to the end is
// refused.
func TestAfterFails(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	f.put("in/1.jsonl", rows(10)+"{\"n\":\"bad\"}\n")
	r := perform(t, at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/in/, after: delete, as: '{n: int}', LINK}}
  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}
`, nodetest.Setup{})
	if r.Err == nil || strings.Join(f.keys(), "") != "in/1.jsonl" {
		t.Errorf("%v: %v", f.keys(), r.Err)
	}
	_, list := load(t, at, strings.Replace(fmt.Sprintf(readAll, "s3://shop/in/"), "LINK", "after: delete, as: '{n: int}', LINK", 1))
	if told := nodetest.Printed(list); !strings.Contains(told, "[E207]") {
		t.Error(told)
	}
}

// file.read and file.write take addresses, with what the environment says.
func TestAddressesOfFiles(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	t.Setenv("AWS_ENDPOINT_URL", at)
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", canary)
	f.put("a.csv", "n,m\n1,2\n3,4\n")
	succeed(t, at, `nodes:
  in: {use: file.read, with: {path: s3://shop/*.csv}}
  out: {use: file.write, in: in, with: {path: s3://shop/out.jsonl.gz}}
`)
	r := succeed(t, at, `nodes:
  in: {use: file.read, with: {path: s3://shop/out.jsonl.gz, place: true}}
  out: {use: file.write, in: in, with: {path: out.jsonl}}
`)
	if got, want := r.File("out.jsonl"), `{"n":1,"m":2,"place":{"file":"s3://shop/out.jsonl.gz","line":1}}`+"\n"; !strings.HasPrefix(got, want) {
		t.Error(got)
	}
	_, list := load(t, at, `nodes:
  in: {use: file.read, with: {path: s3://shop/*.csv, follow: true}}
  out: {use: file.write, in: in, with: {path: s3://shop/x.jsonl, append: true}}
`)
	if told := nodetest.Printed(list); !strings.Contains(told, "cannot be followed") || !strings.Contains(told, "cannot be appended to") {
		t.Error(told)
	}
}

// Of a flow that is stopped anywhere, an object is gone only if all its rows are written.
func TestAfterStopped(t *testing.T) {
	for try := range 8 {
		f := newFake()
		at := serve(t, f)
		const objects, each = 40, 500
		for i := range objects {
			var text strings.Builder
			for j := range each {
				fmt.Fprintf(&text, "{\"n\":%d}\n", i*each+j)
			}
			f.put(fmt.Sprintf("in/%02d.jsonl", i), text.String())
		}
		flow, list := load(t, at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/in/, every: 1s, after: delete, as: '{n: int}', format: jsonl, LINK}, rate: 40000/s}
  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}
`)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		r := kit.RunFlow(t, flow, nodetest.Setup{Begun: func(stop func()) {
			time.AfterFunc(time.Duration(try*40)*time.Millisecond, stop)
		}})
		written := map[string]bool{}
		for line := range strings.Lines(r.File("out.jsonl")) {
			written[line] = true
		}
		left := map[string]bool{}
		for _, key := range f.keys() {
			left[key] = true
		}
		if r.Err != nil || try == 7 && len(left) == objects {
			t.Errorf("%d objects are left: %v", len(left), r.Err)
		}
		for i := range objects {
			for j := range each {
				if !left[fmt.Sprintf("in/%02d.jsonl", i)] && !written[fmt.Sprintf("{\"n\":%d}\n", i*each+j)] {
					t.Fatalf("object %d is gone, and its row %d is not written", i, j)
				}
			}
		}
	}
}

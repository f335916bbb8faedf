package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// uploads counts the uploads that were begun, and neither completed nor aborted.
func (f *fake) uploads() int {
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://s3.example/shop?uploads", nil))
	return strings.Count(w.Body.String(), "<UploadId>")
}

const writeAll = `nodes:
  in: {use: generate, with: {count: %d, set: {n: n, text: '"it is the row " + string(n) + " of many"'}}}
  out: {use: s3.write, in: in, with: {url: %q, LINK}}
`

// Objects of any size are written, by one request or in parts, and are whole.
func TestWrite(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	for _, n := range []int{0, 1, 1000, 400_000} {
		key := fmt.Sprintf("out/ü %d%%.jsonl", n)
		r := succeed(t, at, fmt.Sprintf(writeAll, n, "s3://shop/"+key))
		if got, there := f.get(key); !there || got != rows(n) {
			t.Errorf("%d rows: %v, %d bytes, want %d", n, there, len(got), len(rows(n)))
		}
		if !strings.Contains(fmt.Sprint(r.Report), key) {
			t.Errorf("the report does not name %s: %+v", key, r.Report)
		}
	}
	if n := f.uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
	if parts := f.asked("PUT /shop/out/%C3%BC%20400000%25.jsonl?partNumber="); parts != 3 {
		t.Errorf("%d parts", parts)
	}
}

// An object replaces what has its name, and does so when the run has succeeded.
func TestReplaces(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	f.put("a.jsonl", "old")
	r := perform(t, at, `nodes:
  in: {use: generate, with: {count: 300000, set: {n: 'n == 299999 ? int("x" + string(n)) : n'}}}
  out: {use: s3.write, in: in, with: {url: s3://shop/a.jsonl, LINK}}
`, nodetest.Setup{})
	if got, _ := f.get("a.jsonl"); r.Err == nil || got != "old" || f.uploads() != 0 {
		t.Errorf("%.20s, %d uploads: %v", got, f.uploads(), r.Err)
	}
	succeed(t, at, fmt.Sprintf(writeAll, 1, "s3://shop/a.jsonl"))
	if got, _ := f.get("a.jsonl"); got != rows(1) {
		t.Error(got)
	}
}

// Parts that are not taken are sent again, and so is what completes an object, also if the
// answer was lost.
func TestWriteGoesOn(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	var n atomic.Int64
	lost := false
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("uploadId") && r.Method == http.MethodPost && !lost {
			lost = true
			f.server.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		switch i := n.Add(1); {
		case i == 1: // it answers once, so that the run begins
			return false
		case i%3 == 0:
			return refuse(w, 503, "SlowDown", "")
		case i%3 == 1:
			panic(http.ErrAbortHandler)
		}
		return false
	})
	r := perform(t, at, fmt.Sprintf(writeAll, 250_000, "s3://shop/a.jsonl"), nodetest.Setup{})
	if got, _ := f.get("a.jsonl"); r.Err != nil || got != rows(250_000) || !lost {
		t.Errorf("%d bytes, want %d: %v\n%s", len(got), len(rows(250_000)), r.Err, r.Log)
	}
}

// What cannot be written is said before anything is read.
func TestWriteRefused(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	r := perform(t, at, fmt.Sprintf(writeAll, 10, "s3://nobody/a.jsonl"), nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "there is no bucket nobody") || r.Report.Nodes[0].Out != 0 {
		t.Error(r.Err, r.Report.Nodes[0].Out)
	}
	f.failing(func(w http.ResponseWriter, r *http.Request) bool { return refuse(w, 403, "AccessDenied", "") })
	r = perform(t, at, fmt.Sprintf(writeAll, 10, "s3://shop/a.jsonl"), nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "denies access to bucket shop") {
		t.Error(r.Err)
	}
	kit.Refuse(t, strings.ReplaceAll(fmt.Sprintf(writeAll, 1, "s3://shop/"), "LINK", "access_key: anonymous"), nil, "format of s3://shop/ cannot be told")
	kit.Refuse(t, strings.ReplaceAll(fmt.Sprintf(writeAll, 1, "s3://shop/a.jsonl")+"  out2: {use: s3.write, in: in, with: {url: s3://shop/a.jsonl, LINK}}\n", "LINK", "access_key: anonymous"), nil, "out writes the same object, s3://shop/a.jsonl")
	kit.Refuse(t, strings.ReplaceAll(fmt.Sprintf(writeAll, 1, "s3://shop/*.jsonl"), "LINK", "access_key: anonymous"), nil, "no split says what goes there")
}

// Split and rotated objects have the names that files would have, and numbers go on.
func TestSplitAndRotate(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	flow := `nodes:
  in: {use: generate, with: {count: 5000, set: {k: 'n % 2 == 0 ? "even" : "odd"', n: n}}}
  out: {use: s3.write, in: in, with: {url: "s3://shop/by/*/x.csv", split: k, rotate: {bytes: 10kB}, LINK}}
`
	for range 2 {
		succeed(t, at, flow)
	}
	keys := f.keys()
	if len(keys) < 8 || keys[0] != "by/even/x-000001.csv" || keys[len(keys)-1] != fmt.Sprintf("by/odd/x-%06d.csv", len(keys)/2) {
		t.Error(keys)
	}
	n := 0
	for _, key := range keys {
		text, _ := f.get(key)
		if !strings.HasPrefix(text, "k,n\n") {
			t.Errorf("%s has no header: %.20s", key, text)
		}
		n += strings.Count(text, "\n") - 1
	}
	if n != 10_000 {
		t.Errorf("%d rows", n)
	}
}

// Two runs that rotate in one place do not write over each other's objects.
func TestRotateTaken(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	f.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			f.put("x-000001.jsonl", "of another")
		}
		return false
	})
	r := perform(t, at, strings.Replace(fmt.Sprintf(writeAll, 10, "s3://shop/x.jsonl"), "LINK", "rotate: {bytes: 100B}, LINK", 1), nodetest.Setup{})
	f.failing(nil)
	got, _ := f.get("x-000001.jsonl")
	if r.Err == nil || got != "of another" || !strings.Contains(r.Err.Error(), "left as it is") {
		t.Errorf("%q: %v", got, r.Err)
	}
}

// An acker gives numbers, and looks when it is told that some have arrived whether they have.
type acker struct {
	n     int
	look  func(upTo int) error
	taken *[]int
}

type ackedRow struct {
	N    int    `flow:"n"`
	Text string `flow:"text"`
}

func (a *acker) ReadFrom(ctx context.Context, _ nodes.Position, emit func(ackedRow, nodes.Position) error) error {
	for i := range a.n {
		if err := emit(ackedRow{i, fmt.Sprintf("it is the row %d of many", i)}, nodes.Position(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

func (a *acker) Taken(after nodes.Position) error {
	n, err := strconv.Atoi(string(after))
	if err != nil {
		return err
	}
	*a.taken = append(*a.taken, n)
	return a.look(n)
}

// Behind a source that acknowledges, rows are acknowledged when their object is there, and
// not before.
func TestRotateAcknowledges(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	const n = 40_000
	taken := new([]int)
	source := &acker{n: n, taken: taken}
	source.look = func(upTo int) error {
		there := 0
		for _, key := range f.keys() {
			text, _ := f.get(key)
			there += strings.Count(text, "\n")
		}
		if there <= upTo {
			return fmt.Errorf("%d is acknowledged, and %d are there", upTo, there)
		}
		return nil
	}
	old := kit
	kit = kit.With([]nodes.Decl{nodes.ReadFrom("numbers", "Gives numbers.", source, nodes.Doc("Gives numbers."), nodes.Acknowledges())})
	defer func() { kit = old }()
	flow := `nodes:
  in: {use: numbers, rate: 40000/s}
  out: {use: s3.write, in: in, with: {url: s3://shop/x.jsonl, ROTATE, LINK}}
`
	_, list := load(t, at, strings.Replace(flow, "ROTATE, ", "", 1))
	if told := nodetest.Printed(list); !strings.Contains(told, "[E207]") || !strings.Contains(told, "rotate: {every: 10m}") {
		t.Error(told)
	}
	r := succeed(t, at, strings.Replace(flow, "ROTATE", "rotate: {bytes: 200kB}", 1))
	if len(f.keys()) < 5 || len(*taken) < 3 || (*taken)[len(*taken)-1] != n-1 {
		t.Errorf("%d objects, acknowledged up to %v: %v", len(f.keys()), *taken, r.Err)
	}
}

// A run whose server goes away in the middle goes on when it is back, and ends if it is
// stopped meanwhile.
func TestAwayInTheMiddle(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	var n atomic.Int64
	f.failing(func(http.ResponseWriter, *http.Request) bool {
		if n.Add(1) > 2 {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r := perform(t, at, strings.Replace(fmt.Sprintf(writeAll, 250_000, "s3://shop/a.jsonl"), "LINK}", "LINK}, retry: {attempts: 3}", 1), nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "tried 3 times") || ctx.Err() != nil {
		t.Error(r.Err)
	}
	if _, there := f.get("a.jsonl"); there {
		t.Error("there is half an object")
	}
	if errors.Is(r.Err, nodetest.ErrStopped) {
		t.Error(r.Err)
	}
}

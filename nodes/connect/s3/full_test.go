package s3

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A vast server has one object, made of rows of the same length, and takes any.
type vast struct {
	size  int64
	most  atomic.Uint64 // memory that was in use
	taken atomic.Int64  // bytes of parts
	there atomic.Bool
}

// row is one of the vast object.
var row = []byte(fmt.Sprintf("{\"n\":1,\"text\":%q}\n", strings.Repeat("x", 1024-18)))

func (v *vast) note() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for old := v.most.Load(); m.HeapAlloc > old && !v.most.CompareAndSwap(old, m.HeapAlloc); old = v.most.Load() {
	}
}

// ServeHTTP implements http.Handler.
func (v *vast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"vast"`)
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	switch q := r.URL.Query(); {
	case r.Method == http.MethodPost && q.Has("uploads"):
		io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
	case r.Method == http.MethodPost:
		v.there.Store(true)
		io.WriteString(w, "<CompleteMultipartUploadResult><Bucket>shop</Bucket><Key>out.jsonl</Key><ETag>vast</ETag></CompleteMultipartUploadResult>")
	case r.Method == http.MethodPut:
		v.note()
		n, _ := io.Copy(io.Discard, r.Body)
		v.taken.Add(n)
	case r.Method == http.MethodHead:
		w.Header().Set("Content-Length", strconv.FormatInt(v.size, 10))
	default:
		from, to := int64(0), v.size-1
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		w.Header().Set("Content-Length", strconv.FormatInt(to-from+1, 10))
		w.WriteHeader(http.StatusPartialContent)
		many := bytes.Repeat(row, 1024)
		for at := from; at <= to; {
			part := many[at%int64(len(row)):]
			part = part[:min(int64(len(part)), to+1-at)]
			if _, err := w.Write(part); err != nil {
				return
			}
			if at += int64(len(part)); at%(16<<20) == 0 {
				v.note()
			}
		}
	}
}

// An object of 200 MB takes little memory, whether it is read or written.
func TestMemory(t *testing.T) {
	v := &vast{size: 200 << 20}
	at := serve(t, v)
	flow, list := load(t, at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/vast.jsonl, as: '{n: int, text: string}', LINK}}
  out: {use: s3.write, in: in, with: {url: s3://shop/out.jsonl, LINK}}
`)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	runtime.GC()
	v.most.Store(0)
	v.note()
	before := v.most.Load()
	r := kit.RunFlow(t, flow, nodetest.Setup{})
	if r.Err != nil || v.taken.Load() != v.size || !v.there.Load() {
		t.Errorf("%d bytes of %d: %v", v.taken.Load(), v.size, r.Err)
	}
	if more := int64(v.most.Load()-before) >> 20; more > 120 {
		t.Errorf("%d MB", more)
	}
}

// A server that is restarted on its port, in the middle of an object that is read and one
// that is written, is waited for.
func TestRestart(t *testing.T) {
	f := newFake()
	serve(t, f)
	text := rows(300_000)
	f.put("big.jsonl", text)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	start := func(l net.Listener) *http.Server {
		s := &http.Server{Handler: f, ErrorLog: log.New(io.Discard, "", 0)}
		go s.Serve(l)
		return s
	}
	server := start(l)
	flow, list := load(t, "http://"+at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/big.jsonl, LINK}}
  out: {use: s3.write, in: in, with: {url: s3://shop/copy.jsonl, LINK}}
`)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	var once atomic.Bool
	restarted := make(chan struct{})
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("partNumber") || once.Swap(true) {
			return false
		}
		go func() {
			defer close(restarted)
			server.Close()
			time.Sleep(300 * time.Millisecond) // it is away, and connections are refused
			for l, err = net.Listen("tcp", at); err != nil; l, err = net.Listen("tcp", at) {
				time.Sleep(time.Millisecond)
			}
			server = start(l)
		}()
		return false
	})
	r := kit.RunFlow(t, flow, nodetest.Setup{})
	<-restarted
	defer server.Close()
	if got, _ := f.get("copy.jsonl"); r.Err != nil || got != text {
		t.Errorf("%d of %d bytes: %v\n%s", len(got), len(text), r.Err, r.Log)
	}
	if !strings.Contains(r.Log, "is away") {
		t.Errorf("nothing is said of it: %s", r.Log)
	}
}

// A server with a certificate of its own is trusted if the settings say so.
func TestTLS(t *testing.T) {
	f := newFake()
	serve(t, f)
	f.put("a.jsonl", "{\"n\":1}\n")
	s := httptest.NewUnstartedServer(f)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	flow := fmt.Sprintf(readAll, "s3://shop/a.jsonl")
	r := succeed(t, s.URL, strings.Replace(flow, "LINK", "LINK, tls: {ca: "+ca+"}", 1))
	if got := r.File("out.jsonl"); got != "{\"n\":1}\n" {
		t.Error(got)
	}
	for at, want := range map[string]string{
		s.URL: "cannot be trusted",
		strings.Replace(s.URL, "https", "http", 1): "if it speaks tls, write `endpoint: https://127.0.0.1:",
	} {
		_, list := load(t, at, flow)
		if told := nodetest.Printed(list); !strings.Contains(strings.ToLower(told), strings.ToLower(want)) {
			t.Errorf("%s: %s", at, told)
		}
	}
	plain := serve(t, f)
	_, list := load(t, strings.TrimPrefix(plain, "http://"), flow)
	if told := nodetest.Printed(list); !strings.Contains(told, "write `endpoint: http://127.0.0.1:") {
		t.Error(told)
	}
}

// A flow that was told to stop while its server is away ends.
func TestStopWhileAway(t *testing.T) {
	f := newFake()
	at := serve(t, f)
	f.put("a.jsonl", "{\"n\":1}\n")
	flow, list := load(t, at, `nodes:
  in: {use: s3.read, with: {url: s3://shop/, format: jsonl, as: '{n: int}', every: 100ms, LINK}}
  out: {use: file.write, in: in, with: {path: out.jsonl}}
`)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	var away atomic.Int64
	f.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("list-type") && away.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	r := kit.RunFlow(t, flow, nodetest.Setup{Begun: func(stop func()) {
		go func() {
			for away.Load() < 4 && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			stop()
		}()
	}})
	if r.Err != nil || r.File("out.jsonl") != "{\"n\":1}\n" {
		t.Errorf("%q: %v", r.File("out.jsonl"), r.Err)
	}
}

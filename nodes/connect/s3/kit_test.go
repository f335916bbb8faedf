package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// canary is the secret key of all tests: nothing may show it.
const canary = "canary-7f3a"

var kit = nodetest.New(std.Nodes, Nodes).Peers("s3.read", shop).Peers("s3.write", shop)

func TestKinds(t *testing.T) { kit.Conform(t, Nodes...) }

// shop is the server of the examples.
func shop(ctx context.Context, n *nodetest.Network, _ func()) {
	f := newFake()
	f.put("orders/1.jsonl", "{\"id\":1,\"amount\":2.5}\n{\"id\":2,\"amount\":3.5}\n")
	f.put("orders/2.jsonl", "{\"id\":3,\"amount\":4.5}\n")
	n.Serve(ctx, "s3.example:9000", f)
}

// A fake is a server with a bucket shop, in memory, that can be made to fail.
type fake struct {
	backend gofakes3.Backend
	server  http.Handler

	mu   sync.Mutex
	asks []string // the requests so far: method, path and query
	// fail answers a request in place of the server, if it returns true.
	fail func(w http.ResponseWriter, r *http.Request) bool
}

func newFake() *fake {
	f := &fake{backend: s3mem.New()}
	if err := f.backend.CreateBucket("shop"); err != nil {
		panic(err)
	}
	f.server = gofakes3.New(f.backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	return f
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asks = append(f.asks, r.Method+" "+r.URL.RequestURI())
	fail := f.fail
	f.mu.Unlock()
	if fail != nil && fail(w, r) {
		return
	}
	f.server.ServeHTTP(w, r)
}

// failing sets what fails.
func (f *fake) failing(fail func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// asked counts requests that begin with a text.
func (f *fake) asked(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asks {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	return n
}

// put writes an object.
func (f *fake) put(key, text string) {
	if _, err := f.backend.PutObject("shop", key, map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}, strings.NewReader(text), int64(len(text)), nil); err != nil {
		panic(err)
	}
}

// get reads an object; false: there is none.
func (f *fake) get(key string) (string, bool) {
	o, err := f.backend.GetObject("shop", key, nil)
	if err != nil {
		return "", false
	}
	defer o.Contents.Close()
	text, err := io.ReadAll(o.Contents)
	if err != nil {
		panic(err)
	}
	return string(text), true
}

// keys lists the objects.
func (f *fake) keys() (keys []string) {
	list, err := f.backend.ListBucket("shop", &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
	if err != nil {
		panic(err)
	}
	for _, o := range list.Contents {
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	return keys
}

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code, more string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>said by the server</Message>%s</Error>", code, more)
	return true
}

// serve gives the fake an address of its own, on loopback.
func serve(t testing.TB, f http.Handler) string {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	s := httptest.NewUnstartedServer(f)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the fake has something to say of connections that are cut
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// load compiles a flow that may ask the server, with LINK in the place of the settings that
// say how to reach it.
func load(t testing.TB, at, flow string) (*graph.Flow, diag.List) {
	t.Helper()
	link := fmt.Sprintf("endpoint: %q, access_key: someone, secret_key: %q", at, canary)
	source := diag.NewSource(t.TempDir()+"/flow.yaml", []byte(strings.ReplaceAll(flow, "LINK", link)))
	f, list := graph.Load(source, kit.Registry(t), graph.Options{Peers: context.Background()})
	noCanary(t, nodetest.Printed(list))
	return f, list
}

// perform loads and runs a flow that must be right. Its error is in the result.
func perform(t testing.TB, at, flow string, setup nodetest.Setup) nodetest.Result {
	t.Helper()
	f, list := load(t, at, flow)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	r := kit.RunFlow(t, f, setup)
	r.Dir = f.Dir
	noCanary(t, r.Log, r.Told(), fmt.Sprintf("%+v", r.Report))
	return r
}

// succeed is perform of a flow that ends well.
func succeed(t testing.TB, at, flow string) nodetest.Result {
	t.Helper()
	r := perform(t, at, flow, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Err, r.Log)
	}
	return r
}

// noCanary fails if a text has the secret key.
func noCanary(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, canary) {
			t.Errorf("the secret key is shown:\n%s", text)
		}
	}
}

// rows makes a text of so many rows.
func rows(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "{\"n\":%d,\"text\":\"it is the row %d of many\"}\n", i, i)
	}
	return b.String()
}

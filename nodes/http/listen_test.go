package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// A desk is a listener without an engine: the test takes what comes.
type desk struct {
	*listenOp
	t *testing.T
}

// newDesk makes one whose items are {id: int, s: string?}, with other settings.
func newDesk(t *testing.T, change func(*listen)) desk {
	t.Helper()
	k := *listenDecl.New().(*listen)
	k.Address, k.Path = "127.0.0.1:0", "/in"
	k.body = types.Record(types.Field{Name: "id", Type: types.Int}, types.Field{Name: "s", Type: types.String.Opt()})
	if change != nil {
		change(&k)
	}
	if k.Format == formatRaw {
		k.body = types.Record(types.Field{Name: "body", Type: types.Bytes})
	}
	k.out = &types.Type{Kind: types.KindRecord, Fields: append([]types.Field(nil), k.body.Fields...)}
	for _, p := range append(append(config.Map[string]{}, k.Headers...), k.Query...) {
		k.out.Fields = append(k.out.Fields, types.Field{Name: p.Key, Type: types.String.Opt()})
	}
	node := &graph.Node{ID: "in", Out: []*graph.Output{{Port: graph.Port{Name: "out"}, Carries: k.out, Needed: graph.AllFields()}}}
	op, err := k.Operator(&nodes.Env{Node: node, Flow: &graph.Flow{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o, plain := op.(*listenOp)
	if !plain {
		o = op.(toldListen).listenOp
	}
	o.site = &site{paths: map[string][]*listenOp{"/in": {o}}}
	o.site.begun.Store(true)
	o.release = func() error { return nil }
	return desk{o, t}
}

// ask sends a request and gives the answer: status, and the text without its line end.
func (d desk) ask(method, path string, header nethttp.Header, body io.Reader) (answer string, head nethttp.Header) {
	r := httptest.NewRequest(method, "http://h"+path, body)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	d.site.ServeHTTP(w, r)
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)), w.Header()
}

func (d desk) post(body string) string {
	answer, _ := d.ask("POST", "/in", nil, strings.NewReader(body))
	return answer
}

// taken gives the items that wait, as lines of JSON.
func (d desk) taken() string {
	d.t.Helper()
	var text []byte
	for {
		select {
		case r := <-d.queue:
			task, _ := d.take(r)
			for _, b := range task.([]record.Data) {
				text = jsonl.NewEncoder(d.k.out).AppendBatch(text, b.(*record.Batch))
				b.Release()
			}
			continue
		default:
			return string(text)
		}
	}
}

func accepted(k *listen) { k.Respond = respondAccepted }

// What a body is, and what becomes of it.
func TestBodies(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(s))
		z.Close()
		return b.String()
	}
	events := nethttp.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}
	many := nethttp.Header{"Content-Type": {"application/cloudevents-batch+json"}}
	binary := nethttp.Header{"Content-Type": {"application/json"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {"t"}, "Ce-Specversion": {"1.0"}}
	cloud := func(k *listen) {
		k.Format = formatCloudEvents
		k.body = types.Record(types.Field{Name: "id", Type: types.String}, types.Field{Name: "source", Type: types.String},
			types.Field{Name: "type", Type: types.String}, types.Field{Name: "data", Type: k.body.Opt()})
	}
	for name, c := range map[string]struct {
		change       func(*listen)
		header       nethttp.Header
		body         string
		answer, want string
	}{
		"one":                 {nil, nil, `{"id":1,"s":"a"}`, "202", `{"id":1,"s":"a"}` + "\n"},
		"one over lines":      {nil, nil, "{\n \"id\":1\n}\n", "202", `{"id":1,"s":null}` + "\n"},
		"bom":                 {nil, nil, "\xef\xbb\xbf" + `{"id":1}`, "202", `{"id":1,"s":null}` + "\n"},
		"another type":        {nil, nil, `{"id":"a"}`, `400 field "id": want int, got "a"`, ""},
		"a field is missing":  {nil, nil, `{"s":"a"}`, `400 field "id" is missing`, ""},
		"no JSON":             {nil, nil, `id=1`, `400 `, ""},
		"not UTF-8":           {nil, nil, "{\"id\":1,\"s\":\"\xff\"}", "400 the body is not UTF-8", ""},
		"nothing":             {nil, nil, " \n", "400 the body is empty", ""},
		"two values":          {nil, nil, `{"id":1}{"id":2}`, "400 the body has 2 values, want one", ""},
		"cut off":             {nil, nil, `{"id":1,`, "400 ", ""},
		"lines":               {func(k *listen) { k.Format = formatLines }, nil, "{\"id\":1}\n\n{\"id\":2}", "202", "{\"id\":1,\"s\":null}\n{\"id\":2,\"s\":null}\n"},
		"a bad line":          {func(k *listen) { k.Format = formatLines }, nil, "{\"id\":1}\n{\"id\":x}\n", `400 line 2: `, ""},
		"csv":                 {func(k *listen) { k.Format = formatCSV }, nil, "s,id\na,1\n,2\n", "202", "{\"id\":1,\"s\":\"a\"}\n{\"id\":2,\"s\":null}\n"},
		"csv, another header": {func(k *listen) { k.Format = formatCSV }, nil, "s,n\na,1\n", "400 ", ""},
		"csv, a header alone": {func(k *listen) { k.Format = formatCSV }, nil, "id,s\n", "400 the body is empty", ""},
		"raw":                 {func(k *listen) { k.Format = formatRaw }, nil, "\xff\x00", "202", "{\"body\":\"/wA=\"}\n"},
		"gzip":                {nil, nethttp.Header{"Content-Encoding": {"gzip"}}, pack(`{"id":1}`), "202", `{"id":1,"s":null}` + "\n"},
		"no gzip":             {nil, nethttp.Header{"Content-Encoding": {"gzip"}}, `{"id":1}`, "400 the body is not gzip", ""},
		"gzip, cut off":       {nil, nethttp.Header{"Content-Encoding": {"gzip"}}, pack(`{"id":1}`)[:20], "4", ""},
		"gzip bomb":           {nil, nethttp.Header{"Content-Encoding": {"gzip"}}, pack(strings.Repeat(" ", 50e6) + `{"id":1}`), "413 a body may have 1MB", ""},
		"another packing":     {nil, nethttp.Header{"Content-Encoding": {"br"}}, `{"id":1}`, `415 the body is packed by "br"`, ""},
		"too long":            {func(k *listen) { k.MaxBody = 10 }, nil, `{"id":1,"s":"a"}`, "413 a body may have 10", ""},
		"as long as may be":   {func(k *listen) { k.MaxBody = 8 }, nil, `{"id":1}`, "202", `{"id":1,"s":null}` + "\n"},
		"a header and the query": {func(k *listen) {
			k.Headers = config.Map[string]{{Key: "h", Value: "X-H"}}
			k.Query = config.Map[string]{{Key: "q", Value: "p"}, {Key: "r", Value: "none"}}
		}, nethttp.Header{"X-H": {"a", "b"}}, `{"id":1}`, "202", `{"id":1,"s":null,"h":"a, b","q":"c d","r":null}` + "\n"},
		"event":            {cloud, events, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"id":7}}`, "202", `{"id":"1","source":"/s","type":"t","data":{"id":7,"s":null}}` + "\n"},
		"events":           {cloud, many, `[{"id":"1","source":"/s","type":"t"}, {"id":"2","source":"/s","type":"t","data":{"id":7}}]`, "202", `{"id":"1","source":"/s","type":"t","data":null}` + "\n" + `{"id":"2","source":"/s","type":"t","data":{"id":7,"s":null}}` + "\n"},
		"event in headers": {cloud, binary, `{"id":7}`, "202", `{"id":"1","source":"/s","type":"t","data":{"id":7,"s":null}}` + "\n"},
		"no event":         {cloud, nil, `{"id":7}`, "400 ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(k *listen) {
				accepted(k)
				if c.change != nil {
					c.change(k)
				}
			})
			answer, _ := d.ask("POST", "/in?p=c+d", c.header, strings.NewReader(c.body))
			if !strings.HasPrefix(answer, c.answer) || len(c.answer) > 3 && strings.HasPrefix(c.answer, "2") {
				t.Errorf("answered %q, want %q", answer, c.answer)
			}
			if got := d.taken(); got != c.want {
				t.Errorf("items %swant %s", got, c.want)
			}
			if d.bytes != 0 {
				t.Errorf("%d bytes are still counted", d.bytes)
			}
		})
	}
}

// Who may send, and where to.
func TestRequestsThatAreRefused(t *testing.T) {
	d := newDesk(t, func(k *listen) { accepted(k); k.Token = config.NewSecret("geheim") })
	bearer := func(token string) nethttp.Header { return nethttp.Header{"Authorization": {token}} }
	for _, c := range []struct {
		method, path string
		header       nethttp.Header
		want         string
	}{
		{"POST", "/in", bearer("Bearer geheim"), "202"},
		{"POST", "/in", bearer("bearer  geheim"), "202"},
		{"POST", "/in", nil, "401"},
		{"POST", "/in", bearer("Bearer geheimer"), "401"},
		{"POST", "/in", bearer("Basic geheim"), "401"},
		{"POST", "/in", bearer("geheim"), "401"},
		{"GET", "/in", bearer("Bearer geheim"), "405"},
		{"POST", "/in/", bearer("Bearer geheim"), "404"},
		{"POST", "/", bearer("Bearer geheim"), "404"},
	} {
		if answer, head := d.ask(c.method, c.path, c.header, strings.NewReader(`{"id":1}`)); !strings.HasPrefix(answer, c.want) {
			t.Errorf("%s %s %v: %s, want %s", c.method, c.path, c.header, answer, c.want)
		} else if c.want == "405" && head.Get("Allow") != "POST" || c.want == "401" && head.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: the head is %v", c.want, head)
		}
	}
	d.taken()
}

// More than the flow takes is refused before it is in memory.
func TestFullListener(t *testing.T) {
	d := newDesk(t, func(k *listen) { accepted(k); k.Pending = 2 })
	for i, want := range []string{"202", "202", "429 the flow has more than it can take now"} {
		answer, head := d.ask("POST", "/in", nil, strings.NewReader(`{"id":`+strconv.Itoa(i)+`}`))
		if answer != want || (head.Get("Retry-After") == "1") != (want != "202") {
			t.Errorf("request %d: %s, %v", i, answer, head)
		}
	}
	if got := d.taken(); got != "{\"id\":0,\"s\":null}\n{\"id\":1,\"s\":null}\n" || d.bytes != 0 {
		t.Errorf("taken %s, %d bytes are counted", got, d.bytes)
	}
	d = newDesk(t, func(k *listen) { accepted(k); k.Buffer = 20; k.MaxBody = 100 })
	long := `{"id":1,"s":"` + strings.Repeat("a", 40) + `"}`
	for i, c := range [][2]string{{long, "202"}, {`{"id":1}`, "429"}} { // one body alone always has room
		if got := d.post(c[0]); !strings.HasPrefix(got, c[1]) {
			t.Errorf("body %d: %s, want %s", i, got, c[1])
		}
	}
	d.taken()
	if got := d.post(`{"id":1}`); got != "202" {
		t.Errorf("after that: %s", got)
	}
}

// A request is answered when it is taken, too late, or never.
func TestAnswersOfTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(k *listen) { k.Timeout = 10 * time.Second })
		answers := make(chan string, 10)
		ask := func(id string) {
			go func() { answers <- id + " " + d.post(`{"id":`+id+`}`) }()
			synctest.Wait()
		}
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			select {
			case got := <-answers:
				if !strings.HasPrefix(got, want) {
					t.Errorf("answered %q, want %q", got, want)
				}
			default:
				t.Errorf("no answer, want %q", want)
			}
		}
		none := func() {
			t.Helper()
			if synctest.Wait(); len(answers) > 0 {
				t.Errorf("answered too early: %s", <-answers)
			}
		}
		next := func() nodes.Position {
			task, after, err := d.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range task.([]record.Data) {
				b.Release()
			}
			return after
		}
		ask("1")
		first := next()
		ask("2")
		ask("3")
		second := next() // both
		none()
		toldListen{d.listenOp}.Taken(first)
		expect("1 200")
		none()
		toldListen{d.listenOp}.Taken(second)
		for range 2 {
			synctest.Wait()
			if got := <-answers; got != "2 200" && got != "3 200" {
				t.Errorf("answered %q", got)
			}
		}

		ask("4")
		late := next()
		time.Sleep(11 * time.Second)
		expect("4 504")
		toldListen{d.listenOp}.Taken(late) // nobody waits any more
		ask("5")
		next()
		ask("6")
		if _, _, err := d.Drain(t.Context()); err != nil { // what was queued goes on
			t.Error(err)
		}
		if _, _, err := d.Drain(t.Context()); err != io.EOF {
			t.Error(err)
		}
		ask("7")
		expect("7 503 the flow is being stopped")
		d.Close()
		got := map[string]bool{<-answers: true, <-answers: true}
		for _, id := range []string{"5", "6"} {
			if !got[id+" 503 the flow has ended, and what became of this is not known"] {
				t.Errorf("answered %v", got)
			}
		}
	})
}

func TestSignatures(t *testing.T) {
	sign := func(text string) string {
		mac := hmac.New(sha256.New, []byte("geheim"))
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(nil))
	}
	const body = `{"id":1}`
	github := func(s string) nethttp.Header { return nethttp.Header{"X-Hub-Signature-256": {s}} }
	for name, c := range map[string]struct {
		settings signature
		header   nethttp.Header
		want     []string // of the same request, again and again
	}{
		"good":           {signature{}, github("sha256=" + sign(body)), []string{"202", "202"}}, // a heartbeat, or a redelivery
		"once":           {signature{Once: new(true)}, github("sha256=" + sign(body)), []string{"202", "409 a request with this signature was taken before"}},
		"no prefix":      {signature{}, github(sign(body)), []string{"202"}},
		"of other text":  {signature{}, github("sha256=" + sign(body+" ")), []string{"401"}},
		"none":           {signature{}, nil, []string{"401", "401"}},
		"no hex":         {signature{}, github("sha256=äöü"), []string{"401"}},
		"with the time":  {signature{Header: "S", Time: "T"}, nethttp.Header{"S": {sign(now(0) + "." + body)}, "T": {now(0)}}, []string{"202", "409 a request with this signature was taken before"}}, // replayed
		"a time twice":   {signature{Header: "S", Time: "T", Once: new(false)}, nethttp.Header{"S": {sign(now(0) + "." + body)}, "T": {now(0)}}, []string{"202", "202"}},
		"an old time":    {signature{Header: "S", Time: "T"}, nethttp.Header{"S": {sign(now(-time.Hour) + "." + body)}, "T": {now(-time.Hour)}}, []string{"401 the signature is too old"}},
		"another time":   {signature{Header: "S", Time: "T"}, nethttp.Header{"S": {sign(now(-time.Hour) + "." + body)}, "T": {now(0)}}, []string{"401"}},
		"no time":        {signature{Header: "S", Time: "T"}, nethttp.Header{"S": {sign("." + body)}}, []string{"401"}},
		"of the old way": {signature{Algorithm: "sha1"}, github(sign(body)), []string{"401"}},
	} {
		c.settings.Secret = config.NewSecret("geheim")
		d := newDesk(t, func(k *listen) { accepted(k); k.HMAC = &c.settings })
		for i, want := range c.want {
			if answer, _ := d.ask("POST", "/in", c.header, strings.NewReader(body)); !strings.HasPrefix(answer, want) {
				t.Errorf("%s, time %d: %s, want %s", name, i+1, answer, want)
			}
		}
		d.taken()
	}
	// A request that was not taken may come again.
	d := newDesk(t, func(k *listen) {
		accepted(k)
		k.Pending = 1
		k.HMAC = &signature{Secret: config.NewSecret("geheim"), Once: new(true)}
	})
	d.post("")
	for i, want := range []string{"202", "429", "202"} {
		text := `{"id":` + strconv.Itoa(min(i, 1)) + `}`
		if answer, _ := d.ask("POST", "/in", github(sign(text)), strings.NewReader(text)); !strings.HasPrefix(answer, want) {
			t.Errorf("request %d: %s, want %s", i, answer, want)
		}
		if i == 1 {
			d.taken()
		}
	}
}

func now(shift time.Duration) string {
	return strconv.FormatInt(time.Now().Add(shift).Unix(), 10)
}

// A sender that is slow, or never ends, is cut off, and takes no memory meanwhile.
func TestSlowAndEndlessSenders(t *testing.T) {
	d := newDesk(t, func(k *listen) { accepted(k); k.Timeout = 200 * time.Millisecond })
	server := httptest.NewServer(d.site)
	defer server.Close()
	client := &nethttp.Client{Transport: &nethttp.Transport{}} // the default one asks the environment, which another test changes
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, c := range map[string]struct {
		body io.Reader
		want int
	}{
		"never ends": {slow{endless: true}, nethttp.StatusRequestEntityTooLarge},
		"is silent":  {slow{}, nethttp.StatusRequestTimeout},
	} {
		r, err := nethttp.NewRequestWithContext(ctx, "POST", server.URL+"/in", c.body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil { // it was cut off before it could read the answer
			if ctx.Err() != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, c.want)
		}
	}
	if got := d.taken(); got != "" {
		t.Errorf("items came: %s", got)
	}
}

// slow is a body that sends blanks for ever, or one and nothing more.
type slow struct{ endless bool }

func (s slow) Read(p []byte) (int, error) {
	if s.endless {
		for i := range p {
			p[i] = ' '
		}
		return len(p), nil
	}
	time.Sleep(50 * time.Millisecond) // slowly enough to be late, and no test of how late
	p[0] = ' '
	return 1, nil
}

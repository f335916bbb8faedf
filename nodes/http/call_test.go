package http_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// calls is a flow that asks for the numbers from 0 on, with some settings of http.call and
// some of the node.
func calls(count int, with, beside string) string {
	return fmt.Sprintf(`flow: calls
nodes:
  n: {use: generate, with: {count: %d}}
  one: {use: http.call, in: n, with: {%s}%s}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
  why: {use: map, in: one.errors, with: {select: [error, attempts, item]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl}}
`, count, with, beside)
}

// ask runs calls against a server in virtual time, and gives how long it took.
func ask(t *testing.T, flow string, server nethttp.HandlerFunc) (r nodetest.Result, took time.Duration) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r = kit.Run(t, flow, nil, nodetest.Setup{Server: server, Dir: dir})
		took = r.Report.Took
		time.Sleep(time.Minute) // what the server is at
	})
	return r, took
}

const toNumbers = `url: '"http://shop.example/" + string(n)', into: a`

func TestCallDecodes(t *testing.T) {
	bodies := map[string]string{
		"/0": `{"x": 1, "more": [1]}`, "/1": " {\n\"x\": 2}\n", "/2": `{"x": "two"}`, "/3": `{"x": 3} {"x": 4}`, "/4": ``, "/5": `not json`, "/6": "\xEF\xBB\xBF{\"x\":6}", "/7": "{\"x\": \"\xff\"}",
	}
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, bodies[r.URL.Path]) }
	for as, want := range map[string]string{
		"{x: int}": `{"n":0,"a":{"x":1}}|{"n":1,"a":{"x":2}}|{"n":6,"a":{"x":6}}|`,
		"json":     `{"n":0,"a":{"x": 1, "more": [1]}}|{"n":1,"a":{"x": 2}}|{"n":2,"a":{"x": "two"}}|{"n":6,"a":{"x":6}}|`,
		"text": `{"n":0,"a":"{\"x\": 1, \"more\": [1]}"}|{"n":1,"a":" {\n\"x\": 2}\n"}|{"n":2,"a":"{\"x\": \"two\"}"}|{"n":3,"a":"{\"x\": 3} {\"x\": 4}"}|` +
			`{"n":4,"a":""}|{"n":5,"a":"not json"}|{"n":6,"a":"` + "\uFEFF" + `{\"x\":6}"}|`,
	} {
		r, _ := ask(t, calls(8, toNumbers+", as: "+quoted(as), ", on_error: dead"), server)
		if got := strings.ReplaceAll(r.Stdout, "\n", "|"); got != strings.ReplaceAll(want, "\n", `\n`) || r.Err != nil {
			t.Errorf("as %s: got\n%s\nwant\n%s\n%v", as, got, want, r.Err)
		}
		if n := strings.Count(r.Stdout, "\n") + strings.Count(r.File("bad.jsonl"), "\n"); n != 8 {
			t.Errorf("as %s: %d items came out", as, n)
		}
	}
	r, _ := ask(t, calls(8, toNumbers+`, as: "{x: int}"`, ", on_error: dead"), server)
	says(t, r.File("bad.jsonl"), `GET http://shop.example/2: the answer does not fit `+"`as`"+`: field \"x\": want int, got \"two\"`, "it goes on after its value", "it is empty", "UTF-8")
	r, _ = ask(t, calls(1, toNumbers+", as: raw", ""), server)
	says(t, r.Stdout, `"a":"eyJ4IjogMSwgIm1vcmUiOiBbMV19"`)
}

func quoted(s string) string {
	if strings.Contains(s, "{") {
		return `"` + s + `"`
	}
	return s
}

// Answers of every form, in pieces of a batch and with items between them that fail.
func TestCallOfManyForms(t *testing.T) {
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if n%5 == 3 {
			w.WriteHeader(404)
			return
		}
		time.Sleep(time.Duration(n%3) * 20 * time.Millisecond)
		fmt.Fprintf(w, `{"s":"t%d","l":[%d,%d],"r":{"f":%d.5,"l":[["x%d"]]},"o":null}`, n, n, n+1, n, n)
	}
	for as, want := range map[string]string{
		"{s: string, l: [int], r: {f: float, l: [[string]]}, o: int?}": `{"n":%d,"a":{"s":"t%[1]d","l":[%[1]d,%[2]d],"r":{"f":%[1]d.5,"l":[["x%[1]d"]]},"o":null}}`,
		"{s: string, r: {f: float}, o: int?}":                          `{"n":%d,"a":{"s":"t%[1]d","r":{"f":%[1]d.5},"o":null}}`,
	} {
		for _, workers := range []int{1, 7} {
			r, _ := ask(t, calls(300, toNumbers+`, as: "`+as+`"`, fmt.Sprintf(", on_error: dead, workers: %d", workers)), server)
			all := ""
			for n := range 300 {
				if n%5 != 3 {
					all += strings.TrimSuffix(fmt.Sprintf(want+"%[2]d", n, n+1), strconv.Itoa(n+1)) + "\n"
				}
			}
			if r.Stdout != all || r.Err != nil {
				t.Fatalf("as %s, %d workers: %v, got\n%.600s\nwant\n%.600s", as, workers, r.Err, r.Stdout, all)
			}
		}
	}
}

// What is sent, and how the answer joins the item.
func TestCallSends(t *testing.T) {
	echo := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), r.Header.Get("X-A")+r.Header.Get("Idempotency-Key"), body)
	}
	for with, want := range map[string]string{
		`url: http://h.example/x?y=1`:                                                 "GET /x?y=1    ",
		`url: http://h.example/, method: PUT`:                                         `PUT / application/json   {"n":0}`,
		`url: http://h.example/, body: n + 1`:                                         "POST / application/json   1",
		`url: http://h.example/, body: '"a" + string(n)'`:                             "POST / text/plain; charset=utf-8   a0",
		`url: http://h.example/, body: {id: n, two: '[n, 2]'}`:                        `POST / application/json   {"id":0,"two":[0,2]}`,
		`url: http://h.example/, body: "{a: n}", method: PATCH`:                       `PATCH / application/json   {"a":0}`,
		`url: http://h.example/, body: null`:                                          "POST /    ",
		`url: http://h.example/, token: abc, headers: {x-a: '"b"'}`:                   "GET /  Bearer abc b ",
		`url: http://h.example/, basic: {user: u, password: p}`:                       "GET /  Basic dTpw  ",
		`url: http://h.example/, method: DELETE, idempotency_key: '"k" + string(n)'`:  "DELETE /   k0 ",
		`url: http://h.example/, body: n, headers: {Content-Type: application/x-int}`: "POST / application/x-int   0",
	} {
		r, _ := ask(t, calls(1, with+", into: a, as: text, status: s", ""), echo)
		if want := fmt.Sprintf(`{"n":0,"a":%s,"s":200}`+"\n", strconv.Quote(want)); r.Stdout != want {
			t.Errorf("%s: got %s want %s %v", with, r.Stdout, want, r.Err)
		}
	}
	r, _ := ask(t, calls(1, `url: http://h.example/, into: n, as: text`, ""), echo)
	if r.Stdout != `{"n":"GET /    "}`+"\n" {
		t.Error(r.Stdout)
	}
}

func TestCallForABatch(t *testing.T) {
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := strings.ReplaceAll(strings.ReplaceAll(string(body), "{", `{"y":1,`), "n", "x")
		switch {
		case strings.Contains(answer, `"x":3`):
			answer = `[{"x":1,"y":2}]`
		case strings.Contains(answer, `"x":7`):
			answer = `{}`
		}
		io.WriteString(w, answer)
	}
	flow := calls(9, `url: http://h.example/, method: POST, per: batch, into: a, as: "{x: int, y: int}"`, ", batch: {count: 2}, on_error: dead")
	r, _ := ask(t, flow, server)
	want := ""
	for _, n := range []int{0, 1, 4, 5, 8} {
		want += fmt.Sprintf("{\"n\":%d,\"a\":{\"x\":%d,\"y\":1}}\n", n, n)
	}
	if r.Stdout != want || r.Err != nil {
		t.Errorf("got\n%s\n%v", r.Told()+r.Stdout, r.Err)
	}
	says(t, r.File("bad.jsonl"), `"item":{"n":2}`, `"item":{"n":3}`, "it has 1 values for 2 items", `"item":{"n":6}`, `"item":{"n":7}`, "want an array, got an object")
}

// What is tried again and what is not, by method and status.
func TestWhatIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		with, status string
		tries        int64
	}{
		{"", "500", 3}, {"", "502", 3}, {"", "429", 3}, {"", "408", 3}, {"", "522", 3}, {"", "404", 1}, {"", "401", 1}, {"", "501", 1}, {"", "400", 1},
		{", method: POST", "500", 1}, {", method: POST", "503", 3}, {", method: POST", "429", 3}, {", method: POST, idempotent: true", "500", 3},
		{`, method: POST, idempotency_key: '"k"'`, "500", 3}, {", method: PUT", "500", 3}, {", method: PATCH", "504", 1},
		{"", "reset", 3}, {", method: POST", "reset", 1}, {"", "short", 3}, {"", "hang", 3}, {", method: POST", "hang", 1}, {"", "trickle", 3},
	} {
		var asked atomic.Int64
		r, took := ask(t, calls(1, toNumbers+c.with, ", retry: {attempts: 3}, on_error: dead"), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			asked.Add(1)
			io.Copy(io.Discard, r.Body)
			status, err := strconv.Atoi(c.status)
			switch {
			case err == nil:
				nethttp.Error(w, "the shop is\n  closed", status)
			case c.status == "hang":
				<-r.Context().Done()
			case c.status == "short":
				w.Header().Set("Content-Length", "100")
				io.WriteString(w, "{")
			case c.status == "trickle":
				for r.Context().Err() == nil {
					w.Write([]byte(" "))
					w.(nethttp.Flusher).Flush()
					time.Sleep(time.Second)
				}
			default:
				panic(nethttp.ErrAbortHandler)
			}
		})
		if asked.Load() != c.tries || r.Err != nil || took > 3*time.Minute {
			t.Errorf("%s%s: asked %d times in %s, want %d: %v", c.status, c.with, asked.Load(), took, c.tries, r.Err)
		}
		says(t, r.File("bad.jsonl"), fmt.Sprintf(`"attempts":%d`, c.tries), " http://shop.example/0: ")
		if _, err := strconv.Atoi(c.status); err == nil {
			says(t, r.File("bad.jsonl"), "the answer is "+c.status, "the shop is closed")
		}
	}
}

// A server that says when to come back is not asked before.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "date": 90 * time.Second, "0": 50 * time.Millisecond, "nonsense": 50 * time.Millisecond, "-3": 50 * time.Millisecond, "3600": 0,
	} {
		var first time.Time
		var waited time.Duration
		r, _ := ask(t, calls(1, toNumbers, ", retry: {attempts: 2, initial_interval: 50ms, jitter: 0}, on_error: dead"), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			if !first.IsZero() {
				waited = time.Since(first)
				io.WriteString(w, "1")
				return
			}
			first = time.Now()
			after := header
			if header == "date" {
				after = first.Add(90 * time.Second).UTC().Format(nethttp.TimeFormat)
			}
			w.Header().Set("Retry-After", after)
			w.WriteHeader(503)
		})
		if waited < want-time.Second || waited > want+time.Second || r.Err != nil {
			t.Errorf("Retry-After: %s: waited %s, want %s; %v", header, waited, want, r.Err)
		}
		if want == 0 {
			says(t, r.File("bad.jsonl"), "503 Service Unavailable; it asks to come back in 1h0m0s", `"attempts":1`)
		}
	}
}

// However many workers try again, a server in trouble is not asked many times as much.
func TestRetryBudget(t *testing.T) {
	var asked atomic.Int64
	flow := calls(1000, toNumbers+", retry_budget: 0.1", ", workers: 100, retry: {attempts: 10, initial_interval: 1ms, max_interval: 1ms}, on_error: skip")
	_, took := ask(t, flow, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked.Add(1)
		w.WriteHeader(500)
	})
	if most := 1000 + 100 + 100 + 10*took.Seconds() + 10; float64(asked.Load()) > most || asked.Load() < 9000 {
		t.Errorf("asked %d times in %s, at most %.0f may be", asked.Load(), took, most)
	}
}

// Bombs and endless answers are cut off, and cost no more than max_body.
func TestLongAnswers(t *testing.T) {
	zeros := make([]byte, 64<<10)
	flood := func(w io.Writer, r *nethttp.Request) (sent int) {
		for r.Context().Err() == nil {
			n, err := w.Write(zeros)
			if sent += n; err != nil || sent > 1<<30 {
				return sent
			}
		}
		return sent
	}
	sent := 0
	for name, server := range map[string]nethttp.HandlerFunc{
		"endless": func(w nethttp.ResponseWriter, r *nethttp.Request) { sent = flood(w, r) },
		"bomb": func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			sent = flood(z, r)
		},
		"endless, of an error": func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.WriteHeader(404)
			sent = flood(w, r)
		},
	} {
		r, _ := ask(t, calls(1, toNumbers+", max_body: 100kB", ", retry: {attempts: 3}, on_error: dead"), server)
		if sent > 50<<20 || r.Err != nil {
			t.Errorf("%s: %d bytes were taken; %v", name, sent, r.Err)
		}
		if want := "the answer is longer than 100kB"; name != "endless, of an error" {
			says(t, r.File("bad.jsonl"), want, `"attempts":1`)
		}
	}
	r, _ := ask(t, calls(1, toNumbers, ", on_error: dead"), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Encoding", "br")
		io.WriteString(w, "x")
	})
	says(t, r.File("bad.jsonl"), "packed as br, which nobody asked for")
}

// Redirects are followed three times, to where the flow may dial, and a body is never lost.
func TestRedirects(t *testing.T) {
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		to := map[string]string{
			"0": "/ok", "1": "/1", "2": "http://other.example/ok", "3": "ftp://x.example/", "4": "/a", "a": "/b", "b": "/c", "c": "/ok",
		}
		if to[name] == "" {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s%s", r.Method, r.Host, r.Header.Get("Authorization"), r.Header.Get("X-Key"))
			w.Write(body)
			return
		}
		code := 302
		if r.Method == "POST" && name == "2" {
			code = 307
		}
		nethttp.Redirect(w, r, to[name], code)
	}
	with := toNumbers + ", as: text, token: canary1, headers: {X-Key: '\"canary2\"'}"
	r, _ := ask(t, calls(5, with, ", on_error: dead"), server)
	says(t, r.Stdout, `{"n":0,"a":"GET shop.example Bearer canary1canary2"}`, `{"n":2,"a":"GET other.example "}`)
	says(t, r.File("bad.jsonl"), "more than 3 times", `scheme \"ftp\"`, `"item":{"n":1}`, `"item":{"n":3}`, `"item":{"n":4}`)
	r, _ = ask(t, calls(3, with+", method: POST", ", on_error: dead"), server)
	says(t, r.File("bad.jsonl"), `POST http://shop.example/0: the answer is 302 Found, to http://shop.example/ok`)
	says(t, r.Stdout, `{"n":2,"a":"POST other.example {\"n\":2}"}`)
}

// No item is lost and none comes out twice, whatever the server does.
func TestNothingIsLost(t *testing.T) {
	const count = 2000
	var turn atomic.Int64
	flow := calls(count, toNumbers, ", workers: 16, timeout: 2s, retry: {attempts: 3, initial_interval: 10ms}, on_error: dead")
	r, _ := ask(t, flow, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch turn.Add(1) % 10 {
		case 0, 1:
			w.WriteHeader(500)
		case 2:
			panic(nethttp.ErrAbortHandler)
		case 3:
			if turn.Load()%100 == 3 {
				<-r.Context().Done()
				return
			}
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "1")
		default:
			time.Sleep(time.Duration(turn.Load()%7) * time.Millisecond)
			io.WriteString(w, strings.TrimPrefix(r.URL.Path, "/"))
		}
	})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	last, good := -1, 0
	for line := range strings.Lines(r.Stdout) {
		var n, a int
		if _, err := fmt.Sscanf(line, `{"n":%d,"a":%d}`, &n, &a); err != nil || n != a || n <= last {
			t.Fatalf("%q after %d", line, last)
		}
		last = n
		good++
	}
	bad := strings.Count(r.File("bad.jsonl"), "\n")
	if good+bad != count || good < count*3/4 || bad == 0 {
		t.Errorf("%d came out, %d failed", good, bad)
	}
}

// Statuses that the flow knows of are answers.
func TestStatusesThatAreNoErrors(t *testing.T) {
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.WriteHeader(map[string]int{"/0": 200, "/1": 404, "/2": 204, "/3": 410}[r.URL.Path])
		io.WriteString(w, "7")
	}
	r, _ := ask(t, calls(4, toNumbers+", as: int, status: s, accept_status: [404, 410]", ", on_error: dead"), server)
	if want := `{"n":0,"a":7,"s":200}` + "\n" + `{"n":1,"a":null,"s":404}` + "\n" + `{"n":3,"a":null,"s":410}` + "\n"; r.Stdout != want {
		t.Errorf("got %s", r.Stdout)
	}
	says(t, r.File("bad.jsonl"), `"item":{"n":2}`, "it is empty")
	r, _ = ask(t, calls(2, `url: '"http://shop.example/" + string(n)', method: HEAD, status: s, accept_status: 404`, ""), server)
	if want := `{"n":0,"s":200}` + "\n" + `{"n":1,"s":404}` + "\n"; r.Stdout != want || r.Err != nil {
		t.Errorf("got %s %v", r.Stdout, r.Err)
	}
}

// On a real network: connections are used again, and those that break are no news.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	s := serve(t, func() { opened.Add(1) }, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/7" {
			nethttp.Error(w, strings.Repeat("no ", 10000), 404)
			return
		}
		io.WriteString(w, "[1]")
	})
	r := kit.Run(t, calls(200, `url: '"`+s.URL+`/" + string(n)', into: a`, ", workers: 4, on_error: skip"), nil, nodetest.Setup{})
	if got := strings.Count(r.Stdout, "\n"); got != 199 || opened.Load() > 8 {
		t.Errorf("%d answers over %d connections: %v", got, opened.Load(), r.Err)
	}
}

// A server that resets connections in the middle of a body, and one that sends its head a
// byte a second.
func TestBrokenConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				req, err := nethttp.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				if req.URL.Path == "/0" {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"a\":")
					c.(*net.TCPConn).SetLinger(0)
					c.Close()
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nX-")
				io.Copy(io.Discard, c) // and nothing more, until the client has enough
				c.Close()
			}()
		}
	}()
	for path, c := range map[string][2]string{"0": {"1m", "the answer breaks off after 5 bytes"}, "1": {"50ms", "no answer within 50ms"}} {
		r := kit.Run(t, calls(1, "url: http://"+l.Addr().String()+"/"+path+", into: a", ", timeout: "+c[0]+", on_error: dead"), nil, nodetest.Setup{})
		says(t, r.File("bad.jsonl"), c[1], "/"+path+": ")
	}
}

// The settings that contradict each other are refused at their place.
func TestCallRefuses(t *testing.T) {
	for with, want := range map[string]string{
		`url: n`:                 "url must be string, got int",
		`url: '"http://h/" + x'`: `unknown field "x"`,
		`url: http://`:           "url is no address",
		`url: http://h/, token: a, basic: {user: u}`:                             "both token and basic",
		`url: http://h/, headers: {Host: a/x}`:                                   "belongs to the connection",
		`url: http://h/, headers: {"a b": a/x}`:                                  "no header that can be sent",
		`url: http://h/, headers: {X-Id: n}`:                                     "a header must be string?, got int",
		`url: http://h/, headers: {X-Id: en}`:                                    `a text has quotes of its own: X-Id: '"en"'`,
		`url: http://h/, headers: {X-Id: n/2}`:                                   "a header must be string?, got float",
		`url: http://h/, headers: {X-Id: 2022-11-28}`:                            `X-Id: '"2022-11-28"'`,
		`url: http://h/, headers: {X-Id: {a: b}}`:                                "want an expression that gives a text",
		`url: http://h/, headers: X-Id`:                                          "want headers, with an expression each",
		`url: http://h/, token: a, headers: {authorization: 'string(n)'}`:        "are the header Authorization, too",
		`url: http://h/, headers: {"a b": 'string(n)'}`:                          "no header that can be sent",
		`url: http://h/, headers: {X-Id: 'string(n)'}, method: POST, per: batch`: "headers cannot have fields of one",
		`url: http://h/, proxy: "nonsense"`:                                      "proxy must be",
		`url: http://h/, method: GET, body: n`:                                   "has no body",
		`url: http://h/, into: a, status: a`:                                     "the same field",
		`url: http://h/, per: batch`:                                             "write `method: POST`",
		`url: 'string(n)', per: batch, body: n`:                                  "one url for all items",
		`url: http://h/, into: a, as: "{x: nope}"`:                               "nope",
		`url: http://h/, body: [1]`:                                              "want an expression",
		`url: http://h/, method: HEAD, into: a`:                                  "has no body",
	} {
		kit.Refuse(t, calls(1, with, ""), nil, want)
	}
}

// What must not be shown is shown nowhere.
func TestCallKeepsSecrets(t *testing.T) {
	flow := calls(2, toNumbers+`, token: geheim-canary, headers: {X-Key: '"geheim-canary"'}`, ", retry: {attempts: 2, initial_interval: 1ms}, on_error: dead")
	r, _ := ask(t, flow, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/1" {
			panic(nethttp.ErrAbortHandler)
		}
		nethttp.Error(w, "you sent "+r.Header.Get("Authorization")+" and "+r.Header.Get("X-Key"), 500)
	})
	text := r.Told() + r.Log + r.Stdout + r.File("bad.jsonl") + fmt.Sprintf("%+v", r.Report)
	if strings.Contains(text, "geheim") {
		t.Error(text)
	}
	says(t, r.File("bad.jsonl"), "you sent Bearer •••")
	says(t, r.Log, "trying again")
}

// A text is one part of an address, whatever is in it.
func TestCallEncodesParts(t *testing.T) {
	var asked []string
	flow := `flow: parts
nodes:
  n: {use: generate, with: {count: 2}}
  m: {use: map, in: n, with: {set: {item: 'n == 0 ? "a/b?c=#d" : "x y&z=ä+1%"'}}}
  one: {use: http.call, in: m, with: {url: '"http://shop.example/price/" + url_encode(item) + "?name=" + url_encode(item)', into: a, as: text}}
  out: {use: drop, in: one}
`
	r, _ := ask(t, flow, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked = append(asked, strings.TrimPrefix(r.URL.Path, "/price/"), r.URL.Query().Get("name"))
	})
	slices.Sort(asked)
	if got := strings.Join(asked, " | "); got != "a/b?c=#d | a/b?c=#d | x y&z=ä+1% | x y&z=ä+1%" || r.Err != nil {
		t.Errorf("asked for %s; %v %s", got, r.Err, r.Told())
	}
}

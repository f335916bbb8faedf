package http_test

import (
	"fmt"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Headers are made of items. Null leaves one out, what could end a line is told, and another
// host gets none.
func TestCallHeaders(t *testing.T) {
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/5" {
			nethttp.Redirect(w, r, "http://other.example/", nethttp.StatusFound)
			return
		}
		got, _ := r.Header["X-Id"]
		fmt.Fprintf(w, "%s %q %s %s %s", r.Host, got, r.Header.Get("Accept"), r.Header.Get("Content-Type"), r.Header.Get("X-Key"))
	}
	for with, want := range map[string]string{
		`x-id: '"i" + string(n)', accept: text/csv; q=0.5`:            `shop.example ["i0"] text/csv; q=0.5  `,
		`X-Id: 'n < 0 ? "x" : null', Accept: '*/*'`:                   `shop.example [] */*  `,
		`X-Id: '"2022-11-28"', Content-Type: my-app/1.0, X-Key: '""'`: `shop.example ["2022-11-28"]  my-app/1.0 `,
		`X-Id: '"ü " + string(n)', X-Key: "'ab'", Accept: '"a\"b\\"'`: `shop.example ["ü 0"] a"b\  ab`,
	} {
		r, _ := ask(t, calls(1, toNumbers+", as: text, headers: {"+with+"}", ""), server)
		if want := fmt.Sprintf(`{"n":0,"a":%q}`+"\n", want); r.Stdout != want || r.Err != nil {
			t.Errorf("%s: got %s want %s %v", with, r.Stdout, want, r.Err)
		}
	}
	with := toNumbers + `, as: text, method: DELETE, idempotency_key: string(n), headers: {X-Id: '["a", "b\nX-Evil: 1", "c\u0000", "d\r", null, "f"][n]'}`
	r, _ := ask(t, calls(6, with, ", retry: {attempts: 3}, on_error: dead, workers: 3"), server)
	want := `{"n":0,"a":"shop.example [\"a\"]   "}` + "\n" + `{"n":4,"a":"shop.example []   "}` + "\n"
	if r.Stdout != want || r.Err != nil {
		t.Errorf("got %s want %s %v", r.Stdout, want, r.Err)
	}
	says(t, r.File("bad.jsonl"), `DELETE http://shop.example/1: the header X-Id cannot have a line end or a null byte in it: \"b\\nX-Evil: 1\"`, `"attempts":1,"item":{"n":1}`, `"item":{"n":2}`, `"item":{"n":3}`)
	r, _ = ask(t, calls(6, toNumbers+`, as: text, headers: {X-Id: 'string(n)'}`, ""), server)
	says(t, r.Stdout, `{"n":4,"a":"shop.example [\"4\"]   "}`, `{"n":5,"a":"other.example []   "}`)
	r, _ = ask(t, calls(4, `url: http://shop.example/, into: a, per: batch, body: n, headers: {X-Id: '"b"'}`, ", on_error: dead"), server)
	says(t, r.File("bad.jsonl"), "want a value", `"item":{"n":3}`)
	r, _ = ask(t, calls(1, `url: http://shop.example/, into: a, as: text, headers: {X-Key: "'a,b'", X-Id: "'\"'"}`, ""), server)
	says(t, r.Stdout, `[\"\\\"\"]   a,b`)
}

// Where nobody says how many, as many requests are made at once as the load asks for, and
// their answers keep their order; changes are made one by one.
func TestCallsAtOnceByDefault(t *testing.T) {
	for _, c := range []struct {
		with, beside string
		least, most  int64
	}{
		{"", "", 10, 16}, {", method: POST", "", 10, 16}, {"", ", order: key, key: n", 16, 16},
		{", method: PUT", "", 1, 1}, {", method: PATCH", "", 1, 1}, {", method: DELETE", "", 1, 1},
		{"", ", workers: 2", 2, 2}, {", method: PUT", ", workers: 3", 3, 3},
	} {
		count := 600
		if c.most < 10 {
			count = 20
		}
		var now, most atomic.Int64
		r, took := ask(t, calls(count, toNumbers+c.with, c.beside), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(50 * time.Millisecond)
			now.Add(-1)
			io.WriteString(w, strings.TrimPrefix(r.URL.Path, "/"))
		})
		if most.Load() < c.least || most.Load() > c.most || r.Err != nil {
			t.Errorf("%s%s: %d at once in %s, want %d to %d; %v", c.with, c.beside, most.Load(), took, c.least, c.most, r.Err)
		}
		if c.beside == "" {
			for i, line := range strings.Split(strings.TrimSpace(r.Stdout), "\n") {
				if line != fmt.Sprintf(`{"n":%d,"a":%[1]d}`, i) {
					t.Fatalf("%s: line %d is %s", c.with, i, line)
				}
			}
		}
	}
}

// A worker that leaves because there is less to do takes nothing away from the others.
func TestCallersLeave(t *testing.T) {
	var now, most, last atomic.Int64
	flow := strings.Replace(calls(1500, toNumbers, ", workers: {min: 1, max: 30}"), "count: 1500}}", "count: 1500}, rate: 100/s}", 1)
	r, _ := ask(t, flow, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n, number := now.Add(1), strings.TrimPrefix(r.URL.Path, "/")
		most.Store(max(most.Load(), n))
		if i, _ := strconv.Atoi(number); i < 500 {
			time.Sleep(200 * time.Millisecond)
		} else if i > 1400 {
			last.Store(max(last.Load(), n))
		}
		now.Add(-1)
		io.WriteString(w, number)
	})
	if most.Load() < 10 || last.Load() > 5 || strings.Count(r.Stdout, "\n") != 1500 || r.Err != nil {
		t.Errorf("%d at once, %d in the end, %d answers; %v", most.Load(), last.Load(), strings.Count(r.Stdout, "\n"), r.Err)
	}
}

// An item does not pass for one with an answer because the server says that nothing has changed.
func TestNotModified(t *testing.T) {
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) { w.WriteHeader(nethttp.StatusNotModified) }
	r, _ := ask(t, calls(2, toNumbers+`, as: "{x: int}"`, ", on_error: dead"), server)
	if r.Stdout != "" || r.Err != nil {
		t.Errorf("got %s %v", r.Stdout, r.Err)
	}
	says(t, r.File("bad.jsonl"), "the answer is 304 Not Modified", `"item":{"n":1}`)
	r, _ = ask(t, calls(1, toNumbers+`, as: "{x: int}", accept_status: 304, status: s`, ", on_error: dead"), server)
	if r.Stdout != `{"n":0,"a":null,"s":304}`+"\n" {
		t.Errorf("got %s %s", r.Stdout, r.Told())
	}
}

package http_test

import (
	"fmt"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func polls(with, beside string) string {
	return fmt.Sprintf(`flow: polls
nodes:
  one: {use: http.poll, with: {%s}%s}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
  why: {use: map, in: one.errors, with: {select: [error, item, file]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl}}
`, with, beside)
}

// watch runs a flow in virtual time for a while, and then stops it.
func watch(t *testing.T, flow string, server nethttp.HandlerFunc, for_ time.Duration) (r nodetest.Result) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r = kit.Run(t, flow, nil, nodetest.Setup{Dir: dir, Server: server, Begun: func(stop func()) { time.AfterFunc(for_, stop) }})
		time.Sleep(time.Minute)
	})
	return r
}

const shopOrders = "url: http://shop.example/orders"

// What an answer gives, by its type.
func TestPollItems(t *testing.T) {
	for _, c := range []struct{ with, answer, want string }{
		{``, `{"a": 1}`, `{"a": 1}|`},
		{``, `[1, {"a": 2}, null]`, `1|{"a": 2}|null|`},
		{``, `[]`, ``},
		{`, as: [int]`, `[1, 2]`, `1|2|`},
		{`, as: ["{a: int}"]`, `[{"a": 1}, {"a": 2, "b": 3}]`, `{"a":1}|{"a":2}|`},
		{`, as: "{a: int}"`, `{"a": 1}`, `{"a":1}|`},
		{`, as: {l: "[{a: int}]"}, items: l`, `{"l": [{"a": 1}]}`, `{"a":1}|`},
		{`, as: {l: "[int]?"}, items: l`, `{}`, ``},
		{`, items: list(item.l)`, `{"l": [1, "x"]}`, `1|"x"|`},
		{`, as: text`, `abc`, `"abc"|`},
		{`, as: raw`, `abc`, `"YWJj"|`},
	} {
		r, _ := ask(t, polls(shopOrders+c.with, ", on_error: fail"), func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, c.answer) })
		if got := strings.ReplaceAll(r.Stdout, "\n", "|"); got != c.want || r.Err != nil {
			t.Errorf("%s of %s: got %s, want %s; %v", c.with, c.answer, got, c.want, r.Err)
		}
	}
	r, _ := ask(t, polls(shopOrders+`, as: "{a: int}"`, ", on_error: dead"), func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, `{"a": "x"}`) })
	says(t, r.File("bad.jsonl"), `GET http://shop.example/orders: the answer does not fit `+"`as`"+`: field \"a\": want int, got \"x\"`, `"file":"http://shop.example/orders"`)
}

func TestPollPages(t *testing.T) {
	pages := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("page"))
		next := fmt.Sprintf("%q", "?page="+strconv.Itoa(n+1))
		switch {
		case n == 3 && r.URL.Path == "/orders":
			next = "null"
		case n == 3 && r.URL.Path == "/round":
			next = `"/round?page=1"`
		case n == 1 && r.URL.Path == "/away":
			next = `"http://other.example/orders?page=2"`
		case n == 1 && r.URL.Path == "/odd":
			next = `"ftp://x.example/"`
		}
		fmt.Fprintf(w, `{"l": [%d, %d], "next": %s, "who": %q}`, 2*n, 2*n+1, next, r.Host+r.Header.Get("Authorization")+r.Header.Get("X-Key"))
	}
	with := `, as: {l: "[int]", next: string?}, items: l, next: next`
	r, _ := ask(t, polls("url: http://shop.example/orders"+with, ""), pages)
	if want := "0\n1\n2\n3\n4\n5\n6\n7\n"; r.Stdout != want || r.Err != nil {
		t.Errorf("got %q; %v", r.Stdout, r.Err)
	}
	r, _ = ask(t, polls("url: http://shop.example/orders, items: list(item.l), next: item.next", ""), pages)
	if want := "0\n1\n2\n3\n4\n5\n6\n7\n"; r.Stdout != want || r.Err != nil {
		t.Errorf("of any type: got %q; %v", r.Stdout, r.Err)
	}
	r, _ = ask(t, polls("url: http://shop.example/round"+with, ", on_error: dead"), pages)
	says(t, r.File("bad.jsonl"), "next leads back to a page that was read: http://shop.example/round")
	r, _ = ask(t, polls("url: http://shop.example/endless"+with+", max_pages: 7", ", on_error: dead"), pages)
	says(t, r.File("bad.jsonl"), "more than 7 pages")
	r, _ = ask(t, polls("url: http://shop.example/odd"+with, ", on_error: dead"), pages)
	says(t, r.File("bad.jsonl"), "next is no address")
	r, _ = ask(t, polls(`url: http://shop.example/away, token: canary, headers: {X-Key: canary}, as: {who: string, next: string?}, next: next`, ""), pages)
	says(t, r.Stdout, `"who":"shop.exampleBearer canarycanary"`, `"who":"other.example"`)
}

// Pages by the header Link.
func TestPollLinks(t *testing.T) {
	r, _ := ask(t, polls(shopOrders+", as: [int], links: true", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if n < 3 {
			w.Header().Set("Link", fmt.Sprintf(`<http://shop.example/orders?page=0>; rel="first", </orders?page=%d>; title=x; rel="next last"`, n+1))
		} else {
			w.Header().Set("Link", `</orders?page=9>; rel="prev"`)
		}
		fmt.Fprintf(w, "[%d]", n)
	})
	if r.Stdout != "0\n1\n2\n3\n" || r.Err != nil {
		t.Errorf("got %q: %v", r.Stdout, r.Err)
	}
}

// What has not changed comes once, and after a cursor only what is new.
func TestPollAgain(t *testing.T) {
	var asked []string
	r := watch(t, polls(shopOrders+", as: [int], every: 1m", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked = append(asked, r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since"))
		version := fmt.Sprintf(`"v%d"`, len(asked)/4)
		w.Header().Set("ETag", version)
		if r.Header.Get("If-None-Match") == version {
			w.WriteHeader(304)
			return
		}
		fmt.Fprintf(w, "[%d]", len(asked))
	}, 9*time.Minute+30*time.Second)
	if r.Stdout != "1\n4\n8\n" || len(asked) != 10 || r.Err != nil || r.Log != "" {
		t.Errorf("got %q of %q: %v\n%s", r.Stdout, asked, r.Err, r.Log)
	}
	last := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Format(nethttp.TimeFormat)
	r = watch(t, polls(shopOrders+", as: [int], every: 1m", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Last-Modified", last)
		if r.Header.Get("If-Modified-Since") == last {
			w.WriteHeader(304)
		}
		io.WriteString(w, "[1]")
	}, 5*time.Minute)
	if r.Stdout != "1\n" {
		t.Errorf("got %q", r.Stdout)
	}
	asked = nil
	r = watch(t, polls(`url: "http://shop.example/?since={cursor}", start: "a b", as: ["{id: int, at: time}"], cursor: last(item).at, every: 10s`, ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked = append(asked, r.URL.RawQuery)
		if len(asked) == 2 {
			io.WriteString(w, "[]")
			return
		}
		fmt.Fprintf(w, `[{"id": %d, "at": "2026-01-01T00:00:%02dZ"}]`, len(asked), len(asked))
	}, 35*time.Second)
	want := "since=a+b since=2026-01-01T00%3A00%3A01Z since=2026-01-01T00%3A00%3A01Z since=2026-01-01T00%3A00%3A03Z"
	if got := strings.Join(asked, " "); got != want || r.Err != nil {
		t.Errorf("asked %s, want %s; %v", got, want, r.Err)
	}
}

// A page that has not changed hides none behind it: neither one that grew, nor one that
// could not be had last time.
func TestPollPagesAgain(t *testing.T) {
	items, broken := 5, true
	polled, unchanged := 0, 0
	r := watch(t, polls(shopOrders+`, as: {l: "[int]", next: string?}, items: l, next: next, every: 1m, retry_for: 5s`, ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if page == 0 {
			polled++
			if polled == 4 {
				items = 8 // page 2 has room for one, and there is a fourth page then
			}
		}
		if page == 1 && broken {
			broken = polled < 2
			w.WriteHeader(500)
			return
		}
		var l []string
		for i := page * 3; i < min(items, page*3+3); i++ {
			l = append(l, strconv.Itoa(i))
		}
		next := "null"
		if page*3+3 < items {
			next = fmt.Sprintf(`"?page=%d"`, page+1)
		}
		body := fmt.Sprintf(`{"l": [%s], "next": %s}`, strings.Join(l, ","), next)
		w.Header().Set("ETag", strconv.Quote(body[:len(body)-1]+strconv.Itoa(page)))
		if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			unchanged++
			w.WriteHeader(304)
			return
		}
		io.WriteString(w, body)
	}, 6*time.Minute+30*time.Second)
	// The first poll breaks off at its second page; the fourth finds more.
	if want := "0\n1\n2\n" + "3\n4\n" + "3\n4\n5\n6\n7\n"; r.Stdout != want || r.Err != nil {
		t.Errorf("got %q, want %q; %v\n%s", r.Stdout, want, r.Err, r.Log)
	}
	if unchanged < 8 {
		t.Errorf("%d pages were not sent again", unchanged)
	}
}

// A server that is away for a while costs polls, and not the run; what it refuses at once
// ends it.
func TestPollOfAServerInTrouble(t *testing.T) {
	asked := 0
	r := watch(t, polls(shopOrders+", as: [int], every: 1m, retry_for: 5s", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked++
		if asked > 1 && asked < 20 {
			w.WriteHeader([]int{500, 404, 503}[asked%3])
			return
		}
		fmt.Fprintf(w, "[%d]", asked)
	}, 20*time.Minute)
	if !strings.HasPrefix(r.Stdout, "1\n20\n21\n") || r.Err != nil {
		t.Errorf("got %q: %v", r.Stdout, r.Err)
	}
	says(t, r.Log, "a poll is left out", "404 Not Found", "trying again", "succeed again")
	for _, every := range []string{"", ", every: 1m"} {
		r, took := ask(t, polls(shopOrders+every, ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			nethttp.Error(w, "who are you", nethttp.StatusUnauthorized)
		})
		if r.Err == nil || took > time.Second {
			t.Errorf("took %s: %v", took, r.Err)
		}
		says(t, r.Told(), "one (http.poll)", "401 Unauthorized: who are you")
	}
	r, took := ask(t, polls(shopOrders+", retry_for: 30s", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) { w.WriteHeader(503) })
	if r.Err == nil || took < 20*time.Second || took > 30*time.Second {
		t.Errorf("took %s: %v", took, r.Err)
	}
	// One that hangs does not hold up a stop.
	r = watch(t, polls(shopOrders+", every: 1m, timeout: 1h", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) { <-r.Context().Done() }, 10*time.Second)
	if r.Report.Took > 11*time.Second {
		t.Errorf("took %s: %v", r.Report.Took, r.Err)
	}
}

func TestPollRefuses(t *testing.T) {
	for with, want := range map[string]string{
		`url: shop.example`:                                   "url is no address",
		`url: "http://h/{cursor}"`:                            "no cursor says what it is",
		`url: http://h/, cursor: item`:                        "write {cursor} where it belongs",
		`url: http://h/, as: {a: int}, items: a`:              "items must be a list, got int",
		`url: http://h/, as: {a: int}, next: a`:               "next must be string?, got int",
		`url: http://h/, as: {a: int}, next: b`:               `unknown field "b"`,
		`url: http://h/, as: raw, next: item`:                 "gives its bytes alone",
		`url: "http://h/{cursor}", as: [[int]], cursor: item`: "cursor must be a value",
		`url: http://h/, every: 1ms`:                          "at least 10ms",
	} {
		kit.Refuse(t, polls(with, ""), nil, want)
	}
}

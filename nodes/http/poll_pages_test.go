package http_test

import (
	"fmt"
	"io"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A list is a server with pages of two numbers.
type list struct {
	numbers  []int
	links    bool                                     // the next page is in the header alone
	fail     func(page, asked int) (status int)       // 0: none; asked counts requests for that page
	header   func(h nethttp.Header, notModified bool) // nil: as it is
	asked    []string                                 // the queries
	requests map[int]int
}

func (l *list) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = max(page, 1)
	l.asked = append(l.asked, r.URL.RawQuery)
	if l.requests == nil {
		l.requests = map[int]int{}
	}
	l.requests[page]++
	if l.fail != nil {
		if status := l.fail(page, l.requests[page]); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	numbers := l.numbers
	if since, err := strconv.Atoi(r.URL.Query().Get("since")); err == nil {
		numbers = slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return n <= since })
	}
	from := min(2*page-2, len(numbers))
	here, more := numbers[from:min(from+2, len(numbers))], from+2 < len(numbers)
	next := ""
	if more {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(page+1))
		next = "/orders?" + q.Encode()
	}
	body := strings.ReplaceAll(fmt.Sprint(here), " ", ",")
	if l.links {
		if more {
			w.Header().Set("Link", "<"+next+`>; rel="next"`)
		}
	} else {
		body = fmt.Sprintf(`{"l": %s, "next": %q}`, body, next)
	}
	tag := strconv.Quote(strings.NewReplacer(`"`, "", " ", "").Replace(body))
	if !strings.Contains(r.URL.RawQuery, "since") { // there a cursor says what is new
		w.Header().Set("ETag", tag)
	}
	same := r.Header.Get("If-None-Match") == tag
	if l.header != nil {
		l.header(w.Header(), same)
	}
	if same {
		w.WriteHeader(nethttp.StatusNotModified)
		return
	}
	io.WriteString(w, body)
}

const (
	byNext  = `, as: {l: "[int]", next: string}, items: l, next: next`
	byLinks = `, as: [int], links: true`
)

// A page that fails for longer than retry_for is asked for at the time of the next poll, and
// what came before it does not come again.
func TestPollGoesOnWithThePageThatFailed(t *testing.T) {
	for _, status := range []int{500, 503} {
		for _, with := range []string{byNext, byLinks} {
			s := &list{numbers: []int{1, 2, 3, 4, 5}, links: with == byLinks, fail: func(page, asked int) int {
				if page == 2 && asked <= 3 {
					return status
				}
				return 0
			}}
			r := watch(t, polls(shopOrders+with+", every: 10s, retry_for: 1s", ""), s.ServeHTTP, 35*time.Second)
			if r.Stdout != "1\n2\n3\n4\n5\n" || r.Err != nil {
				t.Errorf("%s, %d: got %q; %v\n%s", with, status, r.Stdout, r.Err, r.Log)
			}
			says(t, r.Log, "a poll breaks off", "orders, page 2: the answer is "+strconv.Itoa(status), "orders, page 2: the answer", "succeed again")
		}
	}
}

// The address of a page may have had its time, or the server may break at it: then the poll
// begins anew, and what has no ETag comes again.
func TestPollBeginsAnew(t *testing.T) {
	for _, status := range []int{500, 404, 410} {
		s := &list{numbers: []int{1, 2, 3, 4}, header: func(h nethttp.Header, _ bool) { h.Del("ETag") }}
		s.fail = func(page, _ int) int {
			if page == 2 && s.requests[1] < 2 {
				return status
			}
			return 0
		}
		r := watch(t, polls(shopOrders+byNext+", every: 1m, retry_for: 1s", ""), s.ServeHTTP, 90*time.Second)
		if r.Stdout != "1\n2\n1\n2\n3\n4\n" || r.Err != nil {
			t.Errorf("%d: got %q; %v\n%s", status, r.Stdout, r.Err, r.Log)
		}
		says(t, r.Log, "cannot be had; it begins anew")
	}
}

// The cursor moves on when all pages are through, to the greatest value that they had: the
// newest items may come first or last, and a page may fail.
func TestPollCursorOfPages(t *testing.T) {
	for name, c := range map[string]struct {
		newestFirst bool
		cursor      string
	}{
		"newest first": {true, "l[0]"},
		"newest last":  {false, "last(l)"},
		"any value":    {true, "item.l[0]"},
	} {
		for _, broken := range []bool{false, true} {
			s := &list{}
			fill := func(n int) {
				s.numbers = nil
				for i := 1; i <= n; i++ {
					s.numbers = append(s.numbers, i)
				}
				if c.newestFirst {
					slices.Reverse(s.numbers)
				}
			}
			fill(11)
			fails := 0
			s.fail = func(page, asked int) int {
				if page == 1 && asked == 2 {
					fill(15)
				}
				if broken && page == 2 && fails < 3 {
					fails++
					return 503
				}
				return 0
			}
			with := byNext
			if name == "any value" {
				with = ", items: list(item.l), next: item.next"
			}
			r := watch(t, polls(`url: "http://shop.example/orders?since={cursor}", start: "5"`+with+", cursor: '"+c.cursor+"', every: 10s, retry_for: 1s", ""), s.ServeHTTP, 45*time.Second)
			got := strings.Fields(r.Stdout)
			slices.SortFunc(got, func(a, b string) int { return len(a)*100 + strings.Compare(a, b) - len(b)*100 })
			if want := "6 7 8 9 10 11 12 13 14 15"; strings.Join(got, " ") != want || r.Err != nil {
				t.Errorf("%s, broken %v: got %v, want %s; %v\n%s", name, broken, got, want, r.Err, r.Log)
			}
			var firsts []string
			for _, q := range s.asked {
				if !strings.Contains(q, "page") {
					firsts = append(firsts, q)
				}
			}
			if got := strings.Join(firsts, " "); !strings.HasPrefix(got, "since=5 since=11 since=15") {
				t.Errorf("%s, broken %v: asked %s", name, broken, got)
			}
		}
	}
}

// A page that does not fit ends the poll, and the cursor stays: what is behind it has not come.
func TestPollCursorBehindABadPage(t *testing.T) {
	polled := 0
	server := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		q := r.URL.Query()
		switch {
		case q.Get("page") == "":
			polled++
			w.Header().Set("ETag", `"one"`)
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(304)
				return
			}
			io.WriteString(w, map[string]string{"0": `{"l": [6, 5], "next": "?since=0&page=2"}`, "6": `{"l": [], "next": ""}`}[q.Get("since")])
		case polled == 1:
			io.WriteString(w, `{"l": ["x"]}`)
		default:
			io.WriteString(w, `{"l": [4, 3], "next": ""}`)
		}
	}
	r := watch(t, polls(`url: "http://shop.example/orders?since={cursor}", start: "0"`+byNext+", cursor: 'len(l) > 0 ? l[0] : null', every: 10s", ""), server, 35*time.Second)
	if r.Stdout != "6\n5\n4\n3\n" || r.Err != nil {
		t.Errorf("got %q; %v\n%s", r.Stdout, r.Err, r.Told())
	}
	says(t, r.File("bad.jsonl"), "orders, page 2: the answer does not fit")
}

// What is new behind the first page is seen, also where a server compares bodies alone, and
// says nothing more of a page that has not changed. A poll asks for each page once.
func TestPollSeesWhatIsBehind(t *testing.T) {
	for _, with := range []string{byNext, byLinks} {
		s := &list{numbers: []int{1, 2, 3, 4}, links: with == byLinks, header: func(h nethttp.Header, same bool) {
			if same {
				h.Del("Link")
			}
		}}
		s.fail = func(page, asked int) int {
			if page == 1 && asked == 3 { // the second page is full: it says the same, and leads on
				s.numbers = append(s.numbers, 5, 6, 7)
			}
			return 0
		}
		r := watch(t, polls(shopOrders+with+", every: 1m", ""), s.ServeHTTP, 5*time.Minute+30*time.Second)
		want := "1\n2\n3\n4\n" + "5\n6\n7\n"
		if with == byNext { // there the body says what comes next
			want = "1\n2\n3\n4\n" + "3\n4\n5\n6\n7\n"
		}
		if r.Stdout != want || r.Err != nil {
			t.Errorf("%s: got %q; %v\n%s", with, r.Stdout, r.Err, r.Log)
		}
		if s.requests[1] != 6 || s.requests[2] != 6 || s.requests[3] != 4 || s.requests[4] != 4 || len(s.asked) != 20 {
			t.Errorf("%s: asked %v", with, s.requests)
		}
	}
}

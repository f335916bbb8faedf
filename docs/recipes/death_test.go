package recipes_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file tries what the pages promise under "What happens when": flows are killed,
// databases too, and in the end every row must be where it belongs.

// until repeats a look until it has seen what it wants, or has looked often enough.
func until(t *testing.T, what string, look func() bool) {
	t.Helper()
	for n := 1; !look(); n++ {
		if n == 3*looks {
			t.Fatalf("it does not come: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// look asks a SQLite file that a flow is about to make; "" if it, or its table, is not there.
func (p *place) look(name, text string) string {
	p.t.Helper()
	if p.read(name) == "" || query(p.t, "sqlite:"+p.path(name), "SELECT count(*) FROM sqlite_master") == "0" {
		return ""
	}
	return query(p.t, "sqlite:"+p.path(name), text)
}

// What was answered with 200 is in the table, whatever dies, and is there once although all
// of it is sent until it is answered.
func TestWebhookThatIsKilled(t *testing.T) {
	url := database(t)
	p := copied(t)
	p.set("DATABASE_URL", url)
	f := p.start("webhook.yaml")
	const clients, orders = 4, 100
	answered := make(chan string, clients*orders)
	var sending sync.WaitGroup
	for c := range clients {
		sending.Go(func() {
			for i := range orders {
				id := fmt.Sprintf("%d-%d", c, i)
				body := fmt.Sprintf(`{"id": %q, "customer": "Ann", "total": %d.50, "currency": "EUR", "placed_at": "2026-03-01T08:12:00Z"}`, id, i+1)
				until(t, "an answer for "+id, func() bool {
					r, err := http.NewRequest("POST", "http://127.0.0.1:"+p.ports["8080"]+"/orders", strings.NewReader(body))
					if err != nil {
						return false
					}
					r.Header.Set("Authorization", "Bearer letmein")
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						return false
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					return resp.StatusCode == 200
				})
				answered <- id
			}
		})
	}
	for round, at := range []int{50, 120, 200, 300} {
		until(t, "answers", func() bool { return len(answered) >= at })
		if round == 2 {
			server.Kill() // a flow with answers to give waits for it
			if err := server.Again(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		f.kill()
		f = p.start("webhook.yaml")
	}
	sending.Wait()
	f.stop()
	if got, want := query(t, url, "SELECT count(*), count(DISTINCT id), sum(total) FROM orders"), fmt.Sprintf("%d|%[1]d|%.2f", clients*orders, float64(clients*(orders*(orders+1)/2))+clients*orders*0.5); got != want {
		t.Errorf("the table has %s, want %s", got, want)
	}
	if odd := p.read("out/odd-orders.jsonl") + p.read("out/refused-orders.jsonl"); odd != "" {
		t.Errorf("orders were refused:\n%s", odd)
	}
}

// A shop is a list that is given page by page, with an ETag each.
type shop struct {
	mu        sync.Mutex
	orders    []string
	trouble   func(w http.ResponseWriter, page string) bool // answers in place of the shop
	unchanged int
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := max(1, len(r.URL.Query().Get("page")))
	if s.trouble != nil && s.trouble(w, fmt.Sprint(page)) {
		return
	}
	const size = 3
	next := "null"
	if page*size < len(s.orders) {
		next = `"?page=` + strings.Repeat("x", page+1) + `"`
	}
	body := `{"data": [` + strings.Join(s.orders[(page-1)*size:min(page*size, len(s.orders))], ",") + `], "next": ` + next + `}`
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(body)))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		s.unchanged++
		w.WriteHeader(http.StatusNotModified)
		return
	}
	io.WriteString(w, body)
}

func (s *shop) order(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, fmt.Sprintf(`{"id": %d, "created_at": "2026-03-01T08:12:00Z", "customer": {"id": 7, "name": "Ann"}, "total": 1.5, "status": %q, "note": null}`, len(s.orders)+1, status))
}

// A server that is busy is waited for; one that fails for good leaves the old file.
func TestRestPagesOfAServerInTrouble(t *testing.T) {
	s, tries := &shop{}, 0
	for range 8 {
		s.order("paid")
	}
	s.trouble = func(w http.ResponseWriter, page string) bool {
		if tries++; page != "2" || tries > 4 {
			return false
		}
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(503)
		return true
	}
	peer := httptest.NewServer(s)
	defer peer.Close()
	p := copied(t)
	p.must("run", "-q", "rest-pages.yaml", "-s", "url="+peer.URL+"/orders")
	whole := p.read("out/orders.csv")
	if strings.Count(whole, "\n") != 9 || tries < 5 {
		t.Errorf("after %d requests the file is\n%s", tries, whole)
	}
	for code, trouble := range map[int]string{404: "404 Not Found", 200: `field "data"`} {
		s.trouble = func(w http.ResponseWriter, page string) bool {
			if page != "3" {
				return false
			}
			w.WriteHeader(code)
			io.WriteString(w, `{"data": "none"}`)
			return true
		}
		s.order("paid")
		if said, exit := p.run("run", "-q", "rest-pages.yaml", "-s", "url="+peer.URL+"/orders"); exit != 1 || !strings.Contains(said, trouble) {
			t.Errorf("exit %d\n%s", exit, said)
		}
		if p.read("out/orders.csv") != whole {
			t.Error("the old file is not there any more")
		}
	}
}

// The table follows the list, also where only its last page has changed.
func TestRestPollFollows(t *testing.T) {
	need(t, "sqlite3")
	s := &shop{}
	for range 7 {
		s.order("open")
	}
	peer := httptest.NewServer(s)
	defer peer.Close()
	p := copied(t)
	table := func() string {
		return p.look("out/orders.db", "SELECT group_concat(id || status, ' ') FROM (SELECT * FROM orders ORDER BY id)")
	}
	f := p.start("rest-poll.yaml", "-s", "url="+peer.URL+"/orders", "-s", "every=50ms")
	until(t, "the list", func() bool { return table() == "1open 2open 3open 4open 5open 6open 7open" })
	s.order("open")
	s.order("open")
	s.order("open")
	until(t, "what is new at its end", func() bool { return strings.HasSuffix(table(), " 10open") })
	s.mu.Lock()
	s.orders[4] = strings.Replace(s.orders[4], "open", "paid", 1)
	s.mu.Unlock()
	until(t, "what has changed in the middle", func() bool { return strings.Contains(table(), "5paid") })
	f.kill()
	s.order("paid")
	f = p.start("rest-poll.yaml", "-s", "url="+peer.URL+"/orders", "-s", "every=50ms")
	until(t, "what came meanwhile", func() bool { return strings.HasSuffix(table(), " 11paid") })
	s.mu.Lock()
	unchanged := s.unchanged
	s.mu.Unlock()
	until(t, "pages that are not sent again", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.unchanged >= unchanged+8 })
	f.stop()
}

// after is the cursor of the export, as its page computes it.
func after(t *testing.T, p *place) (last int, ids map[int]int) {
	t.Helper()
	ids = map[int]int{}
	paths, _ := filepath.Glob(p.path("out/purchases-*.jsonl"))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var row struct{ ID int }
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s: %q: %v", path, line, err)
			}
			ids[row.ID]++
			last = max(last, row.ID)
		}
	}
	return last, ids
}

// Every other run of the export is killed, at any moment; in the end each row is in one file.
func TestExportThatIsKilled(t *testing.T) {
	url := database(t)
	p := copied(t)
	p.set("DATABASE_URL", url)
	query(t, url, p.read("data/purchases.sql"))
	killed := 0
	for round := range 12 {
		query(t, url, "INSERT INTO purchases (customer, total) SELECT 'c' || n, n FROM generate_series(1, 20000) n")
		last, _ := after(t, p)
		f := p.start("export.yaml", "-s", "lag=0s", "-s", fmt.Sprint("after=", last))
		if round%2 == 0 {
			time.Sleep(rand.N(150 * time.Millisecond)) // any moment is a good one
			f.kill()
			if !f.cmd.ProcessState.Success() {
				killed++
			}
			continue
		}
		if err := f.cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, f.said.String())
		}
	}
	last, ids := after(t, p)
	want := query(t, url, "SELECT count(*), max(id) FROM purchases")
	if got := fmt.Sprintf("%d|%d", len(ids), last); got != want {
		t.Errorf("the files have %s, the table %s", got, want)
	}
	for id, n := range ids {
		if n != 1 {
			t.Fatalf("%d is in the files %d times", id, n)
		}
	}
	t.Logf("%d of 12 runs were killed", killed)
	p.must("run", "-q", "export.yaml", "-s", "lag=0s", "-s", fmt.Sprint("after=", last))
	if text := p.read(fmt.Sprintf("out/purchases-%d.jsonl", last)); text != "" {
		t.Errorf("with nothing new it writes %q", text)
	}
	query(t, url, "INSERT INTO purchases (customer, total) VALUES ('late', 1)")
	p.must("run", "-q", "export.yaml", "-s", "lag=1h", "-s", "after=0")
	if text := p.read("out/purchases-0.jsonl"); strings.Contains(text, "late") || strings.Count(text, "\n") != 3 {
		t.Errorf("rows that are younger than lag are exported: %d rows", strings.Count(text, "\n"))
	}
}

// access makes lines of a log, a second apart, and counts them a minute.
type access struct {
	at     time.Time
	counts map[string]int
}

func (a *access) lines(n int) string {
	var b strings.Builder
	for range n {
		status := 200 + rand.N(2)*204
		fmt.Fprintf(&b, "203.0.113.9 - - [%s] \"GET / HTTP/1.1\" %d 10 \"-\" \"curl/8.5.0\"\n", a.at.Format("02/Jan/2006:15:04:05 -0700"), status)
		a.counts[fmt.Sprintf("%s|%d", a.at.UTC().Format("15:04"), status)]++
		a.at = a.at.Add(time.Second)
	}
	return b.String()
}

// The counts are those of the log, although it is rotated, and the flow stopped, killed and
// started again in the middle of minutes.
func TestNginxThatIsStartedAgain(t *testing.T) {
	need(t, "sqlite3")
	p := copied(t)
	a := &access{time.Date(2026, 3, 12, 10, 0, 0, 0, time.FixedZone("", 3600)), map[string]int{}}
	add := func(n int) {
		t.Helper()
		f, err := os.OpenFile(p.path("access.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(a.lines(n)); err != nil {
			t.Fatal(err)
		}
	}
	same := func(less time.Duration) func() bool {
		return func() bool {
			got := p.look("out/counts.db", "SELECT substr(start, 12, 5), status, requests FROM counts")
			n := 0
			for key, count := range a.counts {
				if end, _ := time.Parse("15:04", key[:5]); less > 0 && end.Add(time.Minute+less).Format("15:04:05") > a.at.UTC().Add(-time.Second).Format("15:04:05") {
					continue // its minute has not passed
				}
				n++
				if !strings.Contains("\n"+got+"\n", fmt.Sprintf("\n%s|%d\n", key, count)) {
					return false
				}
			}
			return n > 0
		}
	}
	const lateness = 30 * time.Second
	add(200)
	f := p.start("nginx.yaml", "-s", "log=access.log")
	until(t, "the first minutes", same(lateness))
	f.stop()
	if !same(0)() {
		t.Error("a flow that is stopped leaves its last minute out")
	}
	add(150)
	f = p.start("nginx.yaml", "-s", "log=access.log")
	until(t, "a minute that a stop had cut off", same(lateness))
	f.kill()
	add(130)
	f = p.start("nginx.yaml", "-s", "log=access.log")
	until(t, "what a kill had cut off", same(lateness))
	if err := os.Rename(p.path("access.log"), p.path("access.log.1")); err != nil {
		t.Fatal(err)
	}
	add(200)
	until(t, "the log that took its place", same(lateness))
	f.stop()
	if !same(0)() {
		t.Error("the counts are not those of the log in the end")
	}
	if late := p.read("out/late.jsonl") + p.read("out/unread.jsonl"); late != "" {
		t.Errorf("lines were left out:\n%s", late)
	}
}

// Each row of each file is in the table once, although the flow is killed while files come.
func TestDropFolderThatIsKilled(t *testing.T) {
	need(t, "sqlite3")
	p := copied(t)
	rows := 0
	drop := func(name string, n int) {
		var b strings.Builder
		b.WriteString("payment,account,amount,booked\n")
		for i := range n {
			fmt.Fprintf(&b, "%s-%d,DE02,%d.25,2026-03-02\n", name, i, i)
		}
		p.write("out/inbox/"+name+".csv", b.String())
		rows += n
	}
	table := func() string {
		return p.look("out/payments.db", "SELECT count(*), count(DISTINCT payment) FROM payments")
	}
	drop("a", 3000)
	for round := range 6 {
		f := p.start("drop-folder.yaml")
		drop(fmt.Sprint("b", round), 3000)
		if round < 4 {
			time.Sleep(rand.N(400 * time.Millisecond)) // any moment is a good one
			f.kill()
			continue
		}
		until(t, "all rows", func() bool { return table() == fmt.Sprintf("%d|%[1]d", rows) })
		f.stop()
	}
	if refused := p.read("out/refused.jsonl"); refused != "" {
		t.Errorf("rows that come again are refused: %.300s", refused)
	}
	// Files that are loaded and moved on give their last line, whether or not it has an end.
	p.write("in/z.csv", "payment,account,amount,booked\nz-1,DE02,1.00,2026-03-02\nz-2,DE02,2.00,2026-03-02")
	p.must("run", "-q", "drop-folder.yaml", "-s", "folder=in", "-s", "follow=false")
	if want := fmt.Sprintf("%d|%[1]d", rows+2); table() != want {
		t.Errorf("the table has %s, want %s", table(), want)
	}
}

// A day begins and ends where it does in the zone of the report.
func TestNightlyOfDaysThatAreNot24Hours(t *testing.T) {
	url := database(t)
	p := copied(t)
	p.set("DATABASE_URL", url)
	query(t, url, p.read("data/sales.sql"))
	for day, want := range map[string]string{
		"2026-03-27": "lamp,1,34.90", "2026-03-28": "chair,2,178.00 cup,2,9.00", "2026-03-29": "rug,1,120.00 bowl,1,7.25", "2026-03-30": "rug,1,120.00", "2026-03-31": "",
	} {
		p.must("run", "-q", "nightly-once.yaml", "-s", "day="+day)
		text := strings.TrimPrefix(p.read("out/sales-"+day+".csv"), "day,product,orders,revenue\n")
		got := strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, day+",", ""), "\n", " "))
		if got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
}

// Letters are sent until they are taken, under one key each, although the flow that sends
// them is killed; what is refused waits twice as long each time.
func TestDeadLettersReplayThatIsKilled(t *testing.T) {
	need(t, "sqlite3")
	p := copied(t)
	const orders = 60
	var b strings.Builder
	for i := range orders {
		fmt.Fprintf(&b, `{"id":%d,"customer":"c%[1]d","total":1.5}`+"\n", i+1)
	}
	p.write("data/orders.jsonl", b.String())
	var mu sync.Mutex
	taken, down := map[string]int{}, true
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		switch {
		case down:
			w.WriteHeader(500)
		case !bytes.Contains(body, []byte(`"id":`+key+`,`)):
			w.WriteHeader(400)
		case key == "7":
			w.WriteHeader(422)
		default:
			taken[key]++
		}
	}))
	defer peer.Close()
	p.must("run", "-q", "dead-letters.yaml", "-s", "url="+peer.URL)
	letters := "sqlite:" + p.path("out/letters.db")
	if got := query(t, letters, "SELECT count(*), max(tries) FROM letters"); got != "60|1" {
		t.Fatalf("there are %s letters", got)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	again := func() { query(t, letters, "UPDATE letters SET next_try = '2000-01-01'") }
	for range 3 {
		mu.Lock()
		before := len(taken)
		mu.Unlock()
		f := p.start("dead-letters-replay.yaml", "-s", "url="+peer.URL)
		until(t, "the next letters", func() bool { mu.Lock(); defer mu.Unlock(); return len(taken) >= min(before+10, orders-1) })
		f.kill()
		again()
	}
	last := 0
	for range 3 {
		p.must("run", "-q", "dead-letters-replay.yaml", "-s", "url="+peer.URL)
		var tries, minutes int
		left := query(t, letters, "SELECT tries, CAST(round((julianday(next_try) - julianday('now')) * 1440) AS INTEGER) FROM letters")
		if _, err := fmt.Sscanf(left, "%d|%d", &tries, &minutes); err != nil || tries <= last || minutes != 1<<(tries-1) {
			t.Errorf("after %d tries it was tried and waits minutes: %s", last, left)
		}
		last = tries
		p.must("run", "-q", "dead-letters-replay.yaml", "-s", "url="+peer.URL) // it is not due
		again()
	}
	for i := range orders {
		if key := fmt.Sprint(i + 1); (taken[key] == 0) != (key == "7") {
			t.Errorf("order %s was taken %d times", key, taken[key])
		}
	}
	if got := query(t, letters, "SELECT group_concat(id) FROM letters"); got != "7" {
		t.Errorf("letters %s are left", got)
	}
	if tries := query(t, letters, "SELECT tries FROM letters"); tries != fmt.Sprint(last) {
		t.Errorf("the one that is refused was tried %s times, and %d of them were due", tries, last)
	}
}

package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// followed reads a stream until want says that it is enough.
func followed(t *testing.T, url string, want func(event, data string) (enough bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%s: %s, %s", url, res.Status, kind)
	}
	event := ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && want(event, data) {
			return
		}
	}
	t.Fatalf("%s ended too early", url)
}

// Items come as samples without their secrets, no faster than ten a second, until the
// edge ends.
func TestItemsOfAnEdge(t *testing.T) {
	server, run := atWork(t, web.Options{Tap: &web.TapRules{Hide: []string{"id"}, Secrets: []string{"bold"}}})
	start, n, passed := time.Now(), 0, int64(0)
	var end string
	followed(t, server.URL+"/api/v1/edges/1/tap", func(event, data string) bool {
		if strings.Contains(data, "hunter") || strings.Contains(data, "abc") || strings.Contains(data, "bold") {
			t.Errorf("a secret is shown: %s", data)
		}
		switch event {
		case "sample":
			var s scheduler.Sample
			if err := json.Unmarshal([]byte(data), &s); err != nil || s.Passed <= passed || !strings.Contains(s.Item, `"password":"•••"`) || !strings.Contains(s.Item, `"id":"•••"`) {
				t.Errorf("%s: %v", data, err)
			}
			passed = s.Passed
			if n++; n == 15 {
				run.Stop()
			}
		case "end":
			end = data
		}
		return end != ""
	})
	if took := time.Since(start); n < 15 || float64(n) > 11+10*took.Seconds() {
		t.Errorf("%d samples in %s", n, took)
	}
	if !strings.Contains(end, "nothing more goes over this edge") {
		t.Errorf("the end: %s", end)
	}
}

// Eight readers at once see items; those who leave make room.
func TestManyReadersOfItems(t *testing.T) {
	server, _ := atWork(t, web.Options{Tap: &web.TapRules{}})
	url := server.URL + "/api/v1/edges/0/tap?rate=1"
	var all []*http.Response
	for range 8 {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, res)
	}
	if res, text := get(t, url, nil); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "8 taps look at this run already") || res.Header.Get("Retry-After") == "" {
		t.Errorf("the ninth: %d %s", res.StatusCode, text)
	}
	for _, res := range all {
		res.Body.Close()
	}
	eventually(t, "a place is free again", func() bool {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

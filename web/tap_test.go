package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// followed reads a stream until want says that it is enough.
func followed(t *testing.T, url string, want func(event, data string) (enough bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	follow(t, res, want)
}

// follow reads the stream of an answer until want says that it is enough.
func follow(t *testing.T, res *http.Response, want func(event, data string) (enough bool)) {
	t.Helper()
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%s: %s, %s", res.Request.URL, res.Status, kind)
	}
	for e := range events(res.Body) {
		if want(e.name, e.data) {
			return
		}
	}
	t.Fatalf("%s ended too early", res.Request.URL)
}

// Items come as samples without their secrets, no faster than ten a second, until the
// edge ends.
func TestItemsOfAnEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page, run := virtualWork(t, web.Options{Tap: &web.TapRules{Hide: []string{"id"}, Secrets: []string{"bold"}}})
		start, n, passed := time.Now(), 0, int64(0)
		var end string
		follow(t, page.do("GET", "/api/v1/edges/1/tap"), func(event, data string) bool {
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
				if n++; n == 35 {
					run.Stop()
				}
			case "end":
				end = data
			}
			return end != ""
		})
		if took := time.Since(start); n < 35 || float64(n) > 11+10*took.Seconds() {
			t.Errorf("%d samples in %s", n, took)
		}
		if !strings.Contains(end, "nothing more goes over this edge") {
			t.Errorf("the end: %s", end)
		}
	})
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

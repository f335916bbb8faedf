package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ask does work for a request, and gives the status of the answer.
func ask(ctx context.Context, places chan struct{}, do func(context.Context) int) int {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "POST", "/", nil)
	if _, ok := work(w, r, places, 2*time.Second, 5*time.Second, do); ok {
		return http.StatusOK
	}
	return w.Code
}

// TestWork bounds what is done at once, and how long somebody waits for it.
func TestWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := make(chan struct{}, 2)
		lasting := func(d time.Duration) func(context.Context) int {
			return func(context.Context) int { time.Sleep(d); return 0 }
		}
		if code := ask(t.Context(), places, lasting(time.Second)); code != 200 {
			t.Errorf("alone: %d", code)
		}
		var all sync.WaitGroup
		count := map[int]int{}
		var mu sync.Mutex
		for range 10 {
			all.Go(func() {
				code := ask(t.Context(), places, lasting(time.Minute))
				mu.Lock()
				count[code]++
				mu.Unlock()
			})
		}
		start := time.Now()
		all.Wait()
		if took := time.Since(start); took != 5*time.Second || count[503] != 2 || count[429] != 8 {
			t.Errorf("ten at once: %v in %s", count, took)
		}
		// Those that nobody waits for any more still have their places.
		if code := ask(t.Context(), places, lasting(0)); code != 429 {
			t.Errorf("while two go on: %d", code)
		}
		time.Sleep(time.Minute)
		if code := ask(t.Context(), places, lasting(0)); code != 200 {
			t.Errorf("after them: %d", code)
		}
		if code := ask(t.Context(), places, func(context.Context) int { panic("a kind") }); code != 500 {
			t.Errorf("a panic: %d", code)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		told := make(chan error, 1)
		ask(ctx, places, func(ctx context.Context) int { <-ctx.Done(); told <- ctx.Err(); return 0 })
		if err := <-told; err != context.Canceled {
			t.Errorf("a reader who has gone: %v", err)
		}
		synctest.Wait()
		if len(places) != 0 {
			t.Errorf("%d places were never given back", len(places))
		}
	})
}

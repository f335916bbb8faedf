//go:build unix

package brokerchaos

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/kept"
)

// This file is the law about outages.

// longForm is the variable that says how long the outages of a broker go on.
const longForm = "FLOWRUN_BROKERS"

// A plan says when readers and the broker are killed.
type plan struct {
	items, outages int
	every          time.Duration // from one outage to the next; 0: whenever as many more items have come
}

const (
	rate     = 2000 // items a second that are written
	shortRun = 6000 // items of the short form
)

func (b broker) plan(t *testing.T) plan {
	text := os.Getenv(longForm)
	if text == "" {
		return plan{items: shortRun, outages: 2}
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s is a duration, such as 2m: %v", longForm, err)
	}
	n := max(1, int(lasts/b.every))
	return plan{items: rate * int((time.Duration(n) * b.every).Seconds()), outages: n, every: b.every}
}

// outages kills a reader and the broker, again and again, while items are written and read.
func (w *world) outages(t *testing.T) {
	p, dir := w.plan(t), t.TempDir()
	var readers []*kept.Process
	for i := range w.readers {
		readers = append(readers, w.readBy(t, dir, w.items, i, time.Second, fmt.Sprintf(`use: file.write, with: {path: out%d.jsonl, append: true}`, i)))
	}
	l := newLedger(p.items, w.readers)
	look := func() int {
		for i := range readers {
			l.read(t, filepath.Join(dir, fmt.Sprintf("out%d.jsonl", i)), i)
		}
		return l.first
	}
	begun, restarts := time.Now(), 0
	feed := w.feed(t, dir, w.items, 0, p.items, fmt.Sprintf("rate: %d/s,", rate))
	for i := range p.outages {
		w.await(t, "the next outage is due", func() bool {
			if p.every > 0 {
				return time.Since(begun) >= p.every*time.Duration(i+1)-p.every/2
			}
			return look() >= p.items*(i+1)/(p.outages+1)
		})
		readers[w.random.IntN(len(readers))].Kill()
		time.Sleep(time.Duration(w.random.Int64N(int64(time.Second)))) // it may be back, or not yet
		if !w.forgotten {
			w.restart(t, time.Duration(w.random.Int64N(int64(time.Second))))
			restarts++
		}
	}
	w.await(t, "all is written", func() bool { return over(feed) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%d of %d items have not come, the first is %d", p.items-l.first, p.items, l.missing())
		}
	})
	w.await(t, "all items come", func() bool { return look() == p.items })
	took := time.Since(begun)
	for _, r := range readers {
		r.End()
	}
	look()
	kills, again, resent := 0, int64(0), standing(t, dir, "feed0").Resent
	for i, r := range readers {
		again += standing(t, dir, fmt.Sprintf("drain%d", i)).Redelivered
		kills += r.Killed()
		t.Log(r)
	}
	if l.wrong > 0 && w.ordered {
		t.Errorf("%d items came first after later ones of their keys, such as %s", l.wrong, l.example)
	}
	t.Logf("seed %d: %d items in %v, %d restarts of the broker, %d kills of readers: %d lost, %d out of order, %d twice; sent again %d, given again to those that came to their ends %d",
		w.seed, p.items, took.Round(time.Second), restarts, kills, p.items-l.first, l.wrong, l.twice, resent, again)
}

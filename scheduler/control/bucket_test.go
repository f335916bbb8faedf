package control

import (
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
)

// However tokens are asked for, no span of time sees more of them than the rate allows, and
// whoever comes when told has lost nothing to rounding.
func TestBucketKeepsTheRate(t *testing.T) {
	start := time.Unix(0, 0)
	for _, c := range []struct {
		rate  graph.Rate
		want  int // asked for at once
		whole bool
	}{
		{graph.Rate{Count: 10, Per: time.Second, Burst: 1}, 1, false},
		{graph.Rate{Count: 10, Per: time.Second, Burst: 5}, 100, false},
		{graph.Rate{Count: 7, Per: time.Second, Burst: 1}, 3, true},
		{graph.Rate{Count: 1, Per: time.Hour, Burst: 2}, 1, false},
		{graph.Rate{Count: 1_000_000, Per: time.Second, Burst: 5000}, 4096, false},
	} {
		b, now, got := NewBucket(c.rate, c.whole), start, int64(0)
		asked := 0
		for now.Sub(start) < 100*c.rate.Per {
			if asked++; asked > 5_000_000 {
				t.Fatal("it never says when to come again")
			}
			n, again := b.Take(now, c.want)
			if c.whole && n != 0 && n != c.want {
				t.Errorf("%+v: %d of %d, which were to pass as one", c.rate, n, c.want)
			}
			if got += int64(n); n == 0 {
				if !again.After(now) {
					t.Fatalf("%+v: come again at %s, which is over", c.rate, again)
				}
				now = again
			}
		}
		allowed := int64(c.rate.Burst) + 100*int64(c.rate.Count)
		if least := 100*int64(c.rate.Count) - int64(c.want); got > allowed+int64(c.want) || got < least {
			t.Errorf("%+v: %d tokens in 100 times %s, want %d to %d", c.rate, got, c.rate.Per, least, allowed)
		}
	}
	if NewBucket(graph.Rate{}, false) != nil {
		t.Error("a rate that bounds nothing needs no bucket")
	}
}

// Who comes early is told the same again, and who comes late has not paid for it.
func TestBucketPledge(t *testing.T) {
	b := NewBucket(graph.Rate{Count: 10, Per: time.Second, Burst: 1}, false)
	now := time.Unix(0, 0)
	if n, _ := b.Take(now, 1); n != 1 {
		t.Fatal("a bucket begins full")
	}
	_, again := b.Take(now, 1)
	if want := now.Add(100 * time.Millisecond); !again.Equal(want) {
		t.Fatalf("come again at %s, want %s", again, want)
	}
	if _, early := b.Take(now.Add(30*time.Millisecond), 1); !early.Equal(again) {
		t.Errorf("told %s, then %s", again, early)
	}
	if n, _ := b.Take(again.Add(40*time.Millisecond), 1); n != 1 {
		t.Error("nothing, though the time has come")
	}
	if _, next := b.Take(again.Add(40*time.Millisecond), 1); !next.Equal(again.Add(100 * time.Millisecond)) {
		t.Errorf("the next one at %s: the timer that was late is paid for", next)
	}
}

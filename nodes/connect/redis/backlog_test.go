package redis

import (
	"fmt"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/nodes/message"
)

// What waits is what Redis says, after each read, without its being asked.
func TestWhatWaits(t *testing.T) {
	_, c := told(t)
	for range 300 {
		c.XAdd(t.Context(), newEntry())
	}
	i := streamInlet(t, "first")
	s, err := i.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	read, reads := 0, 0
	for ; read < 300; reads++ {
		ms, err := s.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read += len(ms)
		want := c.XInfoGroups(t.Context(), "orders").Val()[0].Lag
		if got := i.lag.entries(); got != want || got != int64(300-read) {
			t.Errorf("%d wait after %d, want %d", got, read, want)
		}
	}
	if reads < 2 {
		t.Error("all came at once, which tests nothing")
	}
}

// An answer that comes late counts as what Redis did, and once.
func TestLateAnswers(t *testing.T) {
	asked := client.XInfoGroup{Lag: 100, LastDeliveredID: "1-50"}
	for name, c := range map[string]struct {
		do   func(b *backlog)
		want int64
	}{
		"asked, then read": {func(b *backlog) {
			_, reads := b.now()
			b.asked(reads, asked)
			asks, _ := b.now()
			b.read(asks, 10, "1-60", false)
		}, 90},
		"asked within a read that was later": {func(b *backlog) {
			asks, reads := b.now()
			b.asked(reads, asked)
			b.read(asks, 10, "1-60", false)
		}, 90},
		"asked within a read that was earlier": {func(b *backlog) {
			asks, reads := b.now()
			b.asked(reads, asked)
			b.read(asks, 10, "1-50", false)
		}, 100},
		"asked within a read that found nothing": {func(b *backlog) {
			asks, reads := b.now()
			b.asked(reads, asked)
			b.read(asks, 0, "", true)
		}, 100},
		"read while it was asked": {func(b *backlog) {
			asks, reads := b.now()
			b.read(asks, 10, "1-50", false)
			b.asked(reads, asked)
		}, 990},
		"all there is": {func(b *backlog) {
			asks, _ := b.now()
			b.read(asks, 10, "1-50", true)
		}, 0},
		"Redis does not tell": {func(b *backlog) {
			_, reads := b.now()
			b.asked(reads, client.XInfoGroup{Lag: -1, LastDeliveredID: "1-50"})
			asks, _ := b.now()
			b.read(asks, 10, "1-60", false)
		}, -1},
	} {
		b := &backlog{n: 1000}
		if c.do(b); b.entries() != c.want {
			t.Errorf("%s: %d wait, want %d", name, b.entries(), c.want)
		}
	}
}

// No more is taken than there is room for, as prefetch says, of a stream as of a list, and what
// waits in a list is told.
func TestNoMoreThanRoom(t *testing.T) {
	for _, mode := range []string{modeStream, modeList} {
		_, c := told(t)
		for n := range 10 {
			var err error
			if mode == modeStream {
				err = c.Do(t.Context(), "xadd", "orders", "*", "id", n).Err()
			} else {
				err = c.LPush(t.Context(), "orders", fmt.Sprintf(`{"id":%d}`, n)).Err()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		k := &reader{Mode: mode, Key: "orders", Start: "first", Claim: time.Hour, Reading: message.Reading{Format: message.FormatJSON}}
		i := inletOf(t, k, "shop")
		i.room = func() int { return 3 }
		s, err := i.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ms, err := s.Receive(t.Context())
		if err != nil || len(ms) != 3 || i.lag.entries() != 7 {
			t.Errorf("%s: %d came, %d wait: %v", mode, len(ms), i.lag.entries(), err)
		}
	}
}

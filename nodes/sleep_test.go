package nodes_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

func TestSleep(t *testing.T) {
	why := errors.New("enough")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Second, func() { cancel(why) })
		for _, c := range []struct {
			d, took time.Duration
			err     error
		}{{-time.Second, 0, nil}, {0, 0, nil}, {time.Minute, time.Minute, nil}, {time.Minute, 30 * time.Second, why}} {
			start := time.Now()
			if err := nodes.Sleep(ctx, c.d); err != c.err || time.Since(start) != c.took {
				t.Errorf("%s: %v after %s, want %v after %s", c.d, err, time.Since(start), c.err, c.took)
			}
		}
	})
}

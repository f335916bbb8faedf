package redis

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has groups that are gone, or that the user may not make.

const readOrders = "flow: r\nnodes:\n  in: {use: redis.read, with: {url: URL, key: orders, as: '{id: int}'}}\n  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n"

// mayRead are the rights of a user who may read a group, but make none.
var mayRead = []string{"~*", "&*", "+@read", "+ping", "+client", "+info", "+xreadgroup", "+xack", "+xclaim"}

// A user who may not make the group is told so where it is not there, and reads it where it is.
func TestMayNotMakeTheGroup(t *testing.T) {
	_, c := told(t)
	url := c.user(t, "worker", mayRead...)
	c.XAdd(t.Context(), newEntry())
	r := kit.Try(t, strings.ReplaceAll(readOrders, "URL", "'"+url+"'"), nil, nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "the stream orders has no group r: NOPERM") || !strings.Contains(diag.HintOf(r.Err).Text, "XGROUP CREATE orders r 0 MKSTREAM") {
		t.Errorf("%v\nhint: %s", r.Err, diag.HintOf(r.Err).Text)
	}
	if notes := r.Report.Nodes[0].Notes; len(notes) > 0 {
		t.Errorf("noted: %+v", notes)
	}
	c.XGroupCreate(t.Context(), "orders", "r", "0")
	r = perform(t, url, readOrders, nil, c.allTaken(modeStream, "orders"))
	if got := r.File("out.jsonl"); r.Err != nil || got != `{"id":1}`+"\n" {
		t.Errorf("%v, %q", r.Err, got)
	}
}

// A stream that was trimmed is told once, also by a user who may not set the group behind the gap.
func TestMayNotSetTheGroup(t *testing.T) {
	_, c := told(t)
	c.XGroupCreateMkStream(t.Context(), "orders", "shop", "0")
	c.XAdd(t.Context(), newEntry())
	i := streamInlet(t, "first")
	i.k.URL = config.NewURL(c.user(t, "worker", mayRead...))
	s, err := i.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receive(t, s, 1)
	s.Close()
	for range 5 {
		c.XAdd(t.Context(), newEntry())
	}
	c.XTrimMaxLen(t.Context(), "orders", 2)
	for range 2 {
		s, err := i.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if notes := i.notes.Notes(); len(notes) != 1 || notes[0].Times != 3 {
		t.Errorf("noted: %+v, want 3", notes)
	}
}

// Entries that are added while it is asked how the stream stands are no gap, whether the group has
// read nothing yet, or what it has read is gone.
func TestAddedMeanwhile(t *testing.T) {
	for _, read := range []bool{false, true} {
		_, c := told(t)
		c.XAdd(t.Context(), newEntry())
		i := streamInlet(t, "first")
		s, err := i.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if read {
			receive(t, s, 1)
			c.XTrimMaxLen(t.Context(), "orders", 0)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				c.XAdd(context.Background(), newEntry())
			}
		}()
		for range 300 {
			if err := s.(*streamSession).gap(t.Context()); err != nil {
				t.Error(err)
			}
		}
		stop()
		<-ended
		s.Close()
		if notes := i.notes.Notes(); len(notes) > 0 {
			t.Errorf("read %v: noted: %+v", read, notes)
		}
	}
}

// streamInlet gives what makes sessions of the stream orders.
func streamInlet(t *testing.T, start string) *inlet {
	return inletOf(t, &reader{
		Mode: modeStream, Key: "orders", Start: start, Claim: time.Minute,
		Reading: message.Reading{Format: message.FormatJSON},
	}, "shop")
}

// A group that is gone is made anew from the first entry on, also behind the last one was where
// the first group began; and that is noted.
func TestGroupIsGone(t *testing.T) {
	bodies := func(ids ...string) (bodies []string) {
		for _, id := range ids {
			bodies = append(bodies, `{"id":`+id+`}`)
		}
		return bodies
	}
	for name, lose := range map[string]func(t *testing.T, c *conn, i *inlet, s message.Receiver[string]) message.Receiver[string]{
		"while it waits": func(t *testing.T, c *conn, _ *inlet, s message.Receiver[string]) message.Receiver[string] {
			ended := make(chan error)
			go func() {
				_, err := s.Receive(t.Context())
				ended <- err
			}()
			for !strings.Contains(c.Info(t.Context(), "clients").Val(), "blocked_clients:1") {
				time.Sleep(time.Millisecond)
			}
			c.Del(t.Context(), "orders")
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			return s
		},
		"while it works": func(t *testing.T, c *conn, _ *inlet, s message.Receiver[string]) message.Receiver[string] {
			c.Del(t.Context(), "orders")
			return s
		},
		"group alone": func(t *testing.T, c *conn, _ *inlet, s message.Receiver[string]) message.Receiver[string] {
			c.XTrimMaxLen(t.Context(), "orders", 0)
			c.XGroupDestroy(t.Context(), "orders", "shop")
			return s
		},
		"while it is not there": func(t *testing.T, c *conn, i *inlet, s message.Receiver[string]) message.Receiver[string] {
			s.Close()
			c.FlushAll(t.Context())
			for range 2 {
				c.XAdd(t.Context(), newEntry())
			}
			c.XTrimMaxLen(t.Context(), "orders", 0)
			c.Do(t.Context(), "xadd", "orders", "*", "id", 2)
			c.Do(t.Context(), "xadd", "orders", "*", "id", 3)
			s, err := i.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := told(t)
			i := streamInlet(t, "last")
			c.XAdd(t.Context(), newEntry())
			s, err := i.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.Do(t.Context(), "xadd", "orders", "*", "id", 1)
			if got, tokens := receive(t, s, 1); !slices.Equal(got, bodies("1")) || s.Ack(t.Context(), tokens) != nil {
				t.Fatalf("it reads %v", got)
			}
			s = lose(t, c, i, s)
			defer func() { s.Close() }()
			if c.XLen(t.Context(), "orders").Val() == 0 {
				c.Do(t.Context(), "xadd", "orders", "*", "id", 2)
				c.Do(t.Context(), "xadd", "orders", "*", "id", 3)
			}
			if got, _ := receive(t, s, 2); !slices.Equal(got, bodies("2", "3")) {
				t.Errorf("it reads %v", got)
			}
			if notes := i.notes.Notes(); len(notes) != 1 || notes[0].Times != 1 || !strings.Contains(notes[0].Text, "made anew") {
				t.Errorf("noted: %+v", notes)
			}
		})
	}
}

// Where somebody takes the group away again and again, it is made anew twice a second.
func TestGroupIsGoneAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		r := kit.Run(t, strings.ReplaceAll(readOrders, "URL", "redis://127.0.0.1:6379"), nil, nodetest.Setup{World: func(ctx context.Context, n *nodetest.Network, stop func()) {
			go func() {
				if nodes.Sleep(ctx, 10*time.Second) == nil {
					stop()
				}
			}()
			played(false, func(command string, stop func()) string {
				switch command {
				case "xreadgroup":
					return "-NOGROUP no such group\r\n"
				case "xgroup":
					if made.Add(1) == 1000 {
						stop()
					}
				}
				return ""
			})(ctx, n, stop)
		}})
		if n := made.Load(); r.Err != nil && r.Err != nodetest.ErrStopped || n < 10 || n > 30 {
			t.Errorf("%v, made %d times in 10 s", r.Err, n)
		}
	})
}

// A node of a Redis Cluster is told as what it is.
func TestCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := kit.Run(t, strings.ReplaceAll(readOrders, "URL", "redis://127.0.0.1:6379"), nil, nodetest.Setup{World: played(false, func(command string, _ func()) string {
			if command == "xgroup" || command == "xreadgroup" {
				return "-MOVED 3999 127.0.0.1:6381\r\n"
			}
			return ""
		})})
		if r.Err == nil || !strings.Contains(r.Told(), "MOVED") || !strings.Contains(diag.HintOf(r.Err).Text, "Redis Cluster") {
			t.Error(r.Told())
		}
	})
}

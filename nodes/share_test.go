package nodes_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// client is something that is opened and closed.
type client struct {
	closed bool
	err    error
}

func (c *client) Close() error { c.closed = true; return c.err }

func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := &nodes.Env{Shared: &nodes.Resources{}}
		opened := 0
		open := func(context.Context) (*client, error) {
			opened++
			time.Sleep(time.Second)
			return &client{}, nil
		}
		var clients [4]*client
		var releases [4]func() error
		var all sync.WaitGroup
		for i := range clients { // at once: the first one opens, the others wait for it
			all.Go(func() {
				var err error
				if clients[i], releases[i], err = nodes.Share(t.Context(), env, "here", open); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		other, releaseOther, err := nodes.Share(t.Context(), env, "there", open)
		if err != nil || other == clients[0] {
			t.Errorf("another key gives %p, %v", other, err)
		}
		for i := range clients {
			if clients[i] != clients[0] || clients[0].closed {
				t.Errorf("user %d has %p, the first one has %p, closed %v", i, clients[i], clients[0], clients[0].closed)
			}
			for range 2 { // releasing twice counts once
				if err := releases[i](); err != nil {
					t.Error(err)
				}
			}
		}
		if !clients[0].closed || opened != 2 {
			t.Errorf("closed %v, opened %d times", clients[0].closed, opened)
		}
		again, release, err := nodes.Share(t.Context(), env, "here", open)
		if err != nil || again == clients[0] || opened != 3 {
			t.Errorf("after the last release: %p, %v, opened %d times", again, err, opened)
		}
		if err := errors.Join(release(), releaseOther()); err != nil {
			t.Error(err)
		}
	})
}

// An open that fails is tried again by the next one; who waits for one need not.
func TestShareThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := &nodes.Env{Shared: &nodes.Resources{}}
		broken := errors.New("no answer")
		fail := func(context.Context) (*client, error) { time.Sleep(time.Hour); return nil, broken }
		go func() {
			if _, _, err := nodes.Share(t.Context(), env, "here", fail); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, _, err := nodes.Share(ctx, env, "here", fail); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		c, release, err := nodes.Share(t.Context(), env, "here", func(context.Context) (*client, error) { return &client{err: broken}, nil })
		if err != nil || c == nil {
			t.Fatalf("got %v", err)
		}
		if err := release(); !errors.Is(err, broken) {
			t.Errorf("the error of Close is lost: %v", err)
		}
	})
}

// Without a run there is nobody to share with.
func TestShareAlone(t *testing.T) {
	c, release, err := nodes.Share(t.Context(), &nodes.Env{}, "here", func(context.Context) (*client, error) { return &client{}, nil })
	if err != nil || release() != nil || !c.closed {
		t.Errorf("%v, closed %v", err, c.closed)
	}
	if _, _, err := nodes.Share(t.Context(), &nodes.Env{}, "here", func(context.Context) (*client, error) { return nil, errors.New("no") }); err == nil {
		t.Error("an error is lost")
	}
}

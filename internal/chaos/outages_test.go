//go:build unix

package chaos

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/flowrun/flowrun/internal/dbtest"
	"github.com/flowrun/flowrun/internal/kept"
)

// This file takes databases away, and measures how soon nodes work again.

// An outage is a time when a database was away.
type outage struct {
	brand          dbtest.Brand
	killed         time.Time
	port, answered time.Time // when it was there again: its port took a connection, and it a login
}

// takeAway kills a database and starts it again after a time.
func takeAway(s *dbtest.Server, away time.Duration) (outage, error) {
	o := outage{brand: s.Brand, killed: time.Now()}
	s.Kill()
	time.Sleep(away)
	over := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port)); err == nil {
				o.port = time.Now()
				c.Close()
				return
			}
			select {
			case <-over:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	err := s.Again()
	o.answered = time.Now()
	close(over)
	wait.Wait()
	if o.port.IsZero() || o.port.After(o.answered) {
		o.port = o.answered
	}
	return o, err
}

// A reconnect is how long it took a node to work again.
type reconnect struct {
	node            string
	fromPort, login time.Duration
}

// reconnects looks for what the nodes of a process said about outages of their database. A
// node that was killed meanwhile, or never noticed that it was away, tells nothing.
func reconnects(p *kept.Process, outages []outage, uses map[string]dbtest.Brand) (all []reconnect) {
	words := p.Words()
	for i, o := range outages {
		until := time.Now()
		for _, later := range outages[i+1:] {
			if later.brand == o.brand {
				until = later.killed
				break
			}
		}
		for node, brand := range uses {
			if brand != o.brand {
				continue
			}
			life, noticed := 0, false
			for _, w := range words {
				if w.Node != node || w.At.Before(o.killed) || !w.At.Before(until) {
					continue
				}
				switch {
				case w.Msg != "the database is back":
					noticed, life = true, w.Life
				case noticed && w.Life == life && w.At.After(o.port):
					all = append(all, reconnect{node: node, fromPort: w.At.Sub(o.port), login: w.At.Sub(o.answered)})
					noticed = false
				}
			}
		}
	}
	return all
}

// byNode sorts reconnects by node.
func byNode(all []reconnect) map[string][]reconnect {
	nodes := map[string][]reconnect{}
	for _, r := range all {
		nodes[r.node] = append(nodes[r.node], r)
	}
	return nodes
}

// spread gives p50, p99 and the most of some times.
func spread(all []reconnect, of func(reconnect) time.Duration) string {
	times := make([]time.Duration, len(all))
	for i, r := range all {
		times[i] = of(r)
	}
	slices.Sort(times)
	return fmt.Sprintf("%v\t%v\t%v", percentile(times, 50), percentile(times, 99), percentile(times, 100))
}

func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)].Round(time.Millisecond)
}

// p99 is what 99 of 100 reconnects keep, from the port.
func p99(all []reconnect) time.Duration {
	times := make([]time.Duration, len(all))
	for i, r := range all {
		times[i] = r.fromPort
	}
	slices.Sort(times)
	return percentile(times, 99)
}

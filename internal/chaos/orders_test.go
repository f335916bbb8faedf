//go:build unix

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// This file has the orders, and those who send them.

// An order is what is sent. All of it follows from its id.
type order struct {
	ID   int    `json:"id"`
	Code string `json:"code"`
	Name string `json:"name"`
	Qty  int    `json:"qty"`
}

func orderOf(id int) order {
	o := order{ID: id, Code: fmt.Sprintf("00000000-0000-4000-8000-%012d", id), Name: fmt.Sprintf("order %d", id), Qty: 1 + id%9}
	switch refusedBy(id) {
	case "a constraint":
		o.Qty = -1
	case "a type":
		o.Code = "no code"
	case "its length":
		o.Name = strings.Repeat("long ", 10)
	case mariaAlone:
		o.Name = strings.Repeat("x", 20)
	case liteAlone:
		o.Qty = 5000
	}
	return o
}

const (
	mariaAlone = "MariaDB alone"
	liteAlone  = "SQLite alone"
)

// refusedBy says why, or by whom, a row is refused; "": it is good.
func refusedBy(id int) string {
	switch {
	case id%100 == 7:
		return [...]string{"a constraint", "a type", "its length"}[id/100%3]
	case id%200 == 57:
		return mariaAlone
	case id%200 == 157:
		return liteAlone
	}
	return ""
}

// refusedByPostgres reports whether PostgreSQL must not take a row.
func refusedByPostgres(id int) bool { return id%100 == 7 }

// Senders send orders until they are told to stop, and each again until it is answered by
// 200.
type senders struct {
	url    string
	client *http.Client
	next   atomic.Int64 // how many orders were begun
	stop   atomic.Bool
	wait   sync.WaitGroup

	mu      sync.Mutex
	answers map[string]int
	taken   []int // the ids that were answered by 200
}

const (
	manySenders = 24
	perBody     = 5
)

func send(ctx context.Context, url string, pace time.Duration, seed uint64) *senders {
	s := &senders{url: url, answers: map[string]int{}, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: manySenders}, Timeout: 40 * time.Second}}
	for i := range manySenders {
		random := rand.New(rand.NewPCG(seed, uint64(100+i)))
		s.wait.Go(func() {
			for !s.stop.Load() && ctx.Err() == nil {
				last := int(s.next.Add(perBody))
				s.sure(ctx, last-perBody, last)
				time.Sleep(time.Duration(random.Int64N(int64(2 * pace))))
			}
		})
	}
	return s
}

// sure sends a body until it is taken.
func (s *senders) sure(ctx context.Context, from, to int) {
	var body bytes.Buffer
	for id := from; id < to; id++ {
		o := orderOf(id)
		fmt.Fprintf(&body, `{"id":%d,"code":%q,"name":%q,"qty":%d}`+"\n", o.ID, o.Code, o.Name, o.Qty)
	}
	for ctx.Err() == nil {
		answer := "no answer"
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body.Bytes()))
		if err != nil {
			panic(err)
		}
		if resp, err := s.client.Do(req); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			answer = resp.Status
		}
		s.mu.Lock()
		s.answers[answer]++
		if answer == "200 OK" {
			for id := from; id < to; id++ {
				s.taken = append(s.taken, id)
			}
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
	}
}

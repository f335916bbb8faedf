package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// This file sends requests to a server at a steady rate, whether it answers or not: an open
// loop. A slow answer does not make the next request later, as it does where a client waits.

// A load is what is sent.
type load struct {
	address string
	request func(i int) []byte // as it goes over the wire
	rate    int                // a second
	seconds float64
	status  int // what a good answer has
}

// A loaded is what came of it, in milliseconds.
type loaded struct {
	P50, P99, Max float64 // of the good answers
	Late          float64 // how late the 99th request in a hundred was sent
	Good          int     // all of them, also those that are not counted in the times
	Bad           int     // other answers, and none
	Why           string  // of the first of these
	CPU           float64 // seconds that the client worked
}

// maxConns is how many connections there are at most. Requests wait for one, and that is
// counted.
const maxConns = 2000

// A sending is a request that is due.
type sending struct {
	at time.Time
	i  int
}

// run sends the load. The first tenth is not counted.
func (l *load) run() loaded {
	var out loaded
	var took []float64
	var mu sync.Mutex
	var all sync.WaitGroup
	count := int(float64(l.rate) * l.seconds)
	skip, idle := count/10, make(chan sending)
	queue := make(chan sending, count)
	conns := 0
	worker := func(s sending) {
		c := &loadConn{load: l}
		defer c.close()
		for {
			err := c.ask(s.i)
			ms := float64(time.Since(s.at).Microseconds()) / 1000
			mu.Lock()
			switch {
			case err != nil:
				if out.Bad++; out.Why == "" {
					out.Why = err.Error()
				}
			default:
				if out.Good++; s.i >= skip {
					took = append(took, ms)
				}
			}
			mu.Unlock()
			var more bool
			select {
			case s, more = <-queue:
			default:
				s, more = <-idle
			}
			if !more {
				return
			}
		}
	}
	late := make([]float64, 0, count)
	start := time.Now()
	for i := range count {
		due := start.Add(time.Duration(float64(i) / float64(l.rate) * 1e9))
		time.Sleep(time.Until(due))
		s := sending{time.Now(), i}
		late = append(late, float64(s.at.Sub(due).Microseconds())/1000)
		select {
		case idle <- s:
			continue
		default:
		}
		if conns < maxConns {
			conns++
			all.Go(func() { worker(s) })
		} else {
			queue <- s
		}
	}
	close(queue)
	close(idle)
	all.Wait()
	slices.Sort(late)
	slices.Sort(took)
	out.Late = percentile(late, 99)
	out.P50, out.P99, out.Max = percentile(took, 50), percentile(took, 99), percentile(took, 100)
	return out
}

// percentile is of sorted numbers.
func percentile(xs []float64, p int) float64 {
	if len(xs) == 0 {
		return 0
	}
	return xs[min(len(xs)*p/100, len(xs)-1)]
}

// A loadConn is a connection of the load, which does little besides: what the client costs is
// taken from the server, since they share the machine.
type loadConn struct {
	load *load
	conn net.Conn
	r    *bufio.Reader
}

func (c *loadConn) close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// ask sends a request and reads its answer.
func (c *loadConn) ask(i int) error {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.load.address)
		if err != nil {
			return err
		}
		c.conn, c.r = conn, bufio.NewReaderSize(conn, 1024)
	}
	err := c.answer(i)
	if err != nil {
		c.conn.Close()
		c.conn = nil
	}
	return err
}

func (c *loadConn) answer(i int) error {
	c.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.conn.Write(c.load.request(i)); err != nil {
		return err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil || len(line) < 12 {
		return fmt.Errorf("no answer: %w", err)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return fmt.Errorf("the answer begins with %q", line)
	}
	length := 0
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if _, err := io.CopyN(io.Discard, c.r, int64(length)); err != nil {
		return err
	}
	if status != c.load.status {
		return fmt.Errorf("the answer is %d", status)
	}
	return nil
}

// wrkScript has each connection wait between its requests, so that there are so many a
// second: as near to an open loop as wrk comes.
const wrkScript = `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local i = 0
request = function()
  i = i + 1
  return wrk.format(nil, "/", nil, string.format(%q, i))
end
delay = function() return math.random(%d, %d) end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("saw %%d %%f %%f %%d\n", summary.requests * 1e6 / summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout))
end
`

// pause is how long a connection of wrk waits on average, in milliseconds.
const pause = 100

// wrkCommand is wrk at a rate: a connection for each request that begins within a pause.
func wrkCommand(ctx context.Context, dir, address string, rate int, seconds string) (*exec.Cmd, error) {
	path := filepath.Join(dir, "wrk.lua")
	if err := os.WriteFile(path, fmt.Appendf(nil, wrkScript, orderBody, pause/2, pause*3/2), 0o600); err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, "wrk", "-t", "1", "-c", strconv.Itoa(rate*pause/1000), "-d", seconds+"s", "-s", path, "http://"+address), nil
}

// wrkSaw reads what the script prints.
func wrkSaw(text string) (l loaded, err error) {
	_, after, _ := strings.Cut(text, "saw ")
	rate := 0
	if _, err := fmt.Sscanf(after, "%d %f %f %d", &rate, &l.P50, &l.P99, &l.Bad); err != nil {
		return l, fmt.Errorf("wrk said %q", text)
	}
	if l.Bad > 0 {
		err = fmt.Errorf("wrk: %d requests failed", l.Bad)
	}
	return l, err
}

package socket_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A peer takes lines from a connection and confirms them as it likes; false: it closes it.
type confirming func(n int, line string, say func(string)) bool

// confirmed runs a socket.write to a peer that confirms, in virtual time, and gives what the
// peer was sent over each connection.
func confirmed(t *testing.T, items, with string, peer func(connection int) confirming) (r nodetest.Result, got [][]string) {
	t.Helper()
	dir := t.TempDir()
	flow := "nodes:\n  in: {use: generate, with: {count: " + items + "}}\n  out: {use: socket.write, in: in, with: {connect: 'tcp://127.0.0.1:9001', confirm: true, reconnect_wait: 1s" + with + "}}\n"
	world := func(ctx context.Context, n *nodetest.Network, _ func()) {
		l, err := n.Listen(ctx, "tcp", "127.0.0.1:9001")
		if err != nil {
			t.Error(err)
			return
		}
		defer context.AfterFunc(ctx, func() { l.Close() })()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			got = append(got, nil)
			hear(ctx, c, peer(len(got)), &got[len(got)-1])
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r = run(t, flow, nil, nodetest.Setup{Batch: 7, World: world, Dir: dir})
	})
	return r, got
}

// hear hears a connection to its end.
func hear(ctx context.Context, c net.Conn, peer confirming, got *[]string) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		*got = append(*got, strings.TrimSpace(line))
		if !peer(len(*got), line, func(text string) { fmt.Fprintln(c, text) }) {
			return
		}
	}
}

// confirmAll confirms each line.
func confirmAll(n int, _ string, say func(string)) bool { say(fmt.Sprint(n)); return true }

// Whatever happens to connections: what was not confirmed comes again, what was does not, but
// for the batch that was under way, and the run ends when all is confirmed.
func TestWriteConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		with  string
		peer  func(connection int) confirming
		conns int // connections
		most  int // rows that may come twice
	}{
		"all":    {"", func(int) confirming { return confirmAll }, 1, 0},
		"in csv": {", format: csv", func(int) confirming { return confirmAll }, 1, 0},
		"now and then": {"", func(int) confirming {
			return func(n int, _ string, say func(string)) bool {
				if n%10 == 0 {
					say(fmt.Sprint(n))
				}
				return true
			}
		}, 1, 0},
		"breaks off": {"", func(connection int) confirming {
			return func(n int, line string, say func(string)) bool {
				return connection == 4 && confirmAll(n, line, say) || connection < 4 && n < 23 && (n > 15 || confirmAll(n, line, say))
			}
		}, 4, 3 * 14},
		"csv, breaks off": {", format: csv", func(connection int) confirming {
			return func(n int, line string, say func(string)) bool {
				return connection == 4 && confirmAll(n, line, say) || connection < 4 && n < 23 && (n > 15 || confirmAll(n, line, say))
			}
		}, 4, 3 * 14},
		"is silent once": {"", func(connection int) confirming {
			return func(n int, line string, say func(string)) bool { return connection == 1 || confirmAll(n, line, say) }
		}, 2, 100},
	} {
		t.Run(name, func(t *testing.T) {
			const rows = 100
			r, got := confirmed(t, fmt.Sprint(rows), c.with, c.peer)
			if r.Err != nil || len(got) != c.conns {
				t.Fatalf("%v, %d connections\n%s", r.Err, len(got), r.Log)
			}
			times, twice := map[string]int{}, 0
			for i, lines := range got {
				if strings.Contains(c.with, "csv") {
					if lines[0] != "n" {
						t.Errorf("connection %d begins with %s", i, lines[0])
					}
					lines = lines[1:]
				}
				for _, line := range lines {
					if times[line]++; times[line] > 1 {
						twice++
					}
				}
			}
			if len(times) != rows || twice > c.most {
				t.Errorf("%d rows of %d have come, %d again", len(times), rows, twice)
			}
		})
	}
}

// A peer that does not confirm, or says something else, ends the run, which says so.
func TestWriteNotConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		peer  confirming
		want  string
		conns int
	}{
		"never":    {func(int, string, func(string)) bool { return true }, "has confirmed nothing for 30s, over two connections", 2},
		"babbles":  {func(_ int, _ string, say func(string)) bool { say("hello"); return true }, `and said "hello"`, 1},
		"too much": {func(_ int, _ string, say func(string)) bool { say("1000"); return true }, "it has confirmed 1000, and was sent", 1},
		"back":     {func(n int, _ string, say func(string)) bool { say(fmt.Sprint(max(3-n, 1))); return n < 90 }, "2 or more", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := confirmed(t, "100", "", func(int) confirming { return c.peer })
			if r.Err == nil || !strings.Contains(r.Told(), c.want) || len(got) != c.conns || r.Report.Took > 5*time.Minute {
				t.Errorf("%v, %d connections, want %s and %d\n%s", r.Err, len(got), c.want, c.conns, r.Log)
			}
		})
	}
	for _, with := range []string{"listen: 'tcp://127.0.0.1:9001'", "connect: 'udp://127.0.0.1:9001'"} {
		kit.Refuse(t, "nodes:\n  in: {use: generate, with: {count: 1}}\n  out: {use: socket.write, in: in, with: {"+with+", confirm: true}}\n", nil, "with confirm there is one peer")
	}
}

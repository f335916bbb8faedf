package socket_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// These tests have real connections, on the loopback, for what a network in memory has not.

// A wire is a writer that says when a number of bytes has come.
type wire struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	select {
	case w.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (w *wire) got() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// freePort gives a port of the loopback that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run runs a flow whose data must all be given back.
func run(t *testing.T, flow string, files map[string]string, setup nodetest.Setup) nodetest.Result {
	t.Helper()
	before := record.Live()
	r := kit.Run(t, flow, files, setup)
	if left := record.Live() - before; left != 0 && r.Err == nil {
		t.Errorf("%d batches were not given back", left)
	}
	return r
}

// dial connects to who is about to listen.
func dial(ctx context.Context, network, address string) net.Conn {
	for {
		if c, err := net.Dial(network, address); err == nil {
			return c
		}
		if nodes.Sleep(ctx, 5*time.Millisecond) != nil {
			return nil
		}
	}
}

// received runs a socket.read that somebody sends bytes to, and gives what came of them. Of
// udp, which has no end, it takes as many items as are wanted.
func received(t *testing.T, network, with string, count int, send ...string) nodetest.Result {
	t.Helper()
	dir := t.TempDir()
	say := func(c net.Conn) {
		defer c.Close()
		for _, text := range send {
			io.WriteString(c, text)
		}
	}
	if network == "udp" {
		address := freePort(t)
		flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {listen: 'udp://%s', %s}, on_error: skip}\n  some: {use: limit, in: in, with: {count: %d}}\n  out: {use: file.write, in: some, with: {path: '-', format: jsonl}}\n", address, with, count)
		return run(t, flow, nil, nodetest.Setup{Dir: dir, Begun: func(func()) {
			go func() {
				if c := dial(t.Context(), network, address); c != nil && heard(t.Context(), c) {
					say(c)
				}
			}()
		}})
	}
	listen, url := "127.0.0.1:0", ""
	if network == "unix" {
		listen, url = filepath.Join(dir, "in.sock"), "unix://in.sock"
	}
	l, err := net.Listen(network, listen)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if url == "" {
		url = "tcp://" + l.Addr().String()
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			say(c)
		}
	}()
	flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {connect: %q, reconnect: false, %s}, on_error: dead}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n"+
		"  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl, format: jsonl}}\n", url, with)
	return run(t, flow, nil, nodetest.Setup{Dir: dir})
}

// heard waits until somebody listens to datagrams: an empty one that nobody gets makes the
// next fail, and is no item.
func heard(ctx context.Context, c net.Conn) bool {
	for {
		_, first := c.Write(nil)
		if nodes.Sleep(ctx, 10*time.Millisecond) != nil {
			return false
		}
		if _, err := c.Write(nil); err == nil && first == nil {
			return true
		}
	}
}

func TestRead(t *testing.T) {
	const number = `as: "{n: int}"`
	for name, c := range map[string]struct {
		network, with string
		send          []string
		want, bad     string
	}{
		"tcp":          {"tcp", number, []string{"{\"n\":1}\n{\"n\"", ":2}\n"}, "{\"n\":1}\n{\"n\":2}\n", ""},
		"unix":         {"unix", number, []string{"{\"n\":1}\n"}, "{\"n\":1}\n", ""},
		"udp":          {"udp", number, []string{"{\"n\":1}\n", "{\"n\":2}", "{\"n\":3}\n{\"n\":4}\n"}, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n", ""},
		"no last end":  {"tcp", "format: lines", []string{"a\nb"}, "{\"line\":\"a\"}\n{\"line\":\"b\"}\n", ""},
		"bad":          {"tcp", number, []string{"{\"n\":1}\nnonsense\n{\"n\":2}\n"}, "{\"n\":1}\n{\"n\":2}\n", "nonsense"},
		"too long":     {"tcp", number + ", max_record: 100B", []string{strings.Repeat("x", 300000) + "\n{\"n\":2}\n"}, "{\"n\":2}\n", "300000 bytes"},
		"csv":          {"tcp", number + ", format: csv", []string{"m,n\n0,1\n", "0,2\n"}, "{\"n\":1}\n{\"n\":2}\n", ""},
		"length":       {"tcp", number + ", framing: length", []string{"\x00\x00\x00\x08{\"n\":\n1}\x00\x00\x00\x07{\"n\"", ":2}"}, "{\"n\":1}\n{\"n\":2}\n", ""},
		"length, text": {"tcp", "format: lines, framing: length", []string{"\x00\x00\x00\x03a\nb\x00\x00\x00\x00\x00\x00\x00\x01c"}, "{\"line\":\"a\\nb\"}\n{\"line\":\"\"}\n{\"line\":\"c\"}\n", ""},
		"huge length":  {"tcp", "format: lines, framing: length, max_record: 10B", []string{"\x00\x00\x00\x20" + strings.Repeat("y", 32) + "\x00\x00\x00\x01c"}, "{\"line\":\"c\"}\n", "32 bytes"},
		"syslog":       {"tcp", "framing: syslog", []string{"<13>1 - h a - - - one\n21 <14>1 - - - - - - two"}, syslogLine(1, 5, `"h"`, `"a"`, "one") + syslogLine(1, 6, "null", "null", "two"), ""},
		"syslog, udp":  {"udp", "framing: syslog", []string{"<13>1 - h a - - - one\n"}, syslogLine(1, 5, `"h"`, `"a"`, "one"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := received(t, c.network, c.with, strings.Count(c.want, "\n"), c.send...)
			if r.Err != nil || r.Stdout != c.want || !strings.Contains(r.File("bad.jsonl"), c.bad) {
				t.Errorf("got\n%s\n%s\nwant\n%s", r.Stdout, r.File("bad.jsonl"), c.want)
			}
		})
	}
}

func syslogLine(facility, severity int, host, app, text string) string {
	return fmt.Sprintf(`{"facility":%d,"severity":%d,"time":null,"host":%s,"app":%s,"pid":null,"id":null,"data":null,"message":%q}`+"\n", facility, severity, host, app, text)
}

// What a killed run has left of a socket is put away; one that is in use is not.
func TestUnixSocketThatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	flow := "nodes:\n  in: {use: socket.read, with: {listen: 'unix://in.sock', format: lines}}\n  one: {use: limit, in: in, with: {count: 1}}\n  out: {use: file.write, in: one, with: {path: '-', format: lines}}\n"
	if r := kit.Run(t, flow, nil, nodetest.Setup{Dir: dir}); r.Err == nil || !strings.Contains(r.Err.Error(), "in use") {
		t.Errorf("a socket in use: %v", r.Err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	r := kit.Run(t, flow, nil, nodetest.Setup{Dir: dir, Begun: func(func()) {
		go func() {
			if c := dial(t.Context(), "unix", path); c != nil {
				io.WriteString(c, "a\n")
				c.Close()
			}
		}()
	}})
	if r.Err != nil || r.Stdout != "a\n" {
		t.Error(r.Told(), r.Stdout)
	}
}

// One connection more than is allowed is closed, and one that says nothing too.
func TestLimits(t *testing.T) {
	address := freePort(t)
	flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {listen: 'tcp://%s', format: lines, connections: 1, idle_timeout: 100ms}}\n  out: {use: file.write, in: in, with: {path: '-', format: lines}}\n", address)
	closed := make(chan error, 2)
	r := run(t, flow, nil, nodetest.Setup{Begun: func(stop func()) {
		go func() {
			defer stop()
			for range 2 {
				c := dial(t.Context(), "tcp", address)
				if c == nil {
					return
				}
				defer c.Close()
				go func() {
					_, err := io.ReadAll(c)
					closed <- err
				}()
			}
			<-closed
			<-closed
		}()
	}})
	if r.Err != nil || strings.Count(r.Log, "a connection was closed") != 2 {
		t.Error(r.Err, r.Log)
	}
}

// written runs a socket.write to somebody who hears it, and gives what was heard.
func written(t *testing.T, network, with, items string, hear func(net.Listener, *wire)) (string, nodetest.Result) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &accepting{Listener: tcp, one: make(chan struct{})}
	w := &wire{more: make(chan struct{}, 1)}
	var all sync.WaitGroup
	all.Go(func() { hear(l, w) })
	flow := fmt.Sprintf("nodes:\n  in: {use: file.read, with: {path: in.jsonl}}\n  out: {use: socket.write, in: in, with: {connect: '%s://%s', %s}}\n", network, l.Addr(), with)
	r := run(t, flow, map[string]string{"in.jsonl": items}, nodetest.Setup{Batch: 2})
	if r.Err == nil {
		<-l.one // the connection may be at its end before somebody has taken it
	}
	l.Close()
	all.Wait()
	return w.got(), r
}

// accepting is a listener that tells when it has a connection.
type accepting struct {
	net.Listener
	once sync.Once
	one  chan struct{}
}

func (a *accepting) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err == nil {
		a.once.Do(func() { close(a.one) })
	}
	return c, err
}

// hearAll hears all connections, one after the other.
func hearAll(l net.Listener, w *wire) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.Copy(w, c)
		c.Close()
	}
}

func TestWrite(t *testing.T) {
	const items = "{\"n\":1,\"s\":\"a\"}\n{\"n\":2,\"s\":\"b\"}\n{\"n\":3,\"s\":\"c\"}\n"
	for name, c := range map[string]struct{ with, items, want string }{
		"lines":  {"format: jsonl", items, items},
		"csv":    {"format: csv", items, "n,s\n1,a\n2,b\n3,c\n"},
		"length": {"framing: length", "{\"n\":1}\n{\"n\":22}\n", "\x00\x00\x00\x07{\"n\":1}\x00\x00\x00\x08{\"n\":22}"},
		"syslog": {"framing: syslog", `{"message":"it works","app":"my app","severity":3}` + "\n", "31 <11>1 - - my_app - - - it works"},
	} {
		t.Run(name, func(t *testing.T) {
			got, r := written(t, "tcp", c.with, c.items, hearAll)
			if r.Err != nil || got != c.want {
				t.Errorf("%v: got %q, want %q", r.Err, got, c.want)
			}
		})
	}
}

// A peer that comes late, and ends its first connection, gets every row: what was being sent
// is sent again. The connections have no buffer in which something could be lost.
func TestReconnect(t *testing.T) {
	const flow = "nodes:\n  in: {use: generate, with: {count: 50}}\n  out: {use: socket.write, in: in, with: {connect: 'tcp://127.0.0.1:9001', reconnect_wait: 1s}}\n"
	rows := map[string]int{}
	world := func(ctx context.Context, n *nodetest.Network, _ func()) {
		nodes.Sleep(ctx, 10*time.Second)
		l, err := n.Listen(ctx, "tcp", "127.0.0.1:9001")
		if err != nil {
			return
		}
		defer context.AfterFunc(ctx, func() { l.Close() })()
		for first := true; ; first = false {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { c.Close() })
			var from io.Reader = c
			if first {
				from = io.LimitReader(c, 100) // it ends within a row
			}
			for r := bufio.NewReader(from); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					break
				}
				rows[line]++
			}
			c.Close()
			stop()
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := run(t, flow, nil, nodetest.Setup{Batch: 7, World: world})
		if r.Err != nil || !strings.Contains(r.Log, "there is no connection") || !strings.Contains(r.Log, "sent again") {
			t.Error(r.Err, r.Log)
		}
	})
	if len(rows) != 50 {
		t.Errorf("%d rows of 50 have arrived", len(rows))
	}
}

func TestGiveUp(t *testing.T) {
	flow := fmt.Sprintf("nodes:\n  in: {use: generate, with: {count: 5}}\n  out: {use: socket.write, in: in, with: {connect: 'tcp://%s', reconnect_wait: 1ms, give_up: 20ms}}\n", freePort(t))
	if r := run(t, flow, nil, nodetest.Setup{}); r.Err == nil || !strings.Contains(r.Told(), "refused") {
		t.Error(r.Err)
	}
}

func TestSettings(t *testing.T) {
	for with, want := range map[string]string{
		`{format: lines}`: "is required",
		`{format: lines, listen: "tcp://:1", connect: "tcp://a:1"}`:        "exclude each other",
		`{format: lines, listen: "http://a:1"}`:                            "is no address",
		`{format: lines, connect: "tcp://:1"}`:                             "is no address",
		`{format: lines, listen: "udp://:1", framing: length}`:             "has its length",
		`{format: lines, listen: "udp://:1", tls: {cert: a, key: b}}`:      "udp has no tls",
		`{listen: "tcp://:1"}`:                                             `"as" is required`,
		`{listen: "tcp://:1", framing: syslog, as: "{n: int}"}`:            "type of their own",
		`{listen: "tcp://:1", framing: length, format: csv, as: {n: int}}`: "csv has no framing",
		`{listen: "udp://:1", format: csv, as: {n: int}}`:                  "have no header",
	} {
		_, list := kit.Load(t, "nodes:\n  in: {use: socket.read, with: "+with+"}\n  out: {use: drop, in: in}\n", nil)
		if told := nodetest.Printed(list); !strings.Contains(told, want) {
			t.Errorf("%s: %s, want %s", with, told, want)
		}
	}
}

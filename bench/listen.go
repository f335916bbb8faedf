package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// This file measures what http.listen takes to answer, beside a bare handler of net/http
// that decodes the same bodies.

// A mode is a server. Each runs in a process of its own, and is asked by another.
type mode struct {
	name   string
	status int    // of a good answer
	nodes  string // of the flow behind the listener; "": there is none, it is the bare handler
}

const bareHandler = "net/http"

var modes = []mode{
	{bareHandler, http.StatusOK, ""},
	{"accepted", http.StatusAccepted, "  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n"},
	{"taken", http.StatusOK, "  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n"},
	{"reply", http.StatusOK, "  out: {use: http.reply, in: in, with: {to: reply, body: {id: id, total: qty * price}}}\n"},
}

// An order is what is sent.
type order struct {
	ID    int     `json:"id"`
	Item  string  `json:"item"`
	Qty   int     `json:"qty"`
	Price float64 `json:"price"`
}

const orderBody = `{"id": %d, "item": "a cup of tea", "qty": 3, "price": 4.5}`

// cutInterval is how far apart cuts are where acknowledging sources wait: see docs/delivery.md.
const cutInterval = 50 * time.Millisecond

// listenWorkload: p50 and p99 of http.listen at 1,000 and 5,000 requests a second.
func listenWorkload(ctx context.Context, h *harness) error {
	var all []mode
	for _, m := range modes {
		if m.nodes != "" {
			if _, _, err := m.flow("flow.yaml", "127.0.0.1:1"); err != nil && m.name == "reply" {
				fmt.Fprintln(h.out, "\nrespond: reply is left out, this flowrun does not have it:", err)
				continue
			} else if err != nil {
				return err
			}
		}
		all = append(all, m)
	}
	for _, rate := range []int{1000, 5000} {
		if err := listenAt(ctx, h, all, rate); err != nil {
			return err
		}
	}
	return nil
}

// A side is what a client has seen of a mode, round by round.
type side struct{ p50, p99, busy []float64 }

// listenAt compares the modes at a rate. They take turns.
func listenAt(ctx context.Context, h *harness, all []mode, rate int) error {
	fmt.Fprintf(h.out, "\nA JSON object to a server, %d requests a second, open loop, %d rounds of %d s\n", rate, h.rounds, h.size(10, 1))
	clients := []string{"load"}
	if _, err := exec.LookPath("wrk"); err == nil {
		clients = append(clients, "wrk")
	} else {
		fmt.Fprintln(h.out, "  there is no wrk: its figures are left out")
	}
	sides := map[string]*side{}
	for range h.rounds {
		for _, m := range all {
			for _, client := range clients {
				s := sides[m.name+client]
				if s == nil {
					s = &side{}
					sides[m.name+client] = s
				}
				if err := s.round(ctx, h, m, client, rate); err != nil {
					return fmt.Errorf("%s by %s: %w", m.name, client, err)
				}
			}
		}
	}
	for _, client := range clients {
		bare := sides[bareHandler+client]
		for _, m := range all {
			s := sides[m.name+client]
			fmt.Fprintf(h.out, "  %-10s by %-5s p50 %8.2f ms (%.2f to %.2f)  p99 %8.2f ms (%.2f to %.2f)  others %.0f %%\n", m.name, client,
				middle(s.p50), slices.Min(s.p50), slices.Max(s.p50), middle(s.p99), slices.Min(s.p99), slices.Max(s.p99), middle(s.busy))
			if m.name != bareHandler {
				h.claimListen(m.name, fmt.Sprintf("%d/s by %s", rate, client), s, bare)
			}
		}
	}
	return nil
}

// claimListen keeps what is to hold of a mode.
func (h *harness) claimListen(name, how string, s, bare *side) {
	others := max(middle(s.busy), middle(bare.busy)) / 100
	add := func(text string, got float64, unit string, most float64) {
		h.claims = append(h.claims, claim{text: fmt.Sprintf("http.listen, %s, %s: %s", name, how, text), got: got, unit: unit, target: most, most: true, others: others})
	}
	ratio := middle(s.p50) / middle(bare.p50)
	cuts := float64(2 * cutInterval.Milliseconds())
	switch name {
	case "taken":
		add("p50", middle(s.p50), "ms", cuts)
		add("p99", middle(s.p99), "ms", cuts)
	case "reply":
		add("p50 over that of net/http", ratio, "x", 3)
		add("p99", middle(s.p99), "ms", 20)
	default:
		add("p50 over that of net/http", ratio, "x", 0)
		add("p99", middle(s.p99), "ms", 0)
	}
}

func middle(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// round starts a server, asks it, and ends it.
func (s *side) round(ctx context.Context, h *harness, m mode, client string, rate int) error {
	dir, err := os.MkdirTemp("", "flowrun-bench-listen-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server := exec.CommandContext(ctx, h.self, "child", "listener", m.name, dir)
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	busy, start := machineBusy(), time.Now()
	var l loaded
	if err == nil {
		l, err = h.ask(ctx, dir, client, m, strings.TrimSpace(address), rate)
	}
	busy, took := machineBusy()-busy, time.Since(start)
	stdin.Close() // which ends the server
	io.Copy(io.Discard, stdout)
	if err := errors.Join(err, server.Wait()); err != nil {
		return err
	}
	if err := m.wrote(filepath.Join(dir, "out.jsonl"), l.Good); err != nil {
		return err
	}
	own := l.CPU + (server.ProcessState.UserTime() + server.ProcessState.SystemTime()).Seconds()
	s.p50, s.p99 = append(s.p50, l.P50), append(s.p99, l.P99)
	s.busy = append(s.busy, 100*max(0, (busy-own)/took.Seconds()/float64(runtime.NumCPU())))
	return nil
}

// wrote compares what the sink of a flow has with what was answered. Good is 0 of a client
// that does not say it.
func (m mode) wrote(path string, good int) error {
	text, err := os.ReadFile(path)
	if good == 0 || !strings.Contains(m.nodes, filepath.Base(path)) {
		return nil
	}
	if n := bytes.Count(text, []byte{'\n'}); err != nil || n != good {
		return fmt.Errorf("%d requests were answered, and %d rows are in the file: %w", good, n, err)
	}
	return nil
}

// ask is how a client sees a server. dir is for what it needs.
func (h *harness) ask(ctx context.Context, dir, client string, m mode, address string, rate int) (l loaded, err error) {
	seconds := strconv.Itoa(h.size(10, 1))
	cmd := exec.CommandContext(ctx, h.self, "child", "load", address, strconv.Itoa(m.status), strconv.Itoa(rate), seconds)
	if client == "wrk" {
		if cmd, err = wrkCommand(ctx, dir, address, rate, seconds); err != nil {
			return l, err
		}
	}
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return l, err
	}
	if client == "wrk" {
		l, err = wrkSaw(string(text))
	} else {
		r := result{}
		if err = json.Unmarshal(text, &r); r.Digest != "" {
			err = errors.New(r.Digest)
		}
		l.P50, l.P99, l.Good = r.More["p50"], r.More["p99"], int(r.More["good"])
	}
	l.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return l, err
}

// loadWork is the client of this program: its own process, as wrk is.
func loadWork(args []string) (result, error) {
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[1+i]); err != nil {
			return result{}, err
		}
	}
	body := func(i int) string { return fmt.Sprintf(orderBody, i) }
	l := load{address: args[0], status: n[0], rate: n[1], seconds: float64(n[2]), request: func(i int) []byte {
		return fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body(i)), body(i))
	}}
	out := l.run()
	r := result{Seconds: l.seconds, More: map[string]float64{"p50": out.P50, "p99": out.P99, "max": out.Max, "late": out.Late, "good": float64(out.Good)}}
	if out.Bad > 0 {
		r.Digest = fmt.Sprintf("%d requests of %d failed, the first: %s", out.Bad, l.rate*n[2], out.Why)
	}
	return r, nil
}

// listenerWork is a server, until its standard input ends.
func listenerWork(args []string) (result, error) {
	i := slices.IndexFunc(modes, func(m mode) bool { return m.name == args[0] })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return result{}, err
	}
	address := l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if modes[i].nodes == "" {
		s := &http.Server{Handler: http.HandlerFunc(bareHandle)}
		go s.Serve(l)
		fmt.Println(address)
		<-ctx.Done()
		return result{}, s.Close()
	}
	l.Close() // the flow listens there
	flow, registry, err := modes[i].flow(filepath.Join(args[1], "flow.yaml"), address)
	if err != nil {
		return result{}, err
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{Stdin: strings.NewReader(""), Stdout: io.Discard})
	if err != nil {
		return result{}, err
	}
	go func() { // as soon as it listens
		for ctx.Err() == nil {
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				fmt.Println(address)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	context.AfterFunc(ctx, run.Stop)
	_, err = run.Run(context.Background())
	if errors.Is(err, scheduler.ErrStopped) {
		err = nil
	}
	return result{}, err
}

// bareHandle decodes a body and answers.
func bareHandle(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1e6)).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"id": o.ID, "total": float64(o.Qty) * o.Price})
}

// flow is that of a mode.
func (m mode) flow(path, address string) (*graph.Flow, *nodes.Registry, error) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		return nil, nil, err
	}
	text := fmt.Sprintf(`flow: listen
nodes:
  in: {use: http.listen, with: {address: "%s", respond: %s, pending: 100000, as: "{id: int, item: string, qty: int, price: float}"}}
%s`, address, m.name, m.nodes)
	flow, list := graph.Load(diag.NewSource(path, []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		return nil, nil, list.Err()
	}
	return flow, registry, nil
}

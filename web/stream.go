package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// This file sends what happens in a run as server-sent events.

// writeTime is how long a reader may take to take one event.
const writeTime = 5 * time.Second

// streamLevel packs a tick of 1,000 nodes into 21 KB in a millisecond; more effort
// would take longer, less would need 26.
const streamLevel = 3

// A tickStream tells a reader of a page what happens.
type tickStream struct{ *Server }

// serve sends it as server-sent events: hello, ticks, end. Every reader
// has a goroutine that compares what it sent last with the newest snapshot, so a
// slow reader misses snapshots and holds nothing but one event.
func (s tickStream) serve(w http.ResponseWriter, r *http.Request) {
	if !streams(w, r) {
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		w.Header().Set("Connection", "close") // places for connections are few, too
		refuse(w, http.StatusServiceUnavailable, "too many pages look at this run already")
		return
	}
	defer s.sampler.look()()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	out := newEventWriter(w, r)
	defer out.close()

	last := s.sampler.latest.Load()
	if out.send("hello", s.hello()) != nil || out.send("tick", appendTick(nil, nil, last)) != nil {
		return
	}
	for !last.ended() {
		select {
		case <-r.Context().Done():
			return
		case <-last.next:
		case <-s.ctx.Done():
			s.works.Wait() // the last sample
		}
		now := s.sampler.latest.Load()
		if out.send("tick", appendTick(nil, last, now)) != nil {
			return
		}
		last = now
		if s.ctx.Err() != nil {
			break
		}
	}
	out.send("end", appendEnd(last))
}

// streams refuses HEAD, which would hold a place and get nothing.
func streams(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodHead {
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "events are sent to GET requests only")
		return false
	}
	return true
}

// An eventWriter writes events, packed if the reader can unpack, each with a
// deadline.
type eventWriter struct {
	w       io.Writer
	zip     *gzip.Writer // nil: not packed
	control *http.ResponseController
}

func newEventWriter(w http.ResponseWriter, r *http.Request) *eventWriter {
	e := &eventWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Vary", "Accept-Encoding")
	if unpacks(r) {
		w.Header().Set("Content-Encoding", "gzip")
		e.zip, _ = gzip.NewWriterLevel(w, streamLevel) // the level is one there is
		e.w = e.zip
	}
	return e
}

func (e *eventWriter) send(event string, data []byte) error {
	// A recorder in a test has no deadlines; a connection has.
	_ = e.control.SetWriteDeadline(time.Now().Add(writeTime))
	_ = e.control.SetReadDeadline(time.Time{}) // the reader has nothing more to say
	var b bytes.Buffer
	if event == "hello" {
		b.WriteString("retry: 2000\n")
	}
	b.WriteString("event: " + event + "\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
	if _, err := e.w.Write(b.Bytes()); err != nil {
		return err
	}
	if e.zip != nil {
		if err := e.zip.Flush(); err != nil {
			return err
		}
	}
	return e.control.Flush()
}

func (e *eventWriter) close() {
	if e.zip != nil {
		e.zip.Close()
	}
}

// unpacks reports whether a reader understands gzip.
func unpacks(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// hello says which flow it is and what happened in the last minute.
func (s tickStream) hello() []byte {
	past := s.sampler.past()
	type history struct {
		Nodes [][]int64 `json:"n"` // of each node, items out per ten seconds, or in of a sink
		Edges [][]int64 `json:"e"` // of each edge, items waiting
	}
	hello := struct {
		Hash    string  `json:"hash"`
		Nodes   int     `json:"nodes"`
		Edges   int     `json:"edges"`
		Period  int64   `json:"period"` // ms between ticks
		History history `json:"history"`
	}{Hash: s.outline.Hash, Nodes: len(s.flow.Nodes), Edges: len(s.flow.Edges), Period: s.sampler.period().Milliseconds()}
	for i := range s.flow.Nodes {
		var line []int64
		for _, p := range past {
			line = append(line, throughput(p.nodes[i]))
		}
		hello.History.Nodes = append(hello.History.Nodes, line)
	}
	for i := range s.flow.Edges {
		var line []int64
		for _, p := range past {
			line = append(line, p.edges[i].Items)
		}
		hello.History.Edges = append(hello.History.Edges, line)
	}
	text, err := json.Marshal(hello)
	if err != nil {
		panic(err) // numbers
	}
	return text
}

// throughput is the one number for what a node gets done.
func throughput(n nodeRow) int64 { return max(n.In, n.Out) }

// appendTick writes what differs from the snapshot before, all if that is nil:
//
//	{"t":ms,"n":[[index,…nodeRow],…],"e":[[index,…edgeRow],…],"p":paused,"c":cutsRow,"v":verdict}
func appendTick(b []byte, before, now *snapshot) []byte {
	b = append(b, `{"t":`...)
	b = strconv.AppendInt(b, now.at.Milliseconds(), 10)
	b = append(b, `,"n":[`...)
	first := true
	for i, n := range now.nodes {
		if before == nil || before.nodes[i] != n {
			b = appendRow(b, &first, int64(i), int64(n.State), n.In, n.Out, n.P50, n.P99, n.Busy, n.Blocked, n.Starved, n.Errors, n.Workers, n.Progress)
		}
	}
	b = append(b, `],"e":[`...)
	first = true
	for i, e := range now.edges {
		if before == nil || before.edges[i] != e {
			b = appendRow(b, &first, int64(i), e.Items, e.Rate, e.KB, e.Fill, e.Dropped, e.Oldest, e.Wait)
		}
	}
	b = append(b, ']')
	if paused := now.report.Paused; paused != (before != nil && before.report.Paused) {
		b = strconv.AppendBool(append(b, `,"p":`...), paused)
	}
	if now.cuts != nil && (before == nil || !reflect.DeepEqual(before.cuts, now.cuts)) {
		b = appendPart(b, "c", now.cuts)
	}
	if before == nil || before.verdict != now.verdict {
		b = appendPart(b, "v", now.verdict)
	}
	return append(b, '}')
}

func appendPart(b []byte, name string, part any) []byte {
	text, err := json.Marshal(part)
	if err != nil {
		panic(err) // strings and numbers
	}
	return append(append(b, `,"`+name+`":`...), text...)
}

func appendRow(b []byte, first *bool, row ...int64) []byte {
	if !*first {
		b = append(b, ',')
	}
	*first = false
	for i, x := range row {
		b = append(b, "[,"[min(i, 1)])
		b = strconv.AppendInt(b, x, 10)
	}
	return append(b, ']')
}

func appendEnd(s *snapshot) []byte {
	text, err := json.Marshal(map[string]any{"outcome": s.outcome, "error": s.report.Error, "files": s.report.Files})
	if err != nil {
		panic(err) // strings
	}
	return text
}

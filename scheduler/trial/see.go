package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A trial is one under way. It gives the scheduler the programs of the nodes, each
// with someone who looks at what it emits.
type trial struct {
	programs scheduler.Programs
	limits   Limits
	flow     *graph.Flow
	seen     map[*graph.Node]*seen
	bytes    atomic.Int64 // carried by all ports
	shown    atomic.Int64 // bytes of all that is kept to be shown
	late     atomic.Bool
}

// maxShown bounds all that is kept to be shown, in bytes.
const maxShown = 4 << 20

// Program implements scheduler.Programs.
func (t *trial) Program(n *graph.Node, env *nodes.Env) (*nodes.Program, error) {
	if isSink(n) {
		return t.sink(n), nil
	}
	p, err := t.programs.Program(n, env)
	if err != nil {
		return nil, err
	}
	s := &seen{trial: t, node: n, source: len(n.In) == 0}
	for _, out := range outputs(n) {
		s.ports = append(s.ports, newPort(out.Name, out.Carries))
	}
	t.seen[n] = s
	return s.watched(p), nil
}

// sink stands in for a node that would change something: it takes everything, and
// keeps what comes first.
func (t *trial) sink(n *graph.Node) *nodes.Program {
	s := &seen{trial: t, node: n}
	p := &nodes.Program{}
	for i, in := range n.In {
		s.ports = append(s.ports, newPort(in.Name, in.Arriving()))
		p.Stages = append(p.Stages, nodes.Stage{
			Input: i, GoValues: true, Whole: true,
			Commit: func(_ context.Context, d record.Data, _ any, _ nodes.Out) error { return s.note(i, d) },
		})
	}
	t.seen[n] = s
	return p
}

// seen is what was seen of a node. Its methods may be called from any goroutine.
type seen struct {
	trial  *trial
	node   *graph.Node
	source bool

	mu    sync.Mutex
	ports []*port
	taken int // rows of a source
}

// A port is one under observation.
type port struct {
	name    string
	typ     *types.Type
	encoder *jsonl.Encoder // of typ
	items   int64
	rows    [][]string
}

func newPort(name string, t *types.Type) *port {
	return &port{name: name, typ: t, encoder: jsonl.NewEncoder(t)}
}

// watched is a program whose outputs are looked at.
func (s *seen) watched(p *nodes.Program) *nodes.Program {
	w := *p
	w.Stages = nil
	for _, stage := range p.Stages {
		if worker := stage.Worker; worker != nil {
			stage.Worker = func(ctx context.Context) (nodes.Work, error) {
				work, err := worker(ctx)
				if err != nil {
					return nil, err
				}
				return func(ctx context.Context, in record.Data, piece any, out nodes.Out) (any, error) {
					return work(ctx, in, piece, watchedOut{out, s})
				}, nil
			}
		}
		if commit := stage.Commit; commit != nil {
			stage.Commit = func(ctx context.Context, in record.Data, made any, out nodes.Out) error {
				return commit(ctx, in, made, watchedOut{out, s})
			}
		}
		if finish := stage.Finish; finish != nil {
			stage.Finish = func(ctx context.Context, out nodes.Out) error { return finish(ctx, watchedOut{out, s}) }
		}
		w.Stages = append(w.Stages, stage)
	}
	if run := p.Run; run != nil {
		w.Run = func(ctx context.Context, io *nodes.IO) error {
			watched := *io
			watched.Out = func() nodes.OutCloser {
				out := io.Out()
				return watchedCloser{watchedOut{out, s}, out}
			}
			return run(ctx, &watched)
		}
	}
	return &w
}

// A watchedOut looks at what passes, and ends a source that has given its sample.
type watchedOut struct {
	nodes.Out
	s *seen
}

type watchedCloser struct {
	watchedOut
	closer nodes.OutCloser
}

func (o watchedCloser) Close() error { return o.closer.Close() }

// Emit implements nodes.Out.
func (o watchedOut) Emit(port int, d record.Data) error {
	d, last := o.s.sample(d)
	if err := o.s.note(port, d); err != nil {
		d.Release()
		return err
	}
	if err := o.Out.Emit(port, d); err != nil {
		return err
	}
	if last {
		return nodes.ErrDone
	}
	return nil
}

// sample cuts what a source gives after its last wanted row.
func (s *seen) sample(d record.Data) (wanted record.Data, last bool) {
	if !s.source {
		return d, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.trial.limits.Rows - s.taken; d.Len() > left {
		cut := d.Slice(0, left)
		d.Release()
		d = cut
	}
	s.taken += d.Len()
	return d, s.taken == s.trial.limits.Rows
}

// note counts what passes a port and keeps the first items. The error says that a
// limit is reached.
func (s *seen) note(i int, d record.Data) error {
	n := d.Len()
	if n == 0 || i >= len(s.ports) { // the error port is the engine's
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, limits := s.ports[i], &s.trial.limits
	p.items += int64(n)
	for row := 0; row < n && len(p.rows) < limits.Shown && s.trial.shown.Load() < maxShown; row++ {
		cells := p.cells(d, row, limits.Text)
		for _, c := range cells {
			s.trial.shown.Add(int64(len(c)))
		}
		p.rows = append(p.rows, cells)
	}
	if p.items > limits.Items {
		return fmt.Errorf("port %s has more than %d items, which is where a trial ends", p.name, limits.Items)
	}
	// What a sink takes was counted by its sender.
	if !isSink(s.node) && s.trial.bytes.Add(int64(d.Bytes())) > limits.Bytes {
		return fmt.Errorf("the flow moves more than %d MB, which is where a trial ends", limits.Bytes>>20)
	}
	return nil
}

// cells gives one item as JSON, field by field if it is a record.
func (p *port) cells(d record.Data, i, most int) []string {
	whole := p.json(d, i)
	if !p.typ.IsRecord() {
		return []string{cut(whole, most)}
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(whole, &fields) != nil {
		return []string{cut(whole, most)}
	}
	cells := make([]string, len(p.typ.Fields))
	for i, f := range p.typ.Fields {
		cells[i] = cut(fields[f.Name], most)
	}
	return cells
}

func (p *port) json(d record.Data, i int) []byte {
	switch d := d.(type) {
	case *record.Batch:
		return p.encoder.AppendRow(nil, d, d.Row(i))
	case record.GoItems:
		if text, err := json.Marshal(d.At(i)); err == nil {
			return text
		}
	}
	return []byte(`"an item that is not JSON"`)
}

// cut shortens a text.
func cut(text []byte, most int) string {
	if len(text) <= most {
		return string(text)
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return string(text[:most]) + "…"
}

func (s *seen) result() []Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Port
	for _, p := range s.ports {
		columns := []string{""}
		if p.typ.IsRecord() {
			columns = p.typ.FieldNames()
		}
		all = append(all, Port{p.name, p.items, columns, p.rows})
	}
	return all
}

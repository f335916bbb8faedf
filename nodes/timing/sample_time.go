package timing

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

var sampleTimeDecl = nodes.Kind("sample_time", "Passes on the newest item at regular intervals.", &sampleTime{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The last item of each interval that had one; of each key, with `by`."}),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Interleaves(),
	nodes.Keeps("the last item of each key in an interval"), nodes.Returns(),
	nodes.Loses("items that are not the last of their interval go no further"),
	nodes.Lines("an interval ends in which an item arrived", "its output is full", "", "a key cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "The newest price",
		Flow: `flow: prices
nodes:
  prices: {use: file.read, with: {path: prices.csv}}
  newest: {use: sample_time, in: prices, with: {every: 1h, by: symbol}}
  out:    {use: file.write, in: newest, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"prices.csv": "symbol,price\nIBM,7\nMSFT,3\nIBM,8\n"},
		Want:  map[string]string{"-": "symbol,price\nIBM,8\nMSFT,3\n"},
	}))

type sampleTime struct {
	keySettings
	Every time.Duration `yaml:"every,required" min:"1ms" doc:"The length of an interval."`
}

func (k *sampleTime) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &sampleTimeOp{every: k.Every, keys: newNumberer(k.key), keep: newKeep(env.In("in"))}, nil
}

// A sampleTimeOp is a running sample_time.
type sampleTimeOp struct {
	every time.Duration
	keys  *numberer
	keep  *keep
	start time.Time // what intervals are counted from
	held  []int32   // keys that have an item, in order
	until time.Time // the end of the interval of those items; zero: there is none
}

var (
	_ nodes.Timed  = (*sampleTimeOp)(nil)
	_ nodes.Holder = (*sampleTimeOp)(nil)
)

// Open implements nodes.Starter.
func (s *sampleTimeOp) Open(context.Context) error {
	s.start = time.Now()
	return nil
}

// Process implements nodes.Operator.
func (s *sampleTimeOp) Process(ctx context.Context, in nodes.Input, out nodes.Out) error {
	b, now := in.Data.(*record.Batch), time.Now()
	if err := s.OnTime(ctx, now, out); err != nil { // what fell due since the engine looked
		return err
	}
	rows, numbers, err := s.keys.number(b, out)
	if err != nil {
		return err
	}
	out.Filtered(s.keep.put(b, rows, numbers))
	s.held = append(s.held, s.keep.fresh...)
	if len(s.held) > 0 && s.until.IsZero() {
		s.until = s.start.Add((now.Sub(s.start)/s.every + 1) * s.every)
	}
	return nil
}

// Held implements nodes.Holder.
func (s *sampleTimeOp) Held() int { return s.keep.Held() }

// Due implements nodes.Timed.
func (s *sampleTimeOp) Due() time.Time { return s.until }

// OnTime implements nodes.Timed.
func (s *sampleTimeOp) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	if now.Before(s.until) {
		return nil
	}
	return s.flush(out)
}

// End implements nodes.Ender.
func (s *sampleTimeOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return s.flush(out)
}

// flush sends what is held.
func (s *sampleTimeOp) flush(out nodes.Out) error {
	held := s.held
	s.held, s.until = s.held[:0], time.Time{}
	return s.keep.emit(held, out)
}

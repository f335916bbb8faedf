package cli_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// An offerSource offers one item, and ends when that was acknowledged.
type offerSource struct {
	once  sync.Once
	taken chan struct{}
}

func (o *offerSource) Open(context.Context, *nodes.Env) error {
	o.taken = make(chan struct{})
	return nil
}

func (o *offerSource) ReadFrom(ctx context.Context, _ nodes.Position, emit func(int, nodes.Position) error) error {
	if err := emit(7, nodes.Position("1")); err != nil {
		return err
	}
	select {
	case <-o.taken:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (o *offerSource) Taken(nodes.Position) error {
	o.once.Do(func() { close(o.taken) })
	return nil
}

// callWith is call with a kind that acknowledges, test.offer.
func callWith(args ...string) result {
	var out, err paper
	code := cli.Run(args, strings.NewReader(""), &out, &err, std.Nodes, []nodes.Decl{nodes.ReadFrom("test.offer", "Offers.", &offerSource{})})
	return result{out.text.String(), progress.ReplaceAllString(err.text.String(), ""), code}
}

var offers = map[string]string{
	"sinks.yaml": "flow: sinks\nnodes:\n  a: {use: test.offer}\n  b: {use: drop, in: a}\n",
	"early.yaml": "flow: early\nnodes:\n  a: {use: test.offer, ack: early}\n  b: {use: drop, in: a}\n",
	"none.yaml":  "flow: none\nnodes:\n  a: {use: generate, with: {count: 3}}\n  b: {use: drop, in: a}\n",
}

// The report says when sources acknowledge, and of those that do it by cuts, how many
// there were.
func TestRunReportsCuts(t *testing.T) {
	folder(t, offers)
	for flow, want := range map[string]string{
		"sinks": "  ack         a: when all sinks have it\n  cuts        N complete, 0 given up\n",
		"early": "  ack         a: at once (ack: early): a crash loses what is on its way and what is in memory\n",
		"none":  "",
	} {
		r := callWith("run", flow+".yaml")
		lines := strings.Join(regexp.MustCompile(`(?m)^  (ack|cuts) .*\n`).FindAllString(r.err, -1), "")
		if got := regexp.MustCompile(`[1-9]\d* complete`).ReplaceAllString(lines, "N complete"); r.code != 0 || got != want {
			t.Errorf("%s: %d, the report says\n%s\nwant\n%s", flow, r.code, r.err, want)
		}
	}
	type report struct {
		Acks map[string]string `json:"acknowledges"`
		Cuts *struct {
			Epoch    uint64
			Complete int64
		}
		Nodes []struct{ Epoch uint64 }
	}
	r := parse[report](t, callWith("run", "sinks.yaml", "--json").err)
	if r.Acks["a"] != "sinks" || r.Cuts == nil || r.Cuts.Epoch == 0 || r.Cuts.Complete == 0 || r.Nodes[1].Epoch == 0 {
		t.Errorf("the JSON of a run with cuts: %+v", r)
	}
	if r := parse[report](t, callWith("run", "none.yaml", "--json").err); r.Acks != nil || r.Cuts != nil || r.Nodes[1].Epoch != 0 {
		t.Errorf("the JSON of a run without: %+v", r)
	}
}

func TestPlanSaysWhoAcknowledges(t *testing.T) {
	folder(t, offers)
	for flow, want := range map[string]string{
		"sinks": "\nAcknowledgement\n  a (test.offer) acknowledges what it gives when all sinks have it\n\nSpeed",
		"early": "\nAcknowledgement\n  a (test.offer) acknowledges what it takes at once (ack: early): a crash loses what is on its way and what is in memory\n\nSpeed",
	} {
		if r := callWith("plan", flow+".yaml"); r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%s: %+v, want\n%s", flow, r, want)
		}
		if r := callWith("plan", flow+".yaml", "--json"); !strings.Contains(r.out, `"ack": "`+flow+`"`) {
			t.Errorf("%s: %+v", flow, r)
		}
	}
	if r := callWith("plan", "none.yaml"); r.code != 0 || strings.Contains(r.out, "cknowledge") {
		t.Errorf("nothing acknowledges: %+v", r)
	}
}

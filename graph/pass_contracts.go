package graph

import (
	"regexp"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that checks what edges promise, and their expressions.

// checkContracts checks the expressions of edges, which need the type that the
// edge carries.
func (c *compiler) checkContracts() {
	for _, e := range c.flow.Edges {
		c.isolate(e)
		c.checkAging(e)
		k := &e.Contract
		text, key := k.Priority, "priority"
		if k.Delay.Value != "" {
			text, key = k.Delay, "delay"
		}
		if text.Value == "" {
			continue
		}
		switch {
		case k.Priority.Value != "" && k.Delay.Value != "":
			c.list.Add(diag.Conflict, e.At, "an edge has a priority or a delay, not both").WithHint("put a node between: two edges, one contract each")
			continue
		case k.OnFull == "spill" || k.OnFull == "drop_oldest":
			c.list.Add(diag.Conflict, e.At, "%s does not go with on_full: %s: the oldest item is not the next one to leave", key, k.OnFull).
				WithHint("on_full may be block, drop_newest or fail here")
			continue
		}
		if key == "delay" && (k.DelayFor != 0 || durationText.MatchString(text.Value)) {
			c.fixedDelay(e)
			continue
		}
		infer := c.inference(e.To)
		k.Rank = infer.Expr(text, e.Type)
		want := types.Float
		if key == "delay" {
			want = types.Duration
		}
		if k.Rank.Want(want.Opt(), key, &c.list) {
			k.Rank = k.Rank.As(want.Opt())
		}
	}
}

// checkAging warns of aging where there is nothing that could age.
func (c *compiler) checkAging(e *Edge) {
	tree := c.contracts[e]
	if !tree.Has("aging") || tree.Has("priority") {
		return
	}
	c.list.Warn(diag.Ineffective, keySpan(tree, "aging", e.At), "%s has no effect on %s: the edge has no priority that it could raise", c.word("aging"), e).
		WithHint("%s", c.word("add `priority: EXPRESSION`, or leave `aging` out"))
}

// durationText is a duration of a flow file, of any length.
var durationText = regexp.MustCompile(`^[-+]?([0-9.]+(ns|us|µs|ms|s|m|h|d|w))+$`)

// fixedDelay is for a delay that is the same for all items. That of a program is there
// already.
func (c *compiler) fixedDelay(e *Edge) {
	text, d := e.Contract.Delay, e.Contract.DelayFor
	at := sourceText{text: text, at: e.At}.At(0, len(text.Value))
	var err error
	if d == 0 {
		d, err = quantity.Duration(text.Value)
	}
	switch {
	case err != nil:
		c.list.Add(diag.WrongValue, at, "%s is no duration that a delay can have", text.Value).WithHint("write 1m30s; the longest is 292 years")
	case d < 0:
		c.list.Add(diag.WrongValue, at, "a delay cannot be negative")
	}
	e.Contract.DelayFor = d
}

// isolate gives an edge that must not block a rule for what does not fit.
func (c *compiler) isolate(e *Edge) {
	k := &e.Contract
	if !k.Isolate {
		return
	}
	reorders := k.Priority.Value != "" || k.Delay.Value != ""
	switch {
	case k.Given && (k.OnFull == "block" || k.OnFull == "fail"):
		c.list.Add(diag.Conflict, e.At, "an isolated edge cannot have on_full: %s: a slow reader would hold up or stop the others", k.OnFull).
			WithHint("on_full may be spill, drop_newest or drop_oldest here")
	case !k.Given && reorders:
		c.list.Add(diag.Conflict, e.At, "an isolated edge with a priority or a delay cannot spill, so it must say what it drops").WithHint("add on_full: drop_newest")
	case !k.Given:
		k.OnFull, k.Given = "spill", true
	}
}

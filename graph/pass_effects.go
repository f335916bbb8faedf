package graph

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that warns of settings without effect.

// checkEffects warns of settings of the engine that are written and have no effect on
// their node, each at its place. What says no more than the default is left alone.
func (c *compiler) checkEffects() {
	for _, n := range c.flow.Nodes {
		if tree := c.written[n]; n.Spec != nil && tree != nil {
			c.checkEffectsOn(n, tree)
		}
	}
}

func (c *compiler) checkEffectsOn(n *Node, tree *config.Value) {
	acts := c.acting(n)
	idle := func(key, why, hint string) {
		if d := c.list.Warn(diag.Ineffective, keySpan(tree, key, n.At), "%s has no effect on %s: %s", c.word(key), n.ID, why); hint != "" {
			d.WithHint("%s", c.word(hint))
		}
	}
	e := &n.Engine
	if e.Workers.Max > 1 && !acts.Has(SettingWorkers) {
		idle("workers", oneWorker(n), "")
	}
	switch {
	case e.Order == "strict":
	case !acts.Has(SettingOrder):
		why, hint := onlyOrder(n)
		idle("order", why, hint)
	case e.Order == "key" && len(e.Key) > 0 && !acts.Has(SettingKey):
		why, hint := noKeys(n)
		idle("key", why, hint)
	}
	if e.Timeout > 0 && !acts.Has(SettingTimeout) {
		why, hint := untried(n, "timeout")
		idle("timeout", why, hint)
	}
	retry := tree.Get("retry")
	several := e.Retry.Attempts > 1
	if asked := several || e.Retry != DefaultEngine().Retry && !retry.Has("attempts"); asked && !acts.Has(SettingRetry) {
		why, hint := untried(n, "retry")
		idle("retry", why, hint)
	} else if asked && !several {
		idle("retry", "it does not say how many attempts there are, so there is one", "add `attempts: 3`, which counts the first one")
	}
	if e.Ack == AckEarly && !acts.Has(SettingAck) {
		why := n.Kind + " acknowledges nothing"
		switch {
		case len(n.In) > 0:
			why = "it is for sources"
		case n.Spec.Acks:
			why += " with these settings"
		}
		idle("ack", why, "")
	}
	fails := "no item can fail on " + n.Kind
	if tree.Has("on_error") && e.OnError != "fail" && !acts.Has(SettingOnError) {
		idle("on_error", fails, "")
	}
	if e.Breaker.Failures > 0 && e.OnError != "fail" && len(n.In) > 0 && !acts.Has(SettingBreaker) {
		idle("breaker", fails, "")
	}
}

// acting gives the settings that act on a node as it stands in the flow.
func (c *compiler) acting(n *Node) EngineSettings {
	acts := n.Spec.Acting()
	if a, ok := n.Config.(Acter); ok {
		acts = a.Acting(acts)
	}
	if !n.Acknowledges() {
		acts &^= SettingAck
	}
	if n.Engine.Workers == FixedWorkers(1) {
		acts &^= SettingOrder | SettingKey
	}
	for _, in := range n.In {
		values, converted := c.arriving(in)
		if values && (in.Go || in.Any) {
			acts &^= SettingKey // the engine looks into records alone
		}
		if converted {
			acts |= SettingOnError | SettingBreaker
		}
	}
	for _, out := range n.Out {
		for _, e := range out.Edges {
			if e.Contract.Rank == nil {
				continue
			}
			if acts |= SettingOnError; len(n.In) > 0 {
				acts |= SettingBreaker
			}
		}
	}
	return acts
}

// arriving reports whether Go values arrive at an input, and whether what arrives is
// converted there: to records, or to Go values. Where there is a mistake, it may be.
func (c *compiler) arriving(in *Input) (values, converted bool) {
	several := false // types, of which the kind makes one, that of records
	for _, e := range in.Edges {
		if e.From.Spec == nil || e.Type == nil || e.Type.Kind == types.KindError {
			converted = true
			continue
		}
		if c.goValues()[e.FromPort] {
			values = true
		}
		several = several || in.Edges[0].Type != nil && !types.Equal(e.Type, in.Edges[0].Type)
		converted = converted || !in.Any && c.goValues()[e.FromPort] != in.Go
	}
	return values, converted || in.Any && values && several
}

// goValues finds the outputs by which Go values leave, forward: a port that takes
// anything gives what arrives.
func (c *compiler) goValues() map[*Output]bool {
	if c.values != nil {
		return c.values
	}
	c.values = map[*Output]bool{}
	for _, n := range c.flow.Nodes {
		arrive := false
		for _, in := range n.In {
			values, converted := c.arriving(in)
			arrive = arrive || in.Go || in.Any && values && !converted
		}
		for _, out := range n.Out {
			c.values[out] = out.Go || out.Any && arrive
		}
	}
	return c.values
}

// oneWorker says why a node has one worker.
func oneWorker(n *Node) string {
	if len(n.In) == 0 {
		return n.Kind + " always has one worker, because it makes one item after the other"
	}
	return n.Kind + " always has one worker, because it works on one item after the other"
}

// onlyOrder says why nothing but the order of the input is possible, and what to do.
func onlyOrder(n *Node) (why, hint string) {
	if n.Spec.Workers == Single {
		return n.Kind + " always has one worker, which keeps the order", ""
	}
	return "its one worker keeps the order", "give it more workers, or leave `order` out"
}

// noKeys says why keys do not share items out among workers, and what to do.
func noKeys(n *Node) (why, hint string) {
	if len(n.In) == 0 {
		return n.Kind + " is a source: it reads no items that could have a key", "leave `order` and `key` out"
	}
	return fmt.Sprintf("%s is given Go values, whose fields the engine does not look at, so one worker gets them all", n.Kind),
		"leave `order` and `key` out; the order of the input is kept then"
}

// untried says why there are no tries of items for timeout or retry, and what to do.
func untried(n *Node, key string) (why, hint string) {
	s := n.Spec
	switch {
	case s.Untried == KeepsState:
		return n.Kind + " " + s.Untried, "do what may fail in a node before it"
	case s.Untried != "":
		return n.Kind + " " + s.Untried, ""
	case len(n.In) == 0:
		return n.Kind + " is a source: there are no items yet that it could try", ""
	case s.Lines.Fails == "never":
		return "no item can fail on " + n.Kind + ", and it waits for nothing outside of the flow", ""
	case n.In[0].Go:
		return n.Kind + " gives its items no tries of their own", ""
	case key == "timeout":
		return n.Kind + " works on whole batches of records, and an expression waits for nothing", ""
	}
	return n.Kind + " works on whole batches of records, and an expression gives the same result each time", ""
}

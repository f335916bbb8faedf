package graph

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/diag"
)

// passOver is the advice for a node whose flow is not to stop at the first item that fails.
const passOver = "write on_error: skip, or on_error: dead and read %s." + ErrorPort

// This file is the pass that checks rate, breaker and batch.

// checkProtection looks at rate, breaker and batch: whether they mean anything on
// their node. By now it is known what becomes of items that fail.
func (c *compiler) checkProtection() {
	for _, n := range c.flow.Nodes {
		if n.Spec != nil {
			c.checkBatching(n)
			c.checkBreaker(n)
		}
	}
}

func (c *compiler) checkBatching(n *Node) {
	b := n.Engine.Batch
	if !b.Given() {
		return
	}
	most, hint := maxBatch, "the kind `batch` makes lists of any length, each of which is one item"
	if len(n.In) > 0 && n.In[0].Go {
		most, hint = maxGoBatch, "a larger one is no faster"
	}
	switch {
	case n.Engine.Order == "key":
		c.list.Add(diag.Conflict, b.At, "batch does not go with order: key: each worker gets the items of its keys only").
			WithHint("leave `order` out; the order of the input is kept then")
	case len(n.In) == 0:
		c.list.Add(diag.Conflict, b.At, "%s reads nothing that could be put together: %s is a source", n.ID, n.Kind).
			WithHint("write `batch` on the node that reads %s", n.ID)
	case b.Count > most:
		c.list.Add(diag.WrongValue, b.At, "%s takes at most %d items at once, got count: %d", n.Kind, most, b.Count).WithHint("%s", hint)
	}
}

func (c *compiler) checkBreaker(n *Node) {
	b := n.Engine.Breaker
	switch {
	case b.Failures == 0:
	case len(n.In) == 0:
		c.list.Add(diag.Conflict, b.At, "%s takes no items that a breaker could hold back: %s is a source", n.ID, n.Kind)
	case n.Engine.OnError == "fail" && !c.acting(n).Has(SettingBreaker):
		c.list.Add(diag.Conflict, b.At, "the breaker never opens: no item can fail on %s", n.Kind).WithHint("leave it out")
	case n.Engine.OnError == "fail":
		c.list.Add(diag.Conflict, b.At, "the breaker never opens: the first item that fails stops the flow").
			WithHint("%s", fmt.Sprintf(c.word(passOver), n.ID))
	}
}

package scheduler

import (
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/control"
)

// This file has the number of workers follow the load.

// follow follows the load of every elastic node until over is closed. limit is how many
// workers the flow may have at work; 0: any number.
func follow(all []*driver, limit int, life *lifetime, over <-chan struct{}) {
	var elastic []*elasticNode
	for _, n := range all {
		if n.workers.Elastic() {
			elastic = append(elastic, &elasticNode{n: n, limit: limit})
		}
	}
	if len(elastic) == 0 {
		return
	}
	cores := control.CoreMeter{Used: elastic[0].n.options.cpu}
	ticker := time.NewTicker(control.SampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-life.ctx.Done():
			return
		case <-ticker.C:
		}
		share := cores.Share(time.Now())
		for _, c := range elastic {
			c.sample(share)
		}
	}
}

// An elasticNode is a node with its autoscaler and what it had counted at the last sample.
type elasticNode struct {
	n      *driver
	limit  int          // of the flow
	port   *graph.Input // that was read at the last sample
	scaler control.Autoscaler

	done, busy, blocked int64
}

func (c *elasticNode) sample(cores float64) {
	p := c.n.workforce()
	if p == nil {
		return
	}
	reads := c.n.intake.reads.Load()
	if reads == nil || len(*reads) == 0 {
		return
	}
	count := &c.n.count
	if port := (*reads)[0].spec.ToPort; port != c.port { // other inputs have other costs
		high := c.n.workers.Max
		if c.limit > 0 {
			high = max(c.n.workers.Min, min(high, c.limit)) // more would only wait to be let in
		}
		c.port, c.scaler = port, control.Autoscaler{Low: c.n.workers.Min, High: high}
		c.done, c.busy, c.blocked = count.Done(), count.Busy.Load(), count.Blocked.Load()+count.Limited.Load()
	}
	x := control.Sample{Now: time.Now(), Workers: p.staying(), Cores: cores}
	done, busy, blocked := count.Done(), count.Busy.Load(), count.Blocked.Load()+count.Limited.Load()
	x.Done, c.done = done-c.done, done
	x.Busy, c.busy = time.Duration(busy-c.busy), busy
	if x.Blocked, c.blocked = time.Duration(blocked-c.blocked), blocked; c.n.heldBack.Load() {
		x.Blocked = control.SampleEvery // for longer than that, perhaps
	}
	for _, e := range *reads {
		items := e.count.Items.Load()
		x.Inside += items
		x.Full = x.Full || e.waiting.Load() || items*10 >= e.capacity*9
	}
	x.Inside += max(0, count.In.Load()-done)
	before := x.Workers
	if n := c.scaler.Next(x); n != before && p.resize(n) {
		count.Resized.Add(1)
		count.Most.Store(max(count.Most.Load(), int64(n)))
		c.n.options.Events.Info("workers changed", "node", c.n.spec.ID, "from", before, "to", n, "waiting", x.Waiting())
	}
}

package advise

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// This file says in words what a model found.

// Say names what bounds the flow, in a sentence.
func (m *Model) Say() string {
	p := m.Predict()
	switch p.Bound {
	case CPUs:
		return m.sayCPUs()
	case Limits:
		return fmt.Sprintf("limits.workers bounds the flow: only %s may run at once", plural(m.AtOnce, "task", "tasks"))
	case NoBound:
		return "what bounds the flow is not known: no cost was measured or given"
	}
	n := &m.Nodes[p.Node]
	if p.Bound == Rate {
		return fmt.Sprintf("%s bounds the flow: its rate lets an item through every %s", n.ID, Duration(n.Pace/max(n.Visits, 1e-12)))
	}
	text := fmt.Sprintf("%s bounds the flow: %s", n.ID, m.sayBusy(n))
	switch {
	case p.Bound == Serial:
		text += fmt.Sprintf(", and %s of it is done by one worker at a time", percent(n.Serial/n.Busy))
	case n.Fixed && !n.Source:
		text += fmt.Sprintf("; a %s has one worker", n.Kind)
	}
	return text
}

// sayBusy says what a node spends on an item, and on what.
func (m *Model) sayBusy(n *Node) string {
	verb := "its worker takes"
	switch {
	case n.Source && n.Fixed && n.Waits() > 0.5:
		return "the source gives an item every " + Duration(n.Limit()/max(n.Visits, 1e-12))
	case n.Workers > 1:
		verb = fmt.Sprintf("its %d workers take", n.Workers)
	}
	text := fmt.Sprintf("%s %s for an item", verb, Duration(n.Cost()))
	switch waits := n.Waits(); {
	case !n.Clear:
		return text
	case waits >= 0.9:
		return text + ", nearly all of it waiting"
	case waits > 0.5:
		return text + fmt.Sprintf(", %s of it waiting", percent(waits))
	case n.Queued > 0.2*n.Busy:
		return text + fmt.Sprintf(", computing, held up by other programs for %s of it", percent(n.Queued/n.Busy))
	case waits > 0.2:
		return text + fmt.Sprintf(", %s of it computing", percent(1-waits))
	}
	return text + ", computing"
}

// sayCPUs says who uses the cores.
func (m *Model) sayCPUs() string {
	order := make([]int, len(m.Nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := m.Nodes[a].CPU, m.Nodes[b].CPU; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	total := m.CPU()
	var parts []string
	for _, i := range order[:min(3, len(order))] {
		if n := &m.Nodes[i]; n.Clear && n.CPU >= 0.1*total {
			parts = append(parts, fmt.Sprintf("%s uses %s of it", n.ID, percent(n.CPU/total)))
		}
	}
	cores := "the processor bounds the flow: its one core computes"
	if m.Cores > 1 {
		cores = fmt.Sprintf("the processor bounds the flow: its %d cores compute", m.Cores)
	}
	text := fmt.Sprintf("%s %s for an item of the sources", cores, Duration(total))
	if len(parts) > 0 {
		text += "; " + strings.Join(parts, ", ")
	}
	return text
}

// Remedies says what else could make the flow faster where more workers cannot.
func (m *Model) Remedies() []string {
	p := m.Predict()
	if p.Node < 0 {
		if p.Bound == CPUs {
			return []string{"more workers share the same cores: a machine with more of them, or less to compute, would help"}
		}
		if p.Bound == Limits {
			return []string{"a higher limits.workers, if the machine may be used more"}
		}
		return nil
	}
	n := &m.Nodes[p.Node]
	switch {
	case p.Bound == Rate && n.Source:
		return nil // what it gives is all there is
	case p.Bound == Rate:
		return []string{fmt.Sprintf("a higher rate on %s, if what it calls may be asked more often", n.ID)}
	case n.Source && n.Fixed:
		return []string{fmt.Sprintf("the flow keeps up with %s; nothing after it has to be faster", n.ID)}
	case n.Fixed:
		return []string{fmt.Sprintf("%s works on one item at a time, by its nature: put less before it (filter first, aggregate first), or deal its items out to several nodes by partition", n.ID)}
	case p.Bound == Serial:
		return []string{fmt.Sprintf("the serial part of %s keeps the order of its input or holds its state: put less before it, or deal its items out to several nodes by partition", n.ID)}
	}
	return nil
}

// Duration writes nanoseconds with three digits: 35 ns, 1.24 µs, 3 ms.
func Duration(ns float64) string {
	if ns >= 60e9 {
		return time.Duration(ns).Round(time.Second).String()
	}
	for _, unit := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= 0.9995*unit.ns {
			return digits(ns/unit.ns) + " " + unit.name
		}
	}
	return digits(ns) + " ns"
}

// digits writes three digits, without zeros at the end.
func digits(x float64) string {
	places := 2
	switch {
	case x >= 99.95:
		places = 0
	case x >= 9.995:
		places = 1
	}
	text := fmt.Sprintf("%.*f", places, x)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", math.Round(100*share)) }

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

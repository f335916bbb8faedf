package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// randomFlow writes a flow of the kinds of cutKinds: some sources, a random graph behind
// them with every kind of edge, and sinks that read what nobody else does.
func randomFlow(r *rand.Rand) string {
	w := &flowWriter{Rand: r}
	w.text.WriteString("flow: test\nnodes:\n")
	for i := range 1 + r.IntN(3) {
		kind, settings := "feed", ""
		if r.IntN(3) == 0 {
			kind = "feeds"
			settings = []string{", workers: 3", ", workers: 3, order: none", ", workers: 2", ", workers: 7, order: none"}[r.IntN(4)]
		}
		w.node(fmt.Sprintf("feed%d", i), kind, fmt.Sprintf("%d+%d", i*100_000, 20+r.IntN(100)), "", w.sourceSettings()+settings, "out")
	}
	for i := range 1 + r.IntN(6) {
		w.middle(fmt.Sprintf("n%d", i))
	}
	for i := 0; len(w.unread) > 0; i++ {
		var in []string
		errors := strings.HasSuffix(w.unread[0], ".errors")
		for _, port := range slices.Clone(w.unread) {
			if strings.HasSuffix(port, ".errors") == errors && (len(in) == 0 || r.IntN(2) == 0) {
				in = append(in, w.edge(port))
				w.read(port)
			}
		}
		kind := "serial"
		settings := ""
		if r.IntN(3) == 0 {
			kind, settings = "crew", w.crewSettings(errors)
		}
		w.node(fmt.Sprintf("sink%d", i), kind, "none", "["+strings.Join(in, ", ")+"]", settings)
	}
	return w.text.String()
}

type flowWriter struct {
	*rand.Rand
	text   strings.Builder
	ports  []string // that can be read
	unread []string // of these

	lossless bool // nothing that drops items, or makes something else of them
}

// node writes a node with some outputs.
func (w *flowWriter) node(id, kind, mode, in, settings string, outs ...string) {
	if in != "" {
		in = ", in: " + in
	}
	fmt.Fprintf(&w.text, "  %s: {use: %s, with: {mode: %s}%s%s}\n", id, kind, mode, in, settings)
	for _, out := range outs {
		w.unread = append(w.unread, id+"."+out)
		if out != "errors" {
			w.ports = append(w.ports, id+"."+out)
		}
	}
}

func (w *flowWriter) read(port string) {
	if i := slices.Index(w.unread, port); i >= 0 {
		w.unread = slices.Delete(w.unread, i, i+1)
	}
}

// middle writes a node that reads others and can be read.
func (w *flowWriter) middle(id string) {
	mode := []string{"same", "twice", "odd", "fork", "bad", "third", "ends"}[w.IntN(7)]
	if w.IntN(25) == 0 {
		mode = "head"
	}
	if w.lossless {
		mode = []string{"same", "twice", "odd", "fork"}[w.IntN(4)]
	}
	outs := []string{"out"}
	settings := ""
	switch mode {
	case "fork":
		outs = append(outs, "other")
	case "bad":
		outs, settings = append(outs, "errors"), ", on_error: dead"
	}
	if !w.lossless && w.IntN(6) == 0 {
		// A source of its own, so that the flow cannot block for good.
		w.node(id+"r", "feed", fmt.Sprintf("%d+%d", 10_000_000, 5+w.IntN(20)), "", w.sourceSettings())
		left := w.ports[w.IntN(len(w.ports))]
		w.read(left)
		w.node(id, "right", "right", fmt.Sprintf("{left: %s, right: %sr}", w.edge(left), id), w.batch(), "out")
		return
	}
	var in []string
	for range 1 + w.IntN(3) {
		port := w.ports[w.IntN(len(w.ports))]
		if !slices.ContainsFunc(in, func(e string) bool { return strings.Contains(e, port+",") || strings.Contains(e, port+"}") }) {
			in = append(in, w.edge(port))
			w.read(port)
		}
	}
	list := "[" + strings.Join(in, ", ") + "]"
	kind := []string{"serial", "crew", "crew", "chain", "timed"}[w.IntN(5)]
	if w.lossless && kind == "timed" {
		kind = "serial"
	}
	if mode == "third" || mode == "head" {
		kind = "serial"
	}
	if kind == "crew" {
		settings += w.crewSettings(false)
	} else {
		settings += w.batch()
	}
	w.node(id, kind, mode, list, settings, outs...)
}

func (w *flowWriter) sourceSettings() string {
	if w.IntN(8) == 0 {
		return fmt.Sprintf(", rate: %d/s", 500+w.IntN(3000))
	}
	return ""
}

func (w *flowWriter) crewSettings(errors bool) string {
	s := []string{"", ", workers: 2", ", workers: 7", ", workers: {min: 1, max: 4}"}[w.IntN(4)]
	switch w.IntN(3) {
	case 0:
		return s + ", order: none" + w.batch()
	case 1:
		key := "key"
		if errors {
			key = "item"
		}
		if s == "" || strings.Contains(s, "{") {
			return s
		}
		return s + ", order: key, key: " + key
	}
	return s + w.batch()
}

func (w *flowWriter) batch() string {
	switch w.IntN(5) {
	case 0:
		return fmt.Sprintf(", batch: {count: %d}", 1+w.IntN(12))
	case 1:
		return fmt.Sprintf(", batch: {count: %d, period: %dms}", 1+w.IntN(30), 1+w.IntN(6))
	}
	return ""
}

// edge writes an edge with a contract.
func (w *flowWriter) edge(port string) string {
	contract := ""
	errors := strings.HasSuffix(port, ".errors")
	choice := w.IntN(9)
	if w.lossless && (choice == 1 || choice == 2) {
		choice += 2
	}
	switch choice {
	case 0:
		contract = ", on_full: spill, capacity: " + w.size()
	case 1:
		contract = ", on_full: drop_newest, capacity: " + w.size()
	case 2:
		contract = ", on_full: drop_oldest, capacity: " + w.size()
	case 3:
		if !errors {
			contract = ", priority: n % 7, capacity: " + w.size()
		}
	case 4:
		contract = ", delay: " + fmt.Sprint(1+w.IntN(8)) + "ms, capacity: " + w.size()
	case 5, 6:
		contract = ", capacity: " + w.size()
	}
	return "{from: " + port + contract + "}"
}

func (w *flowWriter) size() string { return fmt.Sprint(1 + w.IntN(20)) }

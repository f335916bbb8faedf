package flowrun

import (
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file puts hints of the compiler, which are for flow files, in the words of a Go
// program.

// optionOf is what stands in a Go program for a key of a flow file, with the hint if
// that of a flow file would not help.
var optionOf = map[string]struct{ name, hint string }{
	"workers": {"Workers", ""}, "order": {"Unordered", ""}, "timeout": {"Timeout", ""}, "retry": {"Retry", ""},
	"on_error": {"OnError", ""}, "breaker": {"Breaker", ""}, "ack": {"AckEarly", ""}, "aging": {"Aging", "give Priority as well, or leave Aging out"},
}

// explain gives hints in the words of a Go program where those of a flow file
// would not help.
func explain(g *Graph, d *diag.Diagnostic) {
	switch d.Code {
	case diag.UnknownKind:
		if len(g.packs) == 0 {
			d.WithHint("give the graph the packs that have it: flowrun.New(name, std.Nodes)")
		}
	case diag.PortUnwired:
		d.WithHint(`give Use a stream, or several, each as flowrun.In("port", stream)`)
	case diag.UnusedOutput:
		d.WithHint("read it, or end it with flowrun.Drop")
	case diag.UnknownPort:
		if !d.Hint.IsZero() {
			d.WithHint(`%s; ports are named by flowrun.In("port", stream) and records.Port("port")`, d.Hint)
		}
	case diag.Deadlock:
		d.WithHint("leave out OnFull(Block) there: the edge then holds more than its capacity")
	case diag.LostByCrash:
		d.Hint = d.Hint.With("give the option AckEarly to " + d.Hint.Setting.Node)
	case diag.Ineffective:
		key, rest, _ := strings.Cut(d.Message, " has no effect on ")
		if o, ok := optionOf[key]; ok && rest != "" {
			d.Message = o.name + " has no effect on " + rest
			if o.hint != "" {
				d.WithHint("%s", o.hint)
			}
		}
	case diag.Conflict:
		if strings.HasPrefix(d.Message, "initial_interval ") {
			words := strings.NewReplacer("initial_interval", "InitialInterval", "max_interval", "MaxInterval")
			d.Message, d.Hint = words.Replace(d.Message), diag.Hint{Text: words.Replace(d.Hint.Text)}
		}
	case diag.TypeMismatch:
		if d.Hint.IsZero() {
			d.WithHint("fields are paired by name: that of the tag `flow` or `json`, else the Go name in snake case")
		}
	}
}

package flowrun

import "github.com/flowrun/flowrun/graph/diag"

// This file puts what the compiler says, in the words of flow files, into those of a Go
// program.

// words are what a Go program calls the keys of a flow file, and what it does in place of
// writing them.
var words = map[string]string{
	"workers": "Workers", "order": "Unordered", "timeout": "Timeout", "retry": "Retry", "on_error": "OnError", "breaker": "Breaker",
	"ack": "AckEarly", "aging": "Aging", "initial_interval": "InitialInterval", "max_interval": "MaxInterval",
	"add `attempts: 3`, which counts the first one":              "set Attempts, which counts the first one",
	"give it more workers, or leave `order` out":                 "give it more Workers, or leave Unordered out",
	"write on_error: skip, or on_error: dead and read %s.errors": "give OnError(Skip), or read Errors or Failures of %s",
	"write `ack: early` on":                                      "give the option AckEarly to",
	"add `priority: EXPRESSION`, or leave `aging` out":           "give Priority as well, or leave Aging out",
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
	case diag.TypeMismatch:
		if d.Hint.IsZero() {
			d.WithHint("fields are paired by name: that of the tag `flow` or `json`, else the Go name in snake case")
		}
	}
}

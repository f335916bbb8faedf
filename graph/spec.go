package graph

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/types"
)

// A Spec says what a kind is: for checking, for drawing, for the catalogue. It is
// made once, from the same struct that holds the settings.
type Spec struct {
	Kind    string // such as "file.read"
	Summary string // one sentence
	Doc     string // paragraphs, Markdown; may be empty
	In, Out []Port
	Config  *config.Schema
	Dead    *types.Type // Go values that leave its error port; nil: records of ErrorItem

	Workers     Workers
	Tries       bool           // its code gives each item the tries of its node, so timeout and retry act: see Spec.Acting
	Idle        EngineSettings // engine settings that do not act although they mostly do
	Untried     string         // why timeout and retry do not act, if that is not plain: it completes "KIND ..."
	Interleaves bool           // the order of its output depends on timing
	Conserves   bool           // every item that comes in goes out once, or is counted as filtered
	Pure        bool           // the same input gives the same output, and nothing else happens
	Holds       string         // what it keeps in memory that grows with its input; "": nothing
	Keeps       string         // what else it keeps from one item to the next that is not to be lost; "": nothing
	Returns     bool           // what it holds and keeps are items that leave again: see nodes.Holder
	Passes      bool           // every item that comes in leaves by an output, with all that the type of the output has of it; or fails
	Loses       string         // it does so, but for some, of which this sentence says which; more is said by a Passer
	Acks        bool           // it is a source that is told when what it gave has arrived for good, if its settings do not say otherwise: see Acker
	Lines       Lines
	Examples    []Example
}

// State is what a kind keeps in memory that a crash would lose, and that nobody gives
// again once a source has acknowledged it; "" if nothing.
func (s *Spec) State() string {
	switch {
	case s.Returns:
		return ""
	case s.Holds != "":
		return s.Holds
	}
	return s.Keeps
}

// A Port is an input or an output of a kind.
type Port struct {
	Name      string
	Doc       string
	Type      *types.Type // what an input asks for, what an output gives; nil: the kind infers it
	Arity     Arity
	ReadOrder ReadOrder
	Go        bool // its items are Go values; records are turned into them
	Any       bool // takes Go values and records alike, and looks into neither
	Side      bool // an output that need not be read, such as the unmatched of a join
}

// Arity is how many edges an input port takes.
type Arity uint8

const (
	One      Arity = iota // exactly one
	Optional              // none or one
	Many                  // one or more, in the order of the file
)

// ReadOrder says in which order a node reads its inputs; the deadlock pass needs
// it.
type ReadOrder uint8

const (
	Free     ReadOrder = iota // whatever is there
	First                     // to its end before any other port
	InOrder                   // a Many port: one edge to its end, then the next
	Together                  // a Many port: one item of each edge at a time
)

// Workers says how many goroutines may work on a node.
type Workers uint8

const (
	Any     Workers = iota // as many as the flow says, one if it does not
	Single                 // always one
	PerCore                // as many as the flow says, one a core if it does not
)

// Acker is implemented by settings structs of kinds that acknowledge (Spec.Acks), if that
// depends on their values. It is called after Infer.
type Acker interface{ Acks() bool }

// Finite is implemented by settings structs of kinds that acknowledge, if their sources may have
// an end of their own. What leads to a sink that keeps nothing before the run has ended is
// acknowledged then: a source that has an end can wait for that. It is called after Infer.
type Finite interface{ Finite() bool }

// Manner is implemented by settings structs of kinds whose nodes have more workers than one,
// or as many as the load asks for, where neither the flow nor the call of the run says how
// many. It is called after Infer.
type Manner interface{ Workers() WorkerRange }

// Withholder is implemented by settings structs of sinks that may throw away what they
// wrote when the process is killed before the run has ended, however often it was flushed.
// remedy is what to add to the settings against it, such as "`append: true`", "" if there is
// nothing; withholds is false where what was flushed outlives a kill. It is called after
// Infer.
type Withholder interface {
	Withholds(dir func(path string) string) (remedy string, withholds bool)
}

// Lines are the four sentences that every kind states.
type Lines struct{ Emits, Waits, Ends, Fails string }

// An Example is a flow that the tests run and the docs show.
type Example struct {
	Title string
	Flow  string            // YAML
	Files map[string]string // read by the flow
	Want  map[string]string // written by the flow; "-" is standard output
	Peer  string            // who it talks to, in a sentence, "" if to nobody: whoever tries it needs that peer
	// Answers are those of the servers that the flow talks to, by method and address, such
	// as "GET http://shop.example/items/7". Of a server that is written to, Want has what
	// it was sent, under the same name.
	Answers map[string]string
}

// A Catalog knows the kinds. Package nodes implements it.
type Catalog interface {
	Spec(kind string) (*Spec, bool)
	Kinds() []string     // sorted
	New(kind string) any // a settings struct with its defaults, nil if there is no such kind
}

// ErrorPort is the port that every node has besides its own outputs.
const ErrorPort = "errors"

// ErrorItem is the type of what leaves an error port.
var ErrorItem = types.Record(
	types.Field{Name: "node", Type: types.String},
	types.Field{Name: "error", Type: types.String},
	types.Field{Name: "item", Type: types.Any},          // as JSON; a line that could not be read is a string
	types.Field{Name: "file", Type: types.String.Opt()}, // where it was read from
	types.Field{Name: "line", Type: types.Int.Opt()},
	types.Field{Name: "attempts", Type: types.Int},
	types.Field{Name: "time", Type: types.Time},
	types.Field{Name: "stack", Type: types.String.Opt()}, // where its function panicked
).Named("Error")

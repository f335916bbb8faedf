package graph

import "strings"

// Acts is a set of the engine's settings of a node: those that have an effect on it.
type Acts uint16

// The settings, in the order of Engine.
const (
	ActsWorkers Acts = 1 << iota
	ActsOrder
	ActsKey
	ActsTimeout
	ActsRetry
	ActsOnError
	ActsRate
	ActsBreaker
	ActsBatch
	ActsAck
)

// ActsTries are the settings of kinds whose code gives each item the tries of its node,
// by nodes.Env.Tries.
const ActsTries = ActsTimeout | ActsRetry

// Reasons for Spec.Untried that several kinds share.
const (
	KeepsState = "keeps a state, which a try that failed may have changed"
	NoErrors   = "calls a function that takes no context and returns no error"
)

// Has reports whether the set has all of some settings.
func (a Acts) Has(some Acts) bool { return a&some == some }

// Names lists the settings as a flow file calls them.
func (a Acts) Names() []string {
	var names []string
	next := Acts(1)
	for _, name := range engineSchema().Names() {
		if name == "about" { // says something, and does nothing
			continue
		}
		if a.Has(next) {
			names = append(names, name)
		}
		next <<= 1
	}
	return names
}

// String is such as "rate, batch".
func (a Acts) String() string { return strings.Join(a.Names(), ", ") }

// Acter is implemented by settings structs on whose values it depends which of the
// engine's settings act. It is called after Infer, with those that act on the kind,
// and takes away what does not act on this node.
type Acter interface{ Acting(on Acts) Acts }

// Acting gives the settings of the engine that act on a kind.
//
//	rate             always
//	batch            if it has an input
//	workers, order   unless it always has one worker
//	key              the same, if it has an input
//	on_error         if an item can fail on it: unless it says that it never fails, or
//	                 is a source of Go values, whose items are there or not
//	breaker          the same, if it has an input
//	timeout, retry   if Acts has them
//	ack              if it acknowledges
//
// Idle has what is otherwise with the kind.
//
// Items that are converted on the way to a node, or ranked on the way from it, are
// items of the node that can fail although the kind never does.
func (s *Spec) Acting() Acts {
	acts := s.Acts | ActsRate
	reads := len(s.In) > 0
	if reads {
		acts |= ActsBatch
	}
	if s.Workers != Single {
		acts |= ActsWorkers | ActsOrder
		if reads {
			acts |= ActsKey
		}
	}
	if s.itemsFail() {
		acts |= ActsOnError
		if reads {
			acts |= ActsBreaker
		}
	}
	if s.Acks {
		acts |= ActsAck
	}
	return acts &^ s.Idle
}

func (s *Spec) itemsFail() bool {
	if s.Lines.Fails == "never" {
		return false
	}
	for _, p := range s.Out {
		if len(s.In) == 0 && p.Go {
			return false
		}
	}
	return true
}

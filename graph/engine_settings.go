package graph

import "strings"

// EngineSettings is a set of the settings that the engine acts on: those that have an
// effect on a node, or on every node of a kind.
type EngineSettings uint16

// The settings, in the order of Engine.
const (
	SettingWorkers EngineSettings = 1 << iota
	SettingOrder
	SettingKey
	SettingTimeout
	SettingRetry
	SettingOnError
	SettingRate
	SettingBreaker
	SettingBatch
	SettingAck
)

// SettingTries are the settings of kinds whose code gives each item the tries of its node,
// by nodes.Env.Tries.
const SettingTries = SettingTimeout | SettingRetry

// Reasons for Spec.Untried that several kinds share.
const (
	KeepsState = "keeps a state, which a try that failed may have changed"
	NoErrors   = "calls a function that takes no context and returns no error"
)

// Has reports whether the set has all of some settings.
func (a EngineSettings) Has(some EngineSettings) bool { return a&some == some }

// Names lists the settings as a flow file calls them.
func (a EngineSettings) Names() []string {
	var names []string
	next := EngineSettings(1)
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
func (a EngineSettings) String() string { return strings.Join(a.Names(), ", ") }

// Acter is implemented by settings structs on whose values it depends which of the
// engine's settings act. It is called after Infer, with those that act on the kind,
// and takes away what does not act on this node.
type Acter interface {
	Acting(on EngineSettings) EngineSettings
}

// Acting gives the settings of the engine that act on a kind.
//
//	rate             always
//	batch            if it has an input
//	workers, order   unless it always has one worker
//	key              the same, if it has an input
//	on_error         if an item can fail on it: unless it says that it never fails, or
//	                 is a source of Go values, whose items are there or not
//	breaker          the same, if it has an input
//	timeout, retry   if its code gives items their tries: see Tries
//	ack              if it acknowledges
//
// Idle has what is otherwise with the kind.
//
// Items that are converted on the way to a node, or ranked on the way from it, are
// items of the node that can fail although the kind never does.
func (s *Spec) Acting() EngineSettings {
	acts := SettingRate
	if s.Tries {
		acts |= SettingTries
	}
	reads := len(s.In) > 0
	if reads {
		acts |= SettingBatch
	}
	if s.Workers != Single {
		acts |= SettingWorkers | SettingOrder
		if reads {
			acts |= SettingKey
		}
	}
	if s.itemsFail() {
		acts |= SettingOnError
		if reads {
			acts |= SettingBreaker
		}
	}
	if s.Acks {
		acts |= SettingAck
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

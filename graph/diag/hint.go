package diag

import (
	"cmp"
	"strings"
)

// A Hint says what to do about a problem. Most are a text. Where one tells to call a verb
// of the command, or to write a setting on a node, that stands as data within the text:
// only who shows the hint knows what the command is called and how settings are written.
type Hint struct {
	Text    string   // what stands before the call or the setting; all of it without either
	Verb    string   // of the command that is to be called; "": none
	Args    []string // of the verb, as they are typed in a shell
	Setting Setting  // that is to be written; zero: none
	Rest    string   // what stands after the call or the setting
}

// A Setting is a key of a node with a value.
type Setting struct{ Node, Key, Value string }

// String tells to write the setting into a flow file.
func (s Setting) String() string { return "write `" + s.Key + ": " + s.Value + "` on " + s.Node }

// IsZero reports whether there is no hint.
func (h Hint) IsZero() bool {
	return h.Text == "" && h.Verb == "" && h.Setting == (Setting{}) && h.Rest == ""
}

// With gives the hint with words in place of the call or the setting. One without either
// stays as it is.
func (h Hint) With(words string) Hint {
	if h.Verb == "" && h.Setting == (Setting{}) {
		return h
	}
	return Hint{Text: h.Text + words + h.Rest}
}

// For gives the hint as a text for somebody who calls the command by a name; "" is the
// one that its authors gave it.
func (h Hint) For(command string) string {
	words := strings.Join(append([]string{cmp.Or(command, "flowrun"), h.Verb}, h.Args...), " ")
	if h.Setting != (Setting{}) {
		words = h.Setting.String()
	}
	return h.With(words).Text
}

// String is For somebody of whom nothing is known.
func (h Hint) String() string { return h.For("") }

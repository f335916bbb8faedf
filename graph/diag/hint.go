package diag

import (
	"cmp"
	"strings"
)

// A Hint says what to do about a problem. Most are a text. Where one tells to call a verb
// of the command, that stands as data within the text: only who shows the hint knows what
// the command is called.
type Hint struct {
	Text string   // what stands before the call; all of it without one
	Verb string   // of the command that is to be called; "": none
	Args []string // of the verb, as they are typed in a shell
	Rest string   // what stands after the call
}

// IsZero reports whether there is no hint.
func (h Hint) IsZero() bool { return h.Text == "" && h.Verb == "" }

// For gives the hint as a text for somebody who calls the command by a name; "" is the
// one that its authors gave it.
func (h Hint) For(command string) string {
	if h.Verb == "" {
		return h.Text
	}
	call := strings.Join(append([]string{cmp.Or(command, "flowrun"), h.Verb}, h.Args...), " ")
	return h.Text + call + h.Rest
}

// String is For somebody of whom nothing is known.
func (h Hint) String() string { return h.For("") }

// MarshalText gives the hint as String does, for whoever shows it as a value.
func (h Hint) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads a hint that MarshalText wrote. A call in it is part of the text then.
func (h *Hint) UnmarshalText(text []byte) error {
	*h = Hint{Text: string(text)}
	return nil
}

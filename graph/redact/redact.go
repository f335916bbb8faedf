package redact

import (
	"slices"
	"strings"
)

// This file makes redactors, which also hide values that they were told of.

// Mask stands where a secret stood.
const Mask = "•••"

// A Redactor hides secrets. The zero value knows the list of names and nothing else,
// as the functions of this package do.
type Redactor struct {
	names   []string // as folded gives them, to be hidden too
	secrets []string
}

// standard goes by the list of names alone.
var standard = &Redactor{}

// shortestSecret is how long a text must be to be hidden wherever it appears: the
// parts of shorter ones are everywhere.
const shortestSecret = 4

// New gives a Redactor that also hides the values under more names, each spelled in
// whatever way, and texts that are known to be secret, wherever they appear. Texts of
// less than four bytes are left alone.
func New(names, secrets []string) *Redactor {
	r := &Redactor{}
	for _, name := range names {
		r.names = append(r.names, folded(name))
	}
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			r.secrets = append(r.secrets, s)
		}
	}
	// A secret may be part of another one.
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r
}

// withoutKnown hides the texts that are known to be secret.
func (r *Redactor) withoutKnown(text string) string {
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, Mask)
	}
	return text
}

package config

import (
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file finds secrets that are written where everybody can read them.

// A WrittenSecret is a setting for a secret, or the password in an address, whose text
// stands in the flow itself.
type WrittenSecret struct {
	Name     string // of the setting, or the key of a mapping of secrets
	Text     string
	At       diag.Span
	Free     bool // it need not be a secret: its name tells, such as that of a header
	Address  bool // the password of an address
	InBlock  bool // over several lines
	Unwanted bool // it is not where it belongs, which is an error by itself
	lines    []diag.Span
}

// Hide sees to it that no excerpt shows it, and, with everywhere, no message repeats it.
func (w WrittenSecret) Hide(everywhere bool) {
	for _, at := range w.lines {
		at.Hide(everywhere)
	}
}

// Secrets finds those among the settings that a value has. What ${env:NAME} and
// ${file:/path} stand for is none, nor is the value that any other variable was given.
func (s *Schema) Secrets(v *Value, found func(WrittenSecret)) {
	if v == nil || v.Kind != Mapping {
		return
	}
	var free []string
	for _, name := range s.Names() {
		if !v.Has(name) {
			free = append(free, name)
		}
	}
	for _, e := range v.Entries {
		if f := s.field(e.Key); f != nil {
			findSecrets(f.codec, e.Key, false, e.Value, found)
			continue
		}
		// A misspelt name must not show what the right one would have hidden.
		meant := s.near[e.Key]
		if meant == "" && len(e.Key) <= maxWord {
			meant = diag.Nearest(e.Key, free)
		}
		if f := s.field(meant); f != nil {
			findSecrets(f.codec, e.Key, false, e.Value, func(w WrittenSecret) {
				w.Unwanted = true
				found(w)
			})
		}
	}
}

// secret is the name of a setting for a secret, in the struct itself; "" if there is none.
func (s *Schema) secret() string {
	for _, f := range s.fields {
		if _, ok := f.codec.(secretCodec); ok {
			return f.name
		}
	}
	return ""
}

// findSecrets looks through the value of one setting.
func findSecrets(c codec, name string, free bool, v *Value, found func(WrittenSecret)) {
	if v == nil || v.Bad || v.Secret {
		return
	}
	switch c := c.(type) {
	case describerCodec:
		findSecrets(c.codec, name, free, v, found)
	case pointerCodec:
		findSecrets(c.elem, name, free, v, found)
	case structCodec:
		c.s.Secrets(v, found)
		if inner := c.s.secret(); inner != "" && v.Kind == Scalar && v.Type == String { // a password where {user, password} belongs
			w := v.secretAt(inner, true, 0, utf8.RuneCountInString(v.Text))
			w.Unwanted = true
			found(w)
		}
	case mapCodec:
		for _, e := range v.Entries {
			findSecrets(c.elem, e.Key, true, e.Value, found)
		}
	case listCodec:
		for _, item := range v.Items {
			findSecrets(c.elem, name, free, item, found)
		}
		if c.lone {
			findSecrets(c.elem, name, free, v, found)
		}
	case customCodec:
		if c.taker == nil {
			return
		}
		for _, e := range v.Entries {
			if e.Value.Kind == Scalar && c.taker.MayBeSecret(e.Value.Text) {
				findSecrets(secretCodec{}, e.Key, true, e.Value, found)
			}
		}
	case secretCodec:
		if v.Kind == Scalar && v.Text != "" {
			v.tellSecret(name, free, false, 0, utf8.RuneCountInString(v.Text), found)
		}
	case urlCodec:
		if from, to := passwordIn(v.Text); v.Kind == Scalar && to > from {
			v.tellSecret(name, free, true, from, to, found)
		}
	}
}

// tellSecret tells of a stretch of a scalar, in characters. If all of it came from a
// variable, what is told is the place where its text is written, if that is in the flow.
func (v *Value) tellSecret(name string, free, address bool, from, to int, found func(WrittenSecret)) {
	w := v.secretAt(name, free, from, to)
	w.Address = address
	for _, p := range v.pieces {
		if p.variable == nil || p.from > from || p.to < to {
			continue
		}
		if p.variable.At.IsZero() {
			return
		}
		w.At, w.lines = p.variable.At, []diag.Span{p.variable.At}
	}
	found(w)
}

// secretAt describes a stretch of a scalar, in characters.
func (v *Value) secretAt(name string, free bool, from, to int) WrittenSecret {
	runes := []rune(v.Text)[from:to]
	w := WrittenSecret{Name: name, Text: string(runes), Free: free, At: v.At(from, to-from)}
	w.InBlock = strings.Contains(strings.TrimRight(w.Text, "\n"), "\n")
	at := from
	for line := range strings.Lines(w.Text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 0 {
			w.lines = append(w.lines, v.At(at, n))
		}
		at += utf8.RuneCountInString(line)
	}
	return w
}

// passwordIn gives where the password of an address stands, in characters; two equal
// numbers if there is none. The address need not be a right one.
func passwordIn(address string) (from, to int) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return 0, 0
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && strings.Contains(rest[:end], "@") && rest[end-1] != '@' {
		rest = rest[:end] // else those signs belong to the password
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return 0, 0
	}
	user, password, ok := strings.Cut(rest[:at], ":")
	if !ok {
		return 0, 0
	}
	from = utf8.RuneCountInString(scheme+"://"+user) + 1
	return from, from + utf8.RuneCountInString(password)
}

package diag

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// This file hides what is secret in a source from those who read excerpts of it, and what
// messages repeat of it.

// A veil is what of a source is not to be shown. Several goroutines may print at once.
type veil struct {
	mu      sync.Mutex
	cover   func(text string) string // the text as it may be shown, with the same lines and columns
	covered []string                 // the lines of that; nil: not asked yet
	hidden  map[int][]stretch        // what else is hidden, by lines
	texts   []string                 // what messages must not repeat
}

// A stretch is a part of a line, in characters from 0.
type stretch struct{ from, to int }

// hiddenRune stands for each character that is not shown, and mask for a text of any
// length.
const (
	hiddenRune = '•'
	mask       = "•••"
)

// leastHidden is how long a text must be for messages to be searched for it, in
// characters: shorter ones stand in any word.
const leastHidden = 4

// mostHidden bounds how many texts messages are searched for.
const mostHidden = 512

// Cover says how the text may be shown: as it is but for characters that •
// stands for, one for one. It is called once, and not before the first excerpt.
func (s *Source) Cover(cover func(text string) string) {
	if s == nil {
		return
	}
	s.veil.mu.Lock()
	defer s.veil.mu.Unlock()
	s.veil.cover, s.veil.covered = cover, nil
}

// Hide says that a stretch of its source is secret: excerpts have • in its place.
// With everywhere, messages do not repeat it either.
func (s Span) Hide(everywhere bool) {
	if s.Source == nil || s.Line < 1 || s.Col < 1 {
		return
	}
	v := &s.Source.veil
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hidden == nil {
		v.hidden = map[int][]stretch{}
	}
	at := stretch{s.Col - 1, s.Col - 1 + max(s.Width, 1)}
	if !slices.Contains(v.hidden[s.Line], at) {
		v.hidden[s.Line] = append(v.hidden[s.Line], at)
	}
	if everywhere {
		line := []rune(s.Source.Line(s.Line))
		v.keep(string(line[min(at.from, len(line)):min(at.to, len(line))]))
	}
}

// keep notes a text that messages must not repeat, also as they quote and shorten it.
func (v *veil) keep(text string) {
	text = strings.Trim(strings.TrimSpace(text), `"'`)
	if utf8.RuneCountInString(text) < leastHidden || len(v.texts) >= mostHidden {
		return
	}
	quoted := strconv.Quote(text)
	v.texts = append(v.texts, text, quoted[1:len(quoted)-1])
	const most = 39 // of a text that a message repeats; see package config
	if runes := []rune(text); len(runes) > most {
		v.texts = append(v.texts, string(runes[:most]))
	}
	slices.SortFunc(v.texts, func(a, b string) int { return len(b) - len(a) })
	v.texts = slices.Compact(v.texts)
}

// uncover asks Cover's function, once.
func (s *Source) uncover() {
	v := &s.veil
	if v.cover == nil || v.covered != nil {
		return
	}
	v.covered = strings.Split(v.cover(string(s.Text)), "\n")
	if len(v.covered) != len(s.lines) { // it is no cover
		v.covered = s.lines
	}
	for i, line := range v.covered {
		was, is := []rune(s.lines[i]), []rune(line)
		if len(was) != len(is) {
			v.covered[i] = strings.Repeat(string(hiddenRune), len(was))
			continue
		}
		for at := 0; at < len(is); at++ {
			from := at
			for at < len(is) && is[at] != was[at] {
				at++
			}
			if at > from {
				v.keep(string(was[from:at]))
			}
		}
	}
}

// Shown gives line n as it may be shown. Its characters are where they are in Line.
func (s *Source) Shown(n int) string {
	if s == nil {
		return ""
	}
	s.veil.mu.Lock()
	defer s.veil.mu.Unlock()
	s.uncover()
	line := s.Line(n)
	if s.veil.covered != nil && line != "" {
		line = strings.TrimSuffix(s.veil.covered[n-1], "\r")
	}
	all := s.veil.hidden[n]
	if len(all) == 0 {
		return line
	}
	runes := []rune(line)
	for _, at := range all {
		for i := min(at.from, len(runes)); i < min(at.to, len(runes)); i++ {
			runes[i] = hiddenRune
		}
	}
	return string(runes)
}

// Masked gives line n as it may be shown where no caret points into it: whatever is
// hidden is ••• long.
func (s *Source) Masked(n int) string {
	was, is := []rune(s.Line(n)), []rune(s.Shown(n))
	var b strings.Builder
	for i := 0; i < len(is); i++ {
		if is[i] == was[i] {
			b.WriteRune(is[i])
			continue
		}
		for i+1 < len(is) && is[i+1] != was[i+1] {
			i++
		}
		b.WriteString(mask)
	}
	return b.String()
}

// MaskedText is the whole text as Masked gives its lines.
func (s *Source) MaskedText() string {
	lines := make([]string, s.Lines())
	for i := range lines {
		lines[i] = s.Masked(i + 1)
	}
	return strings.Join(lines, "\n")
}

// withoutHidden gives a text without what is hidden in a source.
func (s *Source) withoutHidden(text string) string {
	if s == nil {
		return text
	}
	s.veil.mu.Lock()
	defer s.veil.mu.Unlock()
	s.uncover()
	for _, hidden := range s.veil.texts {
		text = strings.ReplaceAll(text, hidden, mask)
	}
	return text
}

// Shown is the diagnostic as it may be shown: without what is hidden in its sources.
func (d Diagnostic) Shown() Diagnostic {
	sources := []*Source{d.At.Source}
	for _, n := range d.Notes {
		if !slices.Contains(sources, n.At.Source) {
			sources = append(sources, n.At.Source)
		}
	}
	d.Notes, d.Hint.Args = slices.Clone(d.Notes), slices.Clone(d.Hint.Args)
	for _, s := range sources {
		if s == nil {
			continue
		}
		d.Message = s.withoutHidden(d.Message)
		d.Hint.Text, d.Hint.Rest = s.withoutHidden(d.Hint.Text), s.withoutHidden(d.Hint.Rest)
		for i := range d.Hint.Args {
			d.Hint.Args[i] = s.withoutHidden(d.Hint.Args[i])
		}
		for i := range d.Notes {
			d.Notes[i].Message = s.withoutHidden(d.Notes[i].Message)
		}
	}
	return d
}

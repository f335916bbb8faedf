package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file guesses the type of the lines from a sample of them.

// Limits of what a sample becomes a record of; beyond them a value is any.
const (
	maxSampleDepth  = 24
	maxSampleFields = 1000
)

// Sample finds the type of the rows of src, which holds whole rows; see Sampler.
func Sample(src []byte, opts Options, origin types.Origin) (t *types.Type, warnings []string, err error) {
	s := NewSampler(opts)
	s.Add(src, func(line int) string { return fmt.Sprintf("line %d", line) })
	return s.Type(origin)
}

// A Sampler finds the narrowest type that has all rows it is shown. Fields come in the
// order in which they appear first.
//
// An integer widens to float where every value survives it; a field that is null
// or missing anywhere gets `?`. Strings are time only if all of them are RFC 3339
// in UTC: with another offset they would not be written as they were read.
// Values of different kinds make the field any, with a warning that names the
// kinds and the lines. A field that is nothing but null is any, too. Rows that are
// no JSON are left out; if nothing is left, that is the error.
type Sampler struct {
	Scanner // whose parts that check JSON are used
	root    shape
	bad     *text.RowError // the first
	line    int            // of the row, in the text that is shown
	at      func(line int) string

	origin   types.Origin
	warnings []string
}

// NewSampler gives a sampler that has seen nothing.
func NewSampler(opts Options) *Sampler {
	s := new(Sampler)
	s.space = blanks
	if opts.Values {
		s.space |= newlines
	}
	s.opts = opts
	return s
}

// Rows is how many rows were seen, without bad ones.
func (s *Sampler) Rows() int { return s.root.values }

// Add looks at the rows of src, which are whole. at names the place of a line of src,
// counted from 1, for warnings and errors: it stands behind "in".
func (s *Sampler) Add(src []byte, at func(line int) string) {
	s.line, s.at = 1, at
	s.src = append(src[:len(src):len(src)], '\n')
	for p := 0; p < len(s.src); {
		if isSpace(s.src[p]) {
			if s.src[p] == '\n' {
				s.line++
			}
			p++
			continue
		}
		end := s.skip(p)
		if end >= 0 {
			end = s.rowEnd(end)
		}
		if end < 0 {
			bad := s.rowError(p)
			if s.bad == nil {
				s.bad = bad
				bad.Reason = fmt.Sprintf("%s: %s", at(s.line), bad.Reason)
			}
			end = bad.End
		} else {
			s.observe(&s.root, p, 0)
		}
		s.line += bytes.Count(s.src[p:end], []byte{'\n'})
		p = end
	}
	s.src, s.at = nil, nil
}

// Type gives the type of the rows seen so far, whose fields get the origin.
func (s *Sampler) Type(origin types.Origin) (t *types.Type, warnings []string, err error) {
	switch {
	case s.root.values > 0:
		s.origin, s.warnings = origin, nil
		return s.typeOf(&s.root, ""), s.warnings, nil
	case s.bad != nil:
		return nil, nil, s.bad
	}
	return nil, nil, errors.New("there is nothing to take a sample of")
}

// rowEnd checks what follows the value of a row, as row does.
func (s *Sampler) rowEnd(p int) int {
	p = s.blank(p)
	switch {
	case !s.opts.Values && s.src[p] != '\n':
		return s.syntax(p, "the line goes on after its value")
	case s.opts.Values && s.src[p] == ',':
		p++
	}
	return p
}

// A kind of value, as samples tell them apart.
type sampleKind uint8

const (
	sampleBool   sampleKind = iota
	sampleInt               // fits 64 bits
	sampleFloat             // may become a float
	sampleNumber            // would lose digits as a float
	sampleTime              // a string that is RFC 3339 in UTC, for a time keeps no other offset
	sampleDate              // a string that is 2006-01-02
	sampleString            // any other
	sampleList
	sampleRecord
	sampleDeep // too deep to look into
	sampleKinds
)

var sampleNames = [sampleKinds]string{"bool", "int", "float", "a number of too many digits", "time", "date", "string", "an array", "an object", "nested too deep"}

// A shape is what was seen in one place.
type shape struct {
	values int // null is one
	nulls  int
	first  [sampleKinds]place // of the first value of the kind
	big    place              // of the first integer that no float is equal to
	elem   *shape             // items of arrays

	objects int
	fields  []*sampleField
	index   map[string]*sampleField
}

// A place is where something was seen; the zero one is nowhere.
type place struct {
	row int // of all that was seen, from 1
	at  string
}

func (p place) seen() bool { return p.row > 0 }

func (s *Sampler) here() place { return place{s.root.values, s.at(s.line)} }

type sampleField struct {
	name    string
	in      int // objects that have it
	last    int // the last of them
	content shape
}

// observe adds the checked value at p, and gives its end.
func (s *Sampler) observe(sh *shape, p, depth int) int {
	sh.values++
	b := s.src
	end := p
	kind := sampleDeep
	switch c := b[p]; {
	case c == '{' && depth < maxSampleDepth:
		kind, end = sampleRecord, s.observeObject(sh, p, depth)
	case c == '[' && depth < maxSampleDepth:
		kind, end = sampleList, s.observeArray(sh, p, depth)
	default:
		end = s.skip(p)
		switch c {
		case 'n':
			sh.nulls++
			return end
		case 't', 'f':
			kind = sampleBool
		case '"':
			kind = sampleString
			if lit := b[p+1 : end-1]; text.IsUTC(lit) {
				kind = sampleTime
			} else if _, ok := text.Date(lit); ok {
				kind = sampleDate
			}
		case '{', '[':
		default:
			kind = s.number(sh, b[p:end])
		}
	}
	if !sh.first[kind].seen() {
		sh.first[kind] = s.here()
	}
	return end
}

func (s *Sampler) number(sh *shape, lit []byte) sampleKind {
	whole, end := text.Int(lit, 0)
	switch {
	case end == len(lit) && (whole != 0 || lit[0] != '-'):
		if !sh.big.seen() && !text.RoundTrips(lit) {
			sh.big = s.here()
		}
		return sampleInt
	case text.RoundTrips(lit):
		return sampleFloat
	}
	return sampleNumber
}

func (s *Sampler) observeArray(sh *shape, p, depth int) int {
	if sh.elem == nil {
		sh.elem = new(shape)
	}
	p = s.blank(p + 1)
	for s.src[p] != ']' {
		p = s.blank(s.observe(sh.elem, p, depth+1))
		if s.src[p] == ',' {
			p = s.blank(p + 1)
		}
	}
	return p + 1
}

func (s *Sampler) observeObject(sh *shape, p, depth int) int {
	if sh.index == nil {
		sh.index = map[string]*sampleField{}
	}
	sh.objects++
	p = s.blank(p + 1)
	for s.src[p] != '}' {
		closing, escaped := s.stringEnd(p + 1)
		name := s.src[p+1 : closing]
		if escaped {
			name = unescape(nil, name)
		}
		p = s.blank(s.blank(closing+1) + 1)
		f := sh.index[string(name)]
		if f == nil {
			f = &sampleField{name: string(name)}
			sh.index[f.name] = f
			if len(sh.fields) <= maxSampleFields {
				sh.fields = append(sh.fields, f)
			}
		}
		if f.last != sh.objects {
			f.last = sh.objects
			f.in++
		}
		p = s.blank(s.observe(&f.content, p, depth+1))
		if s.src[p] == ',' {
			p = s.blank(p + 1)
		}
	}
	return p + 1
}

// typeOf gives the narrowest type of what was seen in a place. path is its name
// in warnings.
func (s *Sampler) typeOf(sh *shape, path string) *types.Type {
	nullable := sh.nulls > 0
	var kinds []sampleKind
	for k, first := range sh.first {
		if first.seen() {
			kinds = append(kinds, sampleKind(k))
		}
	}
	has := func(k sampleKind) bool { return sh.first[k].seen() }
	only := func(k sampleKind) bool { return len(kinds) == 1 && kinds[0] == k }
	switch {
	case len(kinds) == 0 || only(sampleDeep):
		return types.Any
	case only(sampleBool):
		return types.Bool.WithOpt(nullable)
	case only(sampleInt):
		return types.Int.WithOpt(nullable)
	case only(sampleFloat), len(kinds) == 2 && has(sampleInt) && has(sampleFloat) && !sh.big.seen():
		return types.Float.WithOpt(nullable)
	case only(sampleTime):
		return types.Time.WithOpt(nullable)
	case only(sampleDate):
		return types.Date.WithOpt(nullable)
	case !slices.ContainsFunc(kinds, func(k sampleKind) bool { return k != sampleTime && k != sampleDate && k != sampleString }):
		s.warnTimed(sh, path)
		return types.String.WithOpt(nullable)
	case only(sampleList):
		return types.List(s.typeOf(sh.elem, path+"[]")).WithOpt(nullable)
	case only(sampleRecord):
		return s.recordOf(sh, path).WithOpt(nullable)
	}
	s.warnMixed(sh, kinds, path)
	return types.Any
}

// warnTimed says that a place is a string because times and dates are mixed in it.
func (s *Sampler) warnTimed(sh *shape, path string) {
	time, date := sh.first[sampleTime], sh.first[sampleDate]
	if !time.seen() || !date.seen() || sh.first[sampleString].seen() {
		return
	}
	where := "the items are"
	if path != "" {
		where = fmt.Sprintf("field %q is", strings.TrimPrefix(path, "."))
	}
	s.warnings = append(s.warnings, fmt.Sprintf("%s a time in %s and a date in %s; it is read as string", where, time.at, date.at))
}

// warnMixed says why a place is any: the first two kinds that do not go together.
func (s *Sampler) warnMixed(sh *shape, kinds []sampleKind, path string) {
	where := "the items are"
	if path != "" {
		where = fmt.Sprintf("field %q is", strings.TrimPrefix(path, "."))
	}
	one, two := kinds[0], kinds[len(kinds)-1]
	if one == sampleInt && two == sampleFloat {
		s.warnings = append(s.warnings, fmt.Sprintf("%s float in %s, but an int in %s has more digits than a float; it is read as any",
			where, sh.first[two].at, sh.big.at))
		return
	}
	if one == two {
		s.warnings = append(s.warnings, fmt.Sprintf("%s %s in %s; it is read as any", where, sampleNames[one], sh.first[one].at))
		return
	}
	if sh.first[one].row > sh.first[two].row {
		one, two = two, one
	}
	s.warnings = append(s.warnings, fmt.Sprintf("%s %s in %s and %s in %s; it is read as any",
		where, sampleNames[one], sh.first[one].at, sampleNames[two], sh.first[two].at))
}

func (s *Sampler) recordOf(sh *shape, path string) *types.Type {
	switch {
	case len(sh.fields) == 0 && path != "": // {} everywhere: whatever may come
		return types.Any
	case len(sh.fields) > maxSampleFields && path != "":
		s.warnings = append(s.warnings, fmt.Sprintf("field %q has more than %d different fields; it is read as any", strings.TrimPrefix(path, "."), maxSampleFields))
		return types.Any
	}
	var fields []types.Field
	for _, f := range sh.fields {
		t := s.typeOf(&f.content, path+"."+f.name).WithOpt(f.in < sh.objects)
		fields = append(fields, types.Field{Name: f.name, Type: t, Origin: s.origin})
	}
	return types.Record(fields...)
}

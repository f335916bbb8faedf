package jsonl

import (
	"errors"
	"fmt"
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

// Sample finds the type of the rows of src, which holds whole rows: the narrowest
// type that has them all. Fields come in the order in which they appear first and
// have the given origin.
//
// An integer widens to float where every value survives it; a field that is null
// or missing anywhere gets `?`. Strings are time only if all of them are RFC 3339.
// Values of different kinds make the field any, with a warning that names the
// kinds and the lines. A field that is nothing but null is any, too. Rows that are
// no JSON are left out; if nothing is left, that is the error.
func Sample(src []byte, opts Options, origin types.Origin) (t *types.Type, warnings []string, err error) {
	s := &sampler{origin: origin, line: 1}
	s.space = blanks
	if opts.Values {
		s.space |= newlines
	}
	s.opts = opts
	s.src = append(src[:len(src):len(src)], '\n')
	root := new(shape)
	var first *text.RowError
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
			if first == nil {
				first = bad
				bad.Reason = fmt.Sprintf("line %d: %s", s.line, bad.Reason)
			}
			end = bad.End
		} else {
			s.observe(root, p, 0)
		}
		s.line += strings.Count(string(s.src[p:end]), "\n")
		p = end
	}
	switch {
	case root.values > 0:
		return s.typeOf(root, ""), s.warnings, nil
	case first != nil:
		return nil, nil, first
	}
	return nil, nil, errors.New("there is nothing to take a sample of")
}

// A sampler uses the parts of a Scanner that check JSON.
type sampler struct {
	Scanner
	origin   types.Origin
	line     int // of the row
	warnings []string
}

// rowEnd checks what follows the value of a row, as row does.
func (s *sampler) rowEnd(p int) int {
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
	sampleTime              // a string that is RFC 3339
	sampleString            // any other
	sampleList
	sampleRecord
	sampleDeep // too deep to look into
	sampleKinds
)

var sampleNames = [sampleKinds]string{"bool", "int", "float", "a number of too many digits", "time", "string", "an array", "an object", "nested too deep"}

// A shape is what was seen in one place.
type shape struct {
	values int // null is one
	nulls  int
	first  [sampleKinds]int // the line of the first value of the kind; 0: none
	big    int              // the line of the first integer that no float is equal to
	elem   *shape           // items of arrays

	objects int
	fields  []*sampleField
	index   map[string]*sampleField
}

type sampleField struct {
	name    string
	in      int // objects that have it
	last    int // the last of them
	content shape
}

// observe adds the checked value at p, and gives its end.
func (s *sampler) observe(sh *shape, p, depth int) int {
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
			if _, ok := text.Time(b[p+1 : end-1]); ok {
				kind = sampleTime
			}
		case '{', '[':
		default:
			kind = sh.number(b[p:end], s.line)
		}
	}
	if sh.first[kind] == 0 {
		sh.first[kind] = s.line
	}
	return end
}

func (sh *shape) number(lit []byte, line int) sampleKind {
	whole, end := text.Int(lit, 0)
	switch {
	case end == len(lit) && (whole != 0 || lit[0] != '-'):
		if sh.big == 0 && !text.RoundTrips(lit) {
			sh.big = line
		}
		return sampleInt
	case text.RoundTrips(lit):
		return sampleFloat
	}
	return sampleNumber
}

func (s *sampler) observeArray(sh *shape, p, depth int) int {
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

func (s *sampler) observeObject(sh *shape, p, depth int) int {
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
func (s *sampler) typeOf(sh *shape, path string) *types.Type {
	nullable := sh.nulls > 0
	var kinds []sampleKind
	for k, line := range sh.first {
		if line > 0 {
			kinds = append(kinds, sampleKind(k))
		}
	}
	has := func(k sampleKind) bool { return sh.first[k] > 0 }
	only := func(k sampleKind) bool { return len(kinds) == 1 && kinds[0] == k }
	switch {
	case len(kinds) == 0 || only(sampleDeep):
		return types.Any
	case only(sampleBool):
		return types.Bool.WithOpt(nullable)
	case only(sampleInt):
		return types.Int.WithOpt(nullable)
	case only(sampleFloat), len(kinds) == 2 && has(sampleInt) && has(sampleFloat) && sh.big == 0:
		return types.Float.WithOpt(nullable)
	case only(sampleTime):
		return types.Time.WithOpt(nullable)
	case only(sampleString), len(kinds) == 2 && has(sampleTime) && has(sampleString):
		return types.String.WithOpt(nullable)
	case only(sampleList):
		return types.List(s.typeOf(sh.elem, path+"[]")).WithOpt(nullable)
	case only(sampleRecord):
		return s.recordOf(sh, path).WithOpt(nullable)
	}
	s.warnMixed(sh, kinds, path)
	return types.Any
}

// warnMixed says why a place is any: the first two kinds that do not go together.
func (s *sampler) warnMixed(sh *shape, kinds []sampleKind, path string) {
	where := "the items are"
	if path != "" {
		where = fmt.Sprintf("field %q is", strings.TrimPrefix(path, "."))
	}
	one, two := kinds[0], kinds[len(kinds)-1]
	if one == sampleInt && two == sampleFloat {
		s.warnings = append(s.warnings, fmt.Sprintf("%s float in line %d, but an int in line %d has more digits than a float; it is read as any",
			where, sh.first[two], sh.big))
		return
	}
	if one == two {
		s.warnings = append(s.warnings, fmt.Sprintf("%s %s in line %d; it is read as any", where, sampleNames[one], sh.first[one]))
		return
	}
	if sh.first[one] > sh.first[two] {
		one, two = two, one
	}
	s.warnings = append(s.warnings, fmt.Sprintf("%s %s in line %d and %s in line %d; it is read as any",
		where, sampleNames[one], sh.first[one], sampleNames[two], sh.first[two]))
}

func (s *sampler) recordOf(sh *shape, path string) *types.Type {
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

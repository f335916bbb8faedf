package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file makes the values of a column what the type of its field is.

// A rawForm is how values come from pages.
type rawForm uint8

const (
	rawInt rawForm = iota
	rawFloat
	rawBool
	rawText
)

// A leafPlan says what becomes of the values of a column. At most one of the functions is set:
// each gives why a value cannot be what it should be, "" if it can.
type leafPlan struct {
	e *element
	t *types.Type

	ofInt   func(v int64) (int64, string)
	toFloat func(v int64) float64                                // integers that are read as floats
	number  func(v string) (int64, string)                       // bytes that are read as integers
	half    func(v string) float64                               // bytes that are read as floats
	text    func(v string, arena *record.Arena) (string, string) // texts
	allNull bool                                                 // the column holds nothing but nulls
}

// raw is the form of the values in the file.
func (p *leafPlan) raw() rawForm {
	switch p.e.typ {
	case format.Int32, format.Int64:
		return rawInt
	case format.Float, format.Double:
		return rawFloat
	case format.Boolean:
		return rawBool
	}
	return rawText
}

// planLeaf says how a column is read as a type; false if it cannot be.
func planLeaf(e *element, t *types.Type) (*leafPlan, bool) {
	p := &leafPlan{e: e, t: t}
	l := e.logical
	if l.kind == logicalNull {
		p.allNull = true
		return p, t.Nullable
	}
	own, err := leafType(e)
	if err != nil {
		return nil, false
	}
	switch {
	case t.Kind == types.KindBytes && p.raw() == rawText && e.typ != format.Int96:
		return p, true // bytes are bytes, whatever they mean
	case t.Kind == types.KindDuration && e.typ == format.Int64 && l.kind == logicalNone:
		return p, true // nanoseconds, for which Parquet has no type
	case t.Kind == types.KindFloat && own.Kind == types.KindInt:
		p.toFloat = func(v int64) float64 { return float64(v) }
		if l.unsigned {
			p.toFloat = func(v int64) float64 { return float64(uint64(v)) }
			if e.typ == format.Int32 {
				p.toFloat = func(v int64) float64 { return float64(uint32(v)) }
			}
		}
		return p, true
	case (t.Kind == types.KindString || t.Kind == types.KindEnum) && e.typ == format.ByteArray && (own.Kind == types.KindBytes || own.Kind == types.KindAny || own.Kind == types.KindString):
		p.text = checkText
		if t.Kind == types.KindEnum {
			p.text = oneOf(t)
		}
		return p, true
	case own.Kind == types.KindDecimal && t.Kind == types.KindDecimal:
		if own.Scale > t.Scale || own.Precision-own.Scale > t.Precision-t.Scale {
			return nil, false
		}
		p.decimal(own, t)
		return p, true
	case own.Kind != t.Kind && !(own.Kind == types.KindString && t.Kind == types.KindEnum):
		return nil, false
	}
	p.same(own)
	return p, true
}

// same says how a column is read as the type that it has.
func (p *leafPlan) same(own *types.Type) {
	e, l := p.e, p.e.logical
	switch own.Kind {
	case types.KindInt:
		if l.unsigned {
			p.ofInt = unsigned(e.typ == format.Int32)
		}
	case types.KindFloat:
		if e.typ == format.FixedLenByteArray {
			p.half = halfFloat
		}
	case types.KindString:
		switch {
		case l.kind == logicalUUID:
			p.text = uuid
		case p.t.Kind == types.KindEnum:
			p.text = oneOf(p.t)
		default:
			p.text = checkText
		}
	case types.KindAny:
		p.text = checkJSON
	case types.KindDate:
		p.ofInt = func(v int64) (int64, string) {
			if d := types.CivilDate(v); d < types.FirstDate || d > types.LastDate {
				return 0, fmt.Sprintf("%d days from 1970 are outside the years 1 to 9999", v)
			}
			return v, ""
		}
	case types.KindTime, types.KindDuration:
		switch {
		case e.typ == format.Int96:
			p.number = int96
		case l.unit > 1:
			p.ofInt = scaled(l.unit, own.Kind)
		}
	}
}

// unsigned refuses what is larger than int.
func unsigned(narrow bool) func(int64) (int64, string) {
	if narrow {
		return func(v int64) (int64, string) { return int64(uint32(v)), "" }
	}
	return func(v int64) (int64, string) {
		if v < 0 {
			return 0, fmt.Sprintf("%d is larger than int can hold", uint64(v))
		}
		return v, ""
	}
}

// scaled turns units into nanoseconds.
func scaled(unit int64, kind types.Kind) func(int64) (int64, string) {
	most := math.MaxInt64 / unit
	return func(v int64) (int64, string) {
		if v > most || v < -most {
			if kind == types.KindDuration {
				return 0, fmt.Sprintf("%d times %dns is longer than a duration can be", v, unit)
			}
			return 0, fmt.Sprintf("%d times %dns from 1970 is no time of a flow: they go from 1677-09-21 to 2262-04-11", v, unit)
		}
		return v * unit, ""
	}
}

// int96 reads nanoseconds of a day and a Julian day.
func int96(v string) (int64, string) {
	b := record.Bytes(v)
	ns, day := int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint32(b[8:]))-2440588
	const nsDay int64 = 24 * 3600 * 1e9
	if days := day + ns/nsDay; ns < 0 || days > math.MaxInt64/nsDay-1 || day < -(math.MaxInt64/nsDay)+1 {
		return 0, fmt.Sprintf("day %d from 1970 is no time of a flow: they go from 1677-09-21 to 2262-04-11", day)
	}
	return day*nsDay + ns, ""
}

// decimal reads decimals from whatever they are written as.
func (p *leafPlan) decimal(own, t *types.Type) {
	most := pow10(own.Precision)
	up := pow10(t.Scale - own.Scale)
	check := func(v int64) (int64, string) {
		if v >= most || v <= -most {
			return 0, fmt.Sprintf("%s has more than %d digits", text.AppendDecimal(nil, v, own.Scale), own.Precision)
		}
		return v * up, ""
	}
	if p.raw() == rawInt {
		p.ofInt = check
		return
	}
	p.number = func(s string) (int64, string) {
		b := record.Bytes(s)
		for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) { // it says nothing
			b = b[1:]
		}
		if len(b) > 8 {
			return 0, fmt.Sprintf("it has more than %d digits", own.Precision)
		}
		v := int64(0)
		if len(b) > 0 && b[0] >= 0x80 {
			v = -1
		}
		for _, c := range b {
			v = v<<8 | int64(c)
		}
		return check(v)
	}
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func checkText(v string, _ *record.Arena) (string, string) {
	if !utf8.ValidString(v) {
		return "", fmt.Sprintf("the text is not UTF-8: %q", text.Shorten(v))
	}
	return v, ""
}

func oneOf(t *types.Type) func(string, *record.Arena) (string, string) {
	return func(v string, _ *record.Arena) (string, string) {
		if !slices.Contains(t.Words, v) {
			return "", fmt.Sprintf("want %s, got %q", t.NotNull(), text.Shorten(v))
		}
		return v, ""
	}
}

func checkJSON(v string, _ *record.Arena) (string, string) {
	if !json.Valid(record.Bytes(v)) || !utf8.ValidString(v) {
		return "", fmt.Sprintf("not JSON: %q", text.Shorten(v))
	}
	return v, ""
}

// uuid writes the bytes of one as people do.
func uuid(v string, arena *record.Arena) (string, string) {
	b := make([]byte, 36)
	if arena != nil {
		b = arena.Alloc(36)
	}
	src := record.Bytes(v)
	for i, part := range [][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		at := 2*part[0] + i
		hex.Encode(b[at:], src[part[0]:part[1]])
		if i > 0 {
			b[at-1] = '-'
		}
	}
	return record.View(b), ""
}

// halfFloat reads a float of 16 bits.
func halfFloat(v string) float64 {
	h := uint32(v[0]) | uint32(v[1])<<8
	sign, exp, frac := h>>15, int(h>>10&31), h&1023
	f := 0.0
	switch {
	case exp == 31 && frac != 0:
		return math.NaN()
	case exp == 31:
		f = math.Inf(1)
	case exp == 0:
		f = math.Ldexp(float64(frac), -24)
	default:
		f = math.Ldexp(float64(frac|1024), exp-25)
	}
	if sign != 0 {
		f = -f
	}
	return f
}

// A dictionary is what the values of a column refer to, as values of its type.
type dictionary struct {
	n      int
	ints   []int64
	floats []float64
	bools  []bool
	texts  []string
	bad    map[uint32]string // why an entry is no value of the type
}

// newDictionary reads the values of a dictionary page.
func (l *leafReader) newDictionary(src []byte, n int) (*dictionary, error) {
	d := &dictionary{n: n}
	v := values{typ: l.values.typ, length: l.values.length}
	if err := v.begin(src, format.Plain, n, nil); err != nil {
		return nil, err
	}
	saved := l.values
	l.values = v
	defer func() { l.values = saved }()
	col := record.Column{Form: record.FormOf(l.plan.t)}
	col.Resize(n)
	var arena *record.Arena // none: the texts stay in the page, or in memory of their own
	if err := l.fill(&col, 0, n, arena); err != nil {
		return nil, err
	}
	for _, b := range l.bads {
		if d.bad == nil {
			d.bad = map[uint32]string{}
		}
		d.bad[uint32(b.i)] = b.reason
	}
	d.ints, d.floats, d.bools, d.texts = col.Int, col.Float, col.Bool, col.Str
	return d, nil
}

// fill reads n values that are there into col, from row at on. l.bads says which of them are no
// values of the type.
func (l *leafReader) fill(col *record.Column, at, n int, arena *record.Arena) error {
	l.bads = l.bads[:0]
	if n == 0 {
		return nil
	}
	if l.values.encoding == format.RLEDictionary {
		return l.look(col, at, n)
	}
	p := l.plan
	switch raw := p.raw(); {
	case p.allNull:
		return errValues
	case raw == rawInt && p.toFloat == nil:
		dst := col.Int[at : at+n]
		if err := l.values.ints(dst); err != nil || p.ofInt == nil {
			return err
		}
		for i, v := range dst {
			x, why := p.ofInt(v)
			if why != "" {
				l.bads = append(l.bads, badValue{i, why})
			}
			dst[i] = x
		}
		return nil
	case raw == rawInt:
		l.ints = grown(l.ints, n)
		err := l.values.ints(l.ints)
		for i, v := range l.ints {
			col.Float[at+i] = p.toFloat(v)
		}
		return err
	case raw == rawFloat:
		return l.values.floats(col.Float[at : at+n])
	case raw == rawBool:
		l.idx = grown(l.idx, n)
		return l.values.bools(col.Bool[at:at+n], l.idx)
	case p.number != nil || p.half != nil:
		l.strs = grown(l.strs, n)
		if err := l.values.texts(l.strs, nil); err != nil {
			return err
		}
		for i, s := range l.strs {
			if p.half != nil {
				col.Float[at+i] = p.half(s)
				continue
			}
			x, why := p.number(s)
			if why != "" {
				l.bads = append(l.bads, badValue{i, why})
			}
			col.Int[at+i] = x
		}
		return nil
	}
	dst := col.Str[at : at+n]
	if err := l.values.texts(dst, arena); err != nil || p.text == nil {
		return err
	}
	for i, s := range dst {
		x, why := p.text(s, arena)
		if why != "" {
			l.bads = append(l.bads, badValue{i, why})
		}
		dst[i] = x
	}
	return nil
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, 1<<bits.Len(uint(n))))
	}
	return s[:n]
}

// look reads values that are in the dictionary.
func (l *leafReader) look(col *record.Column, at, n int) error {
	d := l.values.dict
	l.idx = grown(l.idx, n)
	if err := l.values.hybrid.read(l.idx); err != nil {
		return err
	}
	most := uint32(0)
	for _, i := range l.idx {
		most = max(most, i)
	}
	if int64(most) >= int64(d.n) {
		return fmt.Errorf("a value refers to entry %d of a dictionary of %d", most, d.n)
	}
	switch col.Form {
	case record.FormInt:
		lookUp(col.Int[at:], d.ints, l.idx)
	case record.FormFloat:
		lookUp(col.Float[at:], d.floats, l.idx)
	case record.FormBool:
		lookUp(col.Bool[at:], d.bools, l.idx)
	default:
		lookUp(col.Str[at:], d.texts, l.idx)
	}
	if d.bad != nil {
		for k, i := range l.idx {
			if why := d.bad[i]; why != "" {
				l.bads = append(l.bads, badValue{k, why})
			}
		}
	}
	return nil
}

func lookUp[T any](dst, from []T, idx []uint32) {
	for k, i := range idx {
		dst[k] = from[i]
	}
}

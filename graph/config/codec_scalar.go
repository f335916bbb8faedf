package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
)

// The codecs of Go's bools, numbers, strings and durations, with the bounds that tags set.

// variable is how editors recognise a variable in the place of another value.
const variable = `^\$\{.*\}$`

// orVariable lets a variable stand for a value that is not text.
func orVariable(schema map[string]any) map[string]any {
	return map[string]any{"anyOf": []any{schema, map[string]any{"type": "string", "pattern": variable}}}
}

// A bound is the least and the greatest allowed value, each nil if there is none.
type bound[T cmp.Ordered] struct {
	min, max *T
	show     func(T) string
}

// readBound reads the tags min and max.
func readBound[T cmp.Ordered](r rule, parse func(string) (T, error), show func(T) string) (b bound[T], err error) {
	b.show = show
	for _, side := range []struct {
		text string
		to   **T
	}{{r.min, &b.min}, {r.max, &b.max}} {
		if side.text == "" {
			continue
		}
		x, err := parse(side.text)
		if err != nil {
			return b, fmt.Errorf("%q is no bound for this type", side.text)
		}
		*side.to = &x
	}
	if b.min != nil && b.max != nil && *b.min > *b.max {
		return b, errors.New("min is greater than max")
	}
	return b, nil
}

func (b bound[T]) allows(x T) bool {
	return (b.min == nil || x >= *b.min) && (b.max == nil || x <= *b.max)
}

// permit reports whether a value is allowed, and says so at a node if it is not. shown is
// how the value is written there.
func (b bound[T]) permit(d *decodeRun, v *Value, x T, shown string) bool {
	ok := b.allows(x)
	if !ok {
		d.add(v, "want %s, got %s", b, shown)
	}
	return ok
}

// String says what is allowed: "1 to 64", "at least 1", "at most 64".
func (b bound[T]) String() string {
	switch {
	case b.min != nil && b.max != nil:
		return b.show(*b.min) + " to " + b.show(*b.max)
	case b.min != nil:
		return "at least " + b.show(*b.min)
	case b.max != nil:
		return "at most " + b.show(*b.max)
	}
	return ""
}

// words adds the bounds to the name of a type.
func (b bound[T]) words(name string) string {
	if s := b.String(); s != "" {
		return name + ", " + s
	}
	return name
}

// limit adds the bounds to a JSON Schema under two of its keywords.
func (b bound[T]) limit(schema map[string]any, min, max string) map[string]any {
	if b.min != nil {
		schema[min] = *b.min
	}
	if b.max != nil {
		schema[max] = *b.max
	}
	return schema
}

type boolCodec struct{}

func (boolCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.Kind != Scalar || v.typed() != Bool {
		p := d.wrong(v, "true or false")
		switch strings.ToLower(v.Text) {
		case "yes", "on", "y", "1", "true":
			p.WithHint("write true")
		case "no", "off", "n", "0", "false":
			p.WithHint("write false")
		}
		return
	}
	into.SetBool(parseBool(v.Text))
}

func (boolCodec) words() string            { return "true or false" }
func (boolCodec) schema() map[string]any   { return orVariable(map[string]any{"type": "boolean"}) }
func (boolCodec) show(v reflect.Value) any { return v.Bool() }

// An intCodec reads integers of every width.
type intCodec struct {
	bound[int64]
	signed bool
}

func showInt(x int64) string { return strconv.FormatInt(x, 10) }

func newIntCodec(t reflect.Type, r rule) (codec, error) {
	b, err := readBound(r, parseInt, showInt)
	c := intCodec{b, t.Kind() <= reflect.Int64}
	least, most := int64(0), int64(math.MaxInt64)
	if c.signed {
		least = math.MinInt64 >> (64 - t.Bits())
		most = math.MaxInt64 >> (64 - t.Bits())
	} else if t.Bits() < 64 {
		most = 1<<t.Bits() - 1
	}
	if (c.min == nil || *c.min < least) && least > math.MinInt64 {
		c.min = &least
	}
	if (c.max == nil || *c.max > most) && most < math.MaxInt64 {
		c.max = &most
	}
	return c, errors.Join(err, r.only("min", "max"))
}

func (c intCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.Kind != Scalar || v.typed() != Int {
		p := d.wrong(v, "an integer")
		if f, err := parseFloat(v.Text); v.Type == Float && err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			p.WithHint("write %.0f", f)
		} else if digits := strings.TrimLeft(v.Text, "0"); v.Style == Plain && zerosText.MatchString(v.Text) && digits != "" {
			p.WithHint("write %s; octal is written 0o%s", digits, digits)
		}
		return
	}
	x, err := parseInt(v.Text)
	switch {
	case err != nil:
		d.add(v, "integer too large: %s", shorten(v.Text)).WithHint("integers go from %d to %d", math.MinInt64, math.MaxInt64)
	case !c.permit(d, v, x, showInt(x)):
	case c.signed:
		into.SetInt(x)
	default:
		into.SetUint(uint64(x))
	}
}

func (c intCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	if c.signed {
		return c.permit(d, at, v.Int(), showInt(v.Int()))
	}
	return c.permit(d, at, int64(min(v.Uint(), math.MaxInt64)), strconv.FormatUint(v.Uint(), 10))
}

func (c intCodec) words() string { return c.bound.words("integer") }
func (c intCodec) schema() map[string]any {
	return orVariable(c.limit(map[string]any{"type": "integer"}, "minimum", "maximum"))
}

func (c intCodec) show(v reflect.Value) any {
	if c.signed {
		return v.Int()
	}
	return v.Uint()
}

type floatCodec struct{ bound[float64] }

func newFloatCodec(r rule) (codec, error) {
	b, err := readBound(r, parseFloat, func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) })
	return floatCodec{b}, errors.Join(err, r.only("min", "max"))
}

func (c floatCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if t := v.typed(); v.Kind != Scalar || t != Float && t != Int {
		d.wrong(v, "a number")
		return
	}
	switch x, err := parseFloat(v.Text); {
	case err != nil || math.IsNaN(x) || math.IsInf(x, 0) || into.OverflowFloat(x):
		d.wrong(v, "a finite number")
	case !c.permit(d, v, x, v.Text):
	default:
		into.SetFloat(x)
	}
}

func (c floatCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	x := v.Float()
	shown := strconv.FormatFloat(x, 'g', -1, 64)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		d.add(at, "want a finite number, got %s", shown)
		return false
	}
	return c.permit(d, at, x, shown)
}

func (c floatCodec) words() string { return c.bound.words("number") }
func (c floatCodec) schema() map[string]any {
	return orVariable(c.limit(map[string]any{"type": "number"}, "minimum", "maximum"))
}
func (c floatCodec) show(v reflect.Value) any { return v.Float() }

// A stringCodec reads text, of a set of words if the field says so.
type stringCodec struct {
	enum   []string
	length bound[int64] // in characters
}

func newStringCodec(r rule) (codec, error) {
	b, err := readLength(r)
	return stringCodec{r.enum, b}, errors.Join(err, r.only("min", "max", "enum"))
}

func readLength(r rule) (bound[int64], error) {
	return readBound(r, parseInt, showInt)
}

func (c stringCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	want := "a string"
	if len(c.enum) > 0 {
		want = oneOf(c.enum)
	}
	if !d.isText(v, want) {
		return
	}
	if c.permit(d, v) {
		into.SetString(v.Text)
	}
}

func (c stringCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	return c.permit(d, &Value{Kind: Scalar, Text: v.String(), Span: at.Span})
}

// permit reports whether a text is allowed, and says so if it is not.
func (c stringCodec) permit(d *decodeRun, v *Value) bool {
	length := int64(utf8.RuneCountInString(v.Text))
	switch {
	case len(c.enum) > 0 && !slices.Contains(c.enum, v.Text):
		p := d.wrong(v, oneOf(c.enum))
		if len(v.Text) <= maxWord {
			if near := diag.Nearest(v.Text, c.enum); near != "" {
				p.WithHint("did you mean %q?", near)
			}
		}
	case !c.length.allows(length) && length == 0:
		d.add(v, "the text is empty")
	case !c.length.allows(length):
		d.add(v, "want %s characters, got %d", c.length, length)
	default:
		return true
	}
	return false
}

// isText reports whether a node is text, and tells the user if it is not.
func (d *decodeRun) isText(v *Value, want string) bool {
	if v.Kind == Scalar && (v.Type == String || v.loose) {
		return true
	}
	p := d.wrong(v, want)
	if v.Kind == Scalar {
		p.WithHint("quote it: %s", doubleQuoted(v.Text))
	}
	return false
}

// oneOf lists words: "a, b or c".
func oneOf(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " or " + words[n]
	}
	return strings.Join(words, "")
}

func (c stringCodec) words() string {
	if len(c.enum) > 0 {
		return oneOf(c.enum)
	}
	switch {
	case c.length.max == nil && c.length.min != nil && *c.length.min == 1:
		return "string, not empty"
	case c.length.String() != "":
		return "string, " + c.length.String() + " characters"
	}
	return "string"
}

func (c stringCodec) schema() map[string]any {
	s := c.length.limit(map[string]any{"type": "string"}, "minLength", "maxLength")
	if len(c.enum) == 0 {
		return s
	}
	s["enum"] = c.enum
	return orVariable(s)
}

func (c stringCodec) show(v reflect.Value) any {
	if v.String() == "" {
		return nil
	}
	return v.String()
}

type durationCodec struct{ bound[time.Duration] }

func newDurationCodec(r rule) (codec, error) {
	b, err := readBound(r, quantity.Duration, quantity.Format)
	return durationCodec{b}, errors.Join(err, r.only("min", "max"))
}

func (c durationCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	x, err := quantity.Duration(v.Text)
	switch {
	case v.Kind != Scalar || err != nil:
		d.wrongDuration(v)
	case !c.permit(d, v, x, v.Text):
	default:
		into.SetInt(int64(x))
	}
}

func (c durationCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	x := time.Duration(v.Int())
	return c.permit(d, at, x, x.String())
}

// wrongDuration guesses what was meant.
func (d *decodeRun) wrongDuration(v *Value) {
	p := d.wrong(v, "a duration")
	if v.Kind != Scalar {
		return
	}
	p.WithHint("write 500ms, 5s, 1h30m or 7d")
	joined := strings.ReplaceAll(strings.ToLower(v.Text), " ", "")
	if number, ok := strings.CutSuffix(strings.TrimSuffix(joined, "s"), "day"); ok && number != "" {
		joined = number + "d"
	} else if number, ok := strings.CutSuffix(strings.TrimSuffix(joined, "s"), "week"); ok && number != "" {
		joined = number + "w"
	}
	if _, err := quantity.Duration(joined); err == nil {
		p.WithHint("write %s", joined)
	} else if _, err := quantity.Duration(joined + "s"); err == nil {
		p.WithHint("give the unit: %ss, or %sms", joined, joined)
	}
}

func (c durationCodec) words() string { return c.bound.words("duration") }
func (c durationCodec) schema() map[string]any {
	return map[string]any{"type": []any{"string", "integer"}, "pattern": `^([-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h|d|w))+|0|.*\$\{.*)$`}
}
func (c durationCodec) show(v reflect.Value) any { return quantity.Format(time.Duration(v.Int())) }

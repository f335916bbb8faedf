package config

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// The types that settings may have beside those of Go.

// A Text is a string that remembers where it is written, for what is parsed further, such
// as an expression: YAML.At gives the place of any part of it. Any scalar is
// accepted as it is written, so `x: 1` and `x: null` are the texts "1" and
// "null".
type Text struct {
	Value string
	YAML  *Value // nil for a default
}

// String gives the text.
func (t Text) String() string { return t.Value }

// A Name is a string with its place, such as a reference to a field.
type Name struct {
	Value string
	At    diag.Span // zero for a default
}

// String gives the name.
func (n Name) String() string { return n.Value }

// A Pair is one entry of a Map.
type Pair[V any] struct {
	Key   string
	At    diag.Span // of the key
	Value V
}

// A Map is a mapping with free keys in the order of the text.
type Map[V any] []Pair[V]

// Get gives the value of a key.
func (m Map[V]) Get(key string) (V, bool) {
	for _, p := range m {
		if p.Key == key {
			return p.Value, true
		}
	}
	var none V
	return none, false
}

func (Map[V]) isMap() {}

// A Secret is a string that shows itself to nobody who does not ask for it with
// Reveal: however it is printed or marshalled, it is "[secret]". The string is
// behind a pointer because fmt reads unexported fields without asking their
// methods; so Secrets cannot be compared with ==.
type Secret struct{ value *string }

// NewSecret hides a string.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal gives the hidden string. It must go where it is needed and nowhere else:
// no log, no report, no page, no checkpoint.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String gives "[secret]", or "" if nothing is hidden.
func (s Secret) String() string {
	if s.Reveal() == "" {
		return ""
	}
	return redacted
}

// GoString is String, quoted.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format is String for every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText is String, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is String, for encoders.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(s.String())), nil }

// A Size is a number of bytes, written as 512, 64kB, 64MB, 1.5GB (powers of 1000)
// or 64KiB, 1GiB (powers of 1024).
type Size int64

var sizeUnits = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
}

var sizeText = regexp.MustCompile(`^([0-9]{1,19}(\.[0-9]{1,9})?) ?([A-Za-z]*)$`)

// ParseSize reads a Size. Upper and lower case of the unit are the same.
func ParseSize(s string) (Size, bool) {
	parts := sizeText.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	for _, u := range sizeUnits {
		if !strings.EqualFold(parts[3], u.name) && (parts[3] != "" || u.size != 1) {
			continue
		}
		amount, _ := new(big.Rat).SetString(parts[1])
		amount.Mul(amount, new(big.Rat).SetInt64(u.size))
		if !amount.IsInt() || !amount.Num().IsInt64() {
			return 0, false
		}
		return Size(amount.Num().Int64()), true
	}
	return 0, false
}

// String writes the size with the unit that leaves the smallest whole number:
// 64MB, 1GiB, 1500kB. Plain bytes have no unit.
func (s Size) String() string {
	number, unit := int64(s), ""
	for _, u := range sizeUnits {
		if n := int64(s) / u.size; u.size > 1 && s > 0 && int64(s)%u.size == 0 && n < number {
			number, unit = n, u.name
		}
	}
	return strconv.FormatInt(number, 10) + unit
}

// A Decoder is a field type that reads itself. It must be implemented on the
// pointer. DecodeConfig is called with every kind of value, never with nil, and
// adds what is wrong to the list.
type Decoder interface {
	DecodeConfig(v *Value, list *diag.List)
}

// A SecretTaker is a Decoder that may be given secrets, which it shows to nobody.
// MayBeSecret says whether a text that stands in the flow might be one as well, so that
// no excerpt shows it.
type SecretTaker interface {
	Decoder
	MayBeSecret(text string) bool
}

// A Checker is a Decoder whose values programs make, too: see Schema.Check. CheckConfig
// reports what is wrong with one at its place, and completes what was left out, as
// DecodeConfig does.
type Checker interface {
	CheckConfig(at *Value, list *diag.List)
}

// A Describer is a type that says how it is written: in a few words for people, and as
// a JSON Schema for editors. It must answer on the zero value.
type Describer interface {
	ConfigType() (text string, schema map[string]any)
}

// A Defaulter is a struct that has defaults of its own where no prototype can
// hold them: as the item of a list, the value of a Map or behind a pointer.
// SetDefaults is called on a new value before its settings are read.
type Defaulter interface {
	SetDefaults()
}

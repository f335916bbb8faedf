package jsonl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

const oracleType = `{i: int?, f: float?, s: string?, b: bool?, t: time?, d: duration?, m: decimal(9,2)?, e: enum(x|y)?, z: bytes?, a: any, l: [int?]?, r: {i: int?, l: [string]?}?, 'é"': int?}`

var seeds = []string{
	`{"i":1,"f":2.5,"s":"x","b":true,"t":"2001-01-01T00:01:00Z","d":"1h","m":12.34,"e":"x","z":"aGVsbG8=","a":[1,{"b":null}],"l":[1,null],"r":{"i":1,"l":["p","q"]},"é\"":7,"other":{"x":[1.5e3,"\u00e9\ud83d\ude00"]}}`,
	`{"i":null,"f":-0,"s":"\n\t\u0041\\\"\/","b":false,"a":"\u2028","l":[],"r":{},"\u00e9\"":1}`,
	`{"s":"é","r":null,"i":1,"i":null,"i":3, "f":1e22 }`,
	`{"i":9223372036854775807,"f":0.1,"a":1e400,"d":1500,"m":"0.05"}`,
	`{}`, `{"a":{}}`, `{"a":[]}`, ` { } `, `{"a":[[[[[[[[]]]]]]]]}`, `{"a":"\ud800"}`, `{"x":1}`, `null`, `[]`, `{"a":1}{"a":2}`, "{\"a\":\"\xff\"}",
	`{"publisher":"a long string, longer than sixteen bytes, without anything in it","i":12345}`,
}

// members gives the keys and raw values of an object in order.
func members(line []byte) (keys []string, values []json.RawMessage) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.Token()
	for dec.More() {
		k, _ := dec.Token()
		var v json.RawMessage
		dec.Decode(&v)
		keys, values = append(keys, k.(string)), append(values, v)
	}
	return keys, values
}

// expected gives the JSON that the encoder writes for a raw value of type t, as
// encoding/json and others understand it; false if it is none.
func expected(t *types.Type, raw json.RawMessage) (string, bool) {
	word := string(raw)
	if word == "null" {
		return word, t.Nullable
	}
	var s string
	isString := json.Unmarshal(raw, &s) == nil
	quote := func(s string) string { return string(AppendString(nil, s)) }
	switch t.Kind {
	case types.KindInt:
		n, err := strconv.ParseInt(word, 10, 64)
		return strconv.FormatInt(n, 10), err == nil
	case types.KindFloat:
		var f float64
		err := json.Unmarshal(raw, &f)
		out, _ := json.Marshal(f)
		return string(out), err == nil
	case types.KindBool:
		return word, word == "true" || word == "false"
	case types.KindString:
		return quote(s), isString
	case types.KindEnum:
		return quote(s), isString && slices.Contains(t.Words, s)
	case types.KindTime:
		when, err := time.Parse(time.RFC3339, s)
		if len(s) > 12 && (s[12] == ':' || strings.Contains(s, ",")) {
			return "", false
		}
		if y := when.Year(); err == nil && (y < 1678 || y > 2261) {
			return "", false
		}
		return quote(when.UTC().Format(time.RFC3339Nano)), err == nil
	case types.KindDuration:
		d, err := time.ParseDuration(s)
		if !isString {
			var n int64
			err = json.Unmarshal(raw, &n)
			if f, ok := new(big.Rat).SetString(word); err != nil && ok && len(word) < 30 && f.IsInt() && f.Num().IsInt64() {
				n, err = f.Num().Int64(), nil
			}
			d = time.Duration(n)
		}
		return quote(d.String()), err == nil
	case types.KindDecimal:
		if isString {
			word = s
		}
		r, ok := new(big.Rat), false
		if len(word) < 30 && json.Valid([]byte(word)) && strings.TrimSpace(word) == word {
			r, ok = r.SetString(word)
		}
		if !ok {
			return "", false
		}
		scaled := new(big.Rat).Mul(r, big.NewRat(int64(math.Pow10(t.Scale)), 1))
		return r.FloatString(t.Scale), scaled.IsInt() && scaled.Num().CmpAbs(big.NewInt(int64(math.Pow10(t.Precision)))) < 0
	case types.KindBytes:
		v, err := base64.StdEncoding.DecodeString(s)
		return quote(base64.StdEncoding.EncodeToString(v)), err == nil && isString
	case types.KindAny:
		return word, true
	case types.KindList:
		return expectedList(t, raw)
	}
	return expectedObject(t, raw)
}

func expectedList(t *types.Type, raw json.RawMessage) (string, bool) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return "", false
	}
	out := []string{}
	for _, item := range items {
		s, ok := expected(t.Elem, item)
		if !ok {
			return "", false
		}
		out = append(out, s)
	}
	return "[" + strings.Join(out, ",") + "]", true
}

// expectedObject fails too if a key that comes again had a wrong value before.
func expectedObject(t *types.Type, raw json.RawMessage) (string, bool) {
	if bytes.TrimSpace(raw)[0] != '{' {
		return "", false
	}
	got := map[string]string{}
	keys, values := members(raw)
	for i, k := range keys {
		if f, ok := t.Field(k); ok {
			if got[k], ok = expected(f.Type, values[i]); !ok {
				return "", false
			}
		}
	}
	var out []string
	for _, f := range t.Fields {
		v, ok := got[f.Name]
		if !ok {
			if v = "null"; !f.Type.Nullable {
				return "", false
			}
		}
		out = append(out, string(AppendString(nil, f.Name))+":"+v)
	}
	return "{" + strings.Join(out, ",") + "}", true
}

// oracle holds the scanners that lines are tried on; they learn as they go.
type oracle struct {
	typed, untyped *types.Type
	scan, check    *Scanner
	enc, checkEnc  *Encoder
}

func newOracle(t testing.TB) *oracle {
	o := &oracle{typed: mustType(t, oracleType), untyped: mustType(t, "{a: any, i: any}")}
	o.scan, _ = New(o.typed, Options{})
	o.check, _ = New(o.untyped, Options{})
	o.enc, o.checkEnc = NewEncoder(o.typed), NewEncoder(o.untyped)
	return o
}

// try compares one line with encoding/json.
func (o *oracle) try(line []byte) error {
	if bytes.IndexByte(line, '\n') >= 0 || len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	src := append(bytes.Clone(line), '\n')
	valid := json.Valid(line) && utf8.Valid(line) && bytes.TrimSpace(line)[0] == '{'
	for _, c := range []struct {
		t   *types.Type
		s   *Scanner
		enc *Encoder
	}{{o.untyped, o.check, o.checkEnc}, {o.typed, o.scan, o.enc}} {
		b := record.New(c.t)
		next, bad := c.s.Scan(src, 0, b, 10)
		got := string(c.enc.AppendBatch(nil, b))
		b.Release()
		want, ok := "", false
		if valid {
			want, ok = expectedObject(c.t, line)
			want += "\n"
		}
		if ok != (bad == nil) {
			return fmt.Errorf("accepted: %t, want %t (%v)", bad == nil, ok, bad)
		}
		if ok && got != want {
			return fmt.Errorf("\n got %s\nwant %s", got, want)
		}
		if bad != nil && (got != "" || bad.End != len(src) || bad.Raw != strings.TrimRight(strings.TrimLeft(string(line), " \t\r"), "\r")) {
			return fmt.Errorf("bad row %+v leaves %q", *bad, got)
		}
		if next != len(src) {
			return fmt.Errorf("stopped at %d of %d", next, len(src))
		}
		if string(src) != string(line)+"\n" {
			return fmt.Errorf("the line was changed to %q", src)
		}
		if ok && !json.Valid([]byte(got)) {
			return fmt.Errorf("the encoder wrote %s", got)
		}
	}
	return nil
}

func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		if err := o.try(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	})
}

// TestMutatedLines is the fuzz test with mutations that are seeded: each run tries
// the same lines.
func TestMutatedLines(t *testing.T) {
	o := newOracle(t)
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{`"`, `\`, `\u`, `\ud83d`, `{`, `}`, `[`, `]`, `,`, `:`, `1`, `-`, `.`, `e`, `0`, `null`, `true`, ` `, "\t", "\r", "\x00", "é", "\xff", `"i":`, `"r":{"l":[`, `"é\"":`}
	for n := range 60_000 {
		line := []byte(seeds[rng.IntN(len(seeds))])
		for range 1 + n%3 {
			at := rng.IntN(len(line) + 1)
			piece := pieces[rng.IntN(len(pieces))]
			switch {
			case rng.IntN(3) == 0:
				line = slices.Insert(line, at, []byte(piece)...)
			case rng.IntN(2) == 0:
				line = slices.Delete(line, at, min(at+1+rng.IntN(3), len(line)))
			default:
				line = slices.Replace(line, at, min(at+len(piece), len(line)), []byte(piece)...)
			}
		}
		if err := o.try(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
}

// FuzzSplit compares what comes out of a Splitter, whatever the sizes of the
// pieces it is given, with encoding/json.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`[1, {"a":"]"}, [2,3]]`, `[]`, ` [ ] `, `{"a":1}{"b":"\"}"} 3`, `[1,]`, `[1 2]`, `[,1]`, `[1]x`, `[`, ``, `1,2`, "\xEF\xBB\xBF[1]", `["\\",2]`, "[1}", `[1`, `tru`, `["a]`, "[{\n}\n,\n2]"} {
		f.Add([]byte(s), uint8(3))
	}
	typ := types.Any
	f.Fuzz(func(t *testing.T, src []byte, step uint8) {
		got, err := splitAll(t, typ, src, int(step)+1)
		whole, wholeErr := splitAll(t, typ, src, len(src)+1)
		if fmt.Sprint(err) != fmt.Sprint(wholeErr) || !slices.Equal(got, whole) {
			t.Fatalf("%q in pieces of %d gives %q, %v; whole it gives %q, %v", src, int(step)+1, got, err, whole, wholeErr)
		}
		body := bytes.TrimPrefix(src, bom)
		valid := json.Valid(body) && utf8.Valid(body)
		if array := bytes.TrimSpace(body); len(array) == 0 || array[0] != '[' {
			if valid && (err != nil || len(got) != 1) {
				t.Fatalf("one value %q gives %q, %v", src, got, err)
			}
			return
		}
		if valid != (err == nil) {
			t.Fatalf("%q is an array: %t, got %q, %v", src, valid, got, err)
		}
		if valid {
			var want []json.RawMessage
			json.Unmarshal(body, &want)
			if len(want) != len(got) {
				t.Fatalf("%q gives %q", src, got)
			}
			for i := range want {
				var a, b bytes.Buffer
				json.Compact(&a, want[i])
				json.Compact(&b, []byte(got[i]))
				if a.String() != b.String() {
					t.Fatalf("item %d of %q is %q, want %q", i, src, got[i], want[i])
				}
			}
		}
	})
}

// splitAll reads src by a Splitter that gets step more bytes at a time, and a
// Scanner; the first bad row is an error.
func splitAll(t *testing.T, typ *types.Type, src []byte, step int) (rows []string, err error) {
	var sp Splitter
	s, _ := New(typ, Options{Values: true})
	enc := NewEncoder(typ)
	for start, end := 0, 0; ; {
		end = min(end+step, len(src))
		from, to, used, splitErr := sp.Split(src[start:end], end == len(src))
		chunk := src[start:end][from:to]
		for p := 0; p < len(chunk); {
			b := record.New(typ)
			next, bad := s.Scan(chunk, p, b, 3)
			for i := range b.Rows {
				rows = append(rows, string(enc.AppendRow(nil, b, i)))
			}
			b.Release()
			if bad != nil && err == nil {
				err = fmt.Errorf("bad row %q: %w", bad.Raw, bad)
			}
			if next <= p {
				t.Fatalf("no progress in %q", chunk)
			}
			p = next
		}
		if splitErr != nil {
			if err == nil {
				err = splitErr
			}
			return rows, err
		}
		start += used
		if end == len(src) {
			return rows, err
		}
	}
}

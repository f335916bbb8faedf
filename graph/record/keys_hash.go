package record

import (
	"hash/maphash"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/types"
)

// This file has the hashes of keys within a process, and when two are equal.

// Hashes and equality of keys, within this process.

// The seeds of this process.
var (
	textSeed = maphash.MakeSeed()
	hashSeed = maphash.Bytes(textSeed, nil)
)

// nullHash stands for null.
const nullHash = 0x9e3779b97f4a7c15

// mix folds a value into a hash: the multiplication of wyhash (Wang Yi, public
// domain), whose upper half takes part in every bit of the result.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v, 0xa0761d6478bd642f)
	return hi ^ lo
}

// Hash appends the hash of each selected row of b to dst.
func (k *Keys) Hash(b *Batch, dst []uint64) []uint64 {
	from := len(dst)
	for range b.Len() {
		dst = append(dst, hashSeed)
	}
	for i, c := range b.Cols {
		if k.anys != nil && k.anys[i] != nil {
			c.hashAny(dst[from:], k.anys[i], b)
			continue
		}
		c.hashInto(dst[from:], b)
	}
	return dst
}

// hashAny folds what JSON says into the hashes.
func (c *Column) hashAny(hashes []uint64, t *types.Type, b *Batch) {
	var text []byte
	for i := range hashes {
		text = c.appendCanonicalKey(text[:0], t, b.Row(i))
		hashes[i] = mix(hashes[i], maphash.Bytes(textSeed, text))
	}
}

// hashInto folds the values of the selected rows into their hashes.
func (c *Column) hashInto(hashes []uint64, b *Batch) {
	switch {
	case c.HasNull() || c.Form == FormList || c.Form == FormRecord || c.Form == FormBool:
		for i := range hashes {
			hashes[i] = c.hash(hashes[i], b.Row(i))
		}
	case c.Form == FormInt:
		for i := range hashes {
			hashes[i] = mix(hashes[i], uint64(c.Int[b.Row(i)]))
		}
	case c.Form == FormFloat:
		for i := range hashes {
			hashes[i] = mix(hashes[i], floatBits(c.Float[b.Row(i)]))
		}
	case c.Form == FormText:
		for i := range hashes {
			hashes[i] = mix(hashes[i], maphash.String(textSeed, c.Str[b.Row(i)]))
		}
	}
}

// hash folds one value into a hash.
func (c *Column) hash(h uint64, row int) uint64 {
	if c.IsNull(row) {
		return mix(h, nullHash)
	}
	switch c.Form {
	case FormInt:
		return mix(h, uint64(c.Int[row]))
	case FormFloat:
		return mix(h, floatBits(c.Float[row]))
	case FormBool:
		if c.Bool[row] {
			return mix(h, 1)
		}
		return mix(h, 0)
	case FormText:
		return mix(h, maphash.String(textSeed, c.Str[row]))
	case FormList:
		from, to := c.Range(row)
		h = mix(h, uint64(to-from))
		for i := from; i < to; i++ {
			h = c.Elem.hash(h, i)
		}
	case FormRecord:
		for _, f := range c.Fields {
			if f != nil {
				h = f.hash(h, row)
			}
		}
	}
	return h
}

// ExactFloat gives an int as the float that equals it, and NaN if there is none, as
// for 2^53 + 1.
func ExactFloat(n int64) float64 {
	f := float64(n)
	if n > 1<<53 || n < -1<<53 {
		if f >= 1<<63 || int64(f) != n {
			return math.NaN()
		}
	}
	return f
}

// ExactDecimal gives the decimal n·10^-scale as the float that is written with its digits,
// and NaN if there is none.
func ExactDecimal(n int64, scale int) float64 {
	if -1e15 < n && n < 1e15 { // both numbers of the division are exact, and every float has 15 digits
		return float64(n) / powers[scale]
	}
	f, err := strconv.ParseFloat(strconv.FormatInt(n, 10)+"e-"+strconv.Itoa(scale), 64)
	back, err2 := strconv.ParseInt(strings.Replace(strconv.FormatFloat(f, 'f', scale, 64), ".", "", 1), 10, 64)
	if err != nil || err2 != nil || back != n {
		return math.NaN()
	}
	return f
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// floatBits gives equal bits for equal numbers.
func floatBits(f float64) uint64 {
	if f == 0 {
		return 0 // also of -0
	}
	return math.Float64bits(f)
}

// Equal reports whether row i of c and row j of o hold equal values: null equals
// null. Both columns are of one type.
func (c *Column) Equal(i int, o *Column, j int) bool {
	if null := c.IsNull(i); null || o.IsNull(j) {
		return null && o.IsNull(j)
	}
	switch c.Form {
	case FormInt:
		return c.Int[i] == o.Int[j]
	case FormFloat:
		return floatBits(c.Float[i]) == floatBits(o.Float[j])
	case FormBool:
		return c.Bool[i] == o.Bool[j]
	case FormText:
		return c.Str[i] == o.Str[j]
	case FormList:
		return c.equalLists(i, o, j)
	}
	for k, f := range c.Fields {
		if f != nil && o.Fields[k] != nil && !f.Equal(i, o.Fields[k], j) {
			return false
		}
	}
	return true
}

func (c *Column) equalLists(i int, o *Column, j int) bool {
	from, to := c.Range(i)
	other, end := o.Range(j)
	if to-from != end-other {
		return false
	}
	for ; from < to; from, other = from+1, other+1 {
		if !c.Elem.Equal(from, o.Elem, other) {
			return false
		}
	}
	return true
}

package record

import "strconv"

// This file has the hashes of keys that are the same in every process.

// StableHashes appends a hash of each selected row of b to dst that is the same
// in every process and every version: what decides to which partition a key
// belongs. Keys that are equal, by the rules of Keys, have equal hashes.
//
// It is the 64-bit FNV-1a hash of the key's text (Fowler, Noll, Vo), finished by
// the mixer of MurmurHash3 (Appleby, public domain), because the lower bits of
// FNV depend on the lower bits of the text alone. The text of a key is that of
// each part followed by the byte 0xFF: text and bytes as they are; integers,
// times and durations (in nanoseconds) in decimal; decimals as their scaled
// integer; floats in the shortest form that reads back, without an exponent up to
// 21 digits, so that 1.0 is "1"; true and false; null as the byte 0xFE; JSON in the form of
// AppendCanonical; a list or a record as its parts, each followed by 0xFF, and the byte 0xFD.
func StableHashes(b *Batch, dst []uint64) []uint64 {
	var text []byte
	anys := anyColumns(b.Type)
	for i := range b.Len() {
		text = text[:0]
		for k, c := range b.Cols {
			if anys != nil && anys[k] != nil {
				text = c.appendCanonicalKey(text, anys[k], b.Row(i))
				continue
			}
			text = c.appendKeyText(text, b.Row(i))
		}
		dst = append(dst, fmix64(fnv1a(text)))
	}
	return dst
}

func (c *Column) appendKeyText(text []byte, row int) []byte {
	if c.IsNull(row) {
		return append(text, 0xFE, 0xFF)
	}
	switch c.Form {
	case FormInt:
		text = strconv.AppendInt(text, c.Int[row], 10)
	case FormFloat:
		text = appendKeyFloat(text, c.Float[row])
	case FormBool:
		text = strconv.AppendBool(text, c.Bool[row])
	case FormText:
		text = append(text, c.Str[row]...)
	case FormList:
		from, to := c.Range(row)
		for i := from; i < to; i++ {
			text = c.Elem.appendKeyText(text, i)
		}
		text = append(text, 0xFD)
	case FormRecord:
		for _, f := range c.Fields {
			if f != nil {
				text = f.appendKeyText(text, row)
			}
		}
		text = append(text, 0xFD)
	}
	return append(text, 0xFF)
}

func appendKeyFloat(text []byte, f float64) []byte {
	switch {
	case f == 0:
		return append(text, '0')
	case f > -1e21 && f < 1e21:
		return strconv.AppendFloat(text, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(text, f, 'e', -1, 64)
}

func fnv1a(text []byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range text {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

func fmix64(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

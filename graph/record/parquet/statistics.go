package parquet

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record"
)

// This file finds what the footer says of the values of a column.

// Bounds are the least and the greatest value of a chunk.
type bounds struct {
	seen, unknown      bool
	least, most        int64
	leastF, mostF      float64
	leastText, mostTxt string
	values             int64
}

func (s *bounds) add(n *node, p *shred) {
	for _, v := range p.ints {
		if !s.seen {
			s.least, s.most, s.seen = v, v, true
		}
		s.least, s.most = min(s.least, v), max(s.most, v)
	}
	for _, f := range p.floats {
		if !s.seen {
			s.leastF, s.mostF, s.seen = f, f, true
		}
		s.unknown = s.unknown || f != f
		s.leastF, s.mostF = min(s.leastF, f), max(s.mostF, f)
	}
	for _, b := range p.bools {
		v := int64(0)
		if b {
			v = 1
		}
		if !s.seen {
			s.least, s.most, s.seen = v, v, true
		}
		s.least, s.most = min(s.least, v), max(s.most, v)
	}
	from := int32(0)
	for _, end := range p.ends {
		text := record.View(p.text[from:end])
		from = end
		if !s.seen {
			s.leastText, s.mostTxt, s.seen = text, text, true
		}
		if text < s.leastText {
			s.leastText = text
		}
		if text > s.mostTxt {
			s.mostTxt = text
		}
	}
	s.values += int64(p.values())
}

// statistics gives the bounds as they stand in the footer.
func (s *bounds) statistics(n *node, entries int64) format.Statistics {
	st := format.Statistics{NullCount: entries - s.values}
	if !s.seen || s.unknown {
		return st
	}
	switch n.typ {
	case format.Boolean:
		st.MinValue, st.MaxValue = []byte{byte(s.least)}, []byte{byte(s.most)}
	case format.Int32:
		st.MinValue, st.MaxValue = binary.LittleEndian.AppendUint32(nil, uint32(s.least)), binary.LittleEndian.AppendUint32(nil, uint32(s.most))
	case format.Int64:
		st.MinValue, st.MaxValue = binary.LittleEndian.AppendUint64(nil, uint64(s.least)), binary.LittleEndian.AppendUint64(nil, uint64(s.most))
	case format.Double:
		if s.leastF == 0 { // which zero it is, no reader may depend on
			s.leastF = math.Copysign(0, -1)
		}
		if s.mostF == 0 {
			s.mostF = 0
		}
		st.MinValue, st.MaxValue = binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.leastF)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.mostF))
	case format.ByteArray:
		if len(s.leastText) > 0 && len(s.leastText) <= longestBounds && len(s.mostTxt) <= longestBounds {
			st.MinValue, st.MaxValue = []byte(s.leastText), []byte(s.mostTxt)
		}
	}
	return st
}

package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// This file is about what stands before a body: the wire format of Confluent's registry of
// schemas, which is a zero byte, the id of a schema in four bytes, and with Protobuf the place of
// the message in its file.

// The values of the setting framing.
const (
	framingNone      = "none"
	framingConfluent = "confluent"
)

// headerSize is that of the zero byte and the id.
const headerSize = 5

// A frame is what a message has before its body.
type frame struct {
	framing string
	id      int64 // of the schema; 0: reading, any
	path    []int // of the message in its file; nil: the format has none
}

var errNoHeader = errors.New("it has no header of framing: confluent, a zero byte and the id of its schema: leave out framing if messages have none")

// maxPath is how deep a message may be in others.
const maxPath = 64

// strip takes the header off, and gives the id that it has, 0 if there is none.
func (f frame) strip(body []byte) (id int64, rest []byte, err error) {
	if f.framing != framingConfluent {
		return 0, body, nil
	}
	if len(body) < headerSize || body[0] != 0 {
		return 0, nil, errNoHeader
	}
	id, body = int64(binary.BigEndian.Uint32(body[1:])), body[headerSize:]
	if f.path == nil {
		return id, body, nil
	}
	path, body, err := pathOf(body)
	if err == nil && !slices.Equal(path, f.path) {
		err = fmt.Errorf("it is another message of its schema: that with the number %v, and the message of the settings has %v", path, f.path)
	}
	return id, body, err
}

// pathOf reads the place of a message: how many numbers there are, and the numbers. The first
// message of a file, which is the usual one, is a single 0.
func pathOf(body []byte) (path []int, rest []byte, err error) {
	next := func() int64 {
		v, n := binary.Varint(body)
		if n <= 0 {
			err = errNoHeader
			return 0
		}
		body = body[n:]
		return v
	}
	n := next()
	switch {
	case err != nil || n < 0 || n > maxPath:
		return nil, nil, errNoHeader
	case n == 0:
		return []int{0}, body, nil
	}
	for range n {
		path = append(path, int(next()))
	}
	return path, body, err
}

// header is what is written before a body.
func (f frame) header() []byte {
	if f.framing != framingConfluent {
		return nil
	}
	h := binary.BigEndian.AppendUint32([]byte{0}, uint32(f.id))
	switch {
	case f.path == nil:
		return h
	case slices.Equal(f.path, []int{0}):
		return append(h, 0)
	}
	h = binary.AppendVarint(h, int64(len(f.path)))
	for _, n := range f.path {
		h = binary.AppendVarint(h, int64(n))
	}
	return h
}

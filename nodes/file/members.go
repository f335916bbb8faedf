package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// This file reads packs of several members, and tells what stands behind the last one.

// errGarbage is that of bytes behind the last member of a pack.
var errGarbage = errors.New("it goes on with something else")

// A membersReader reads the members of a gzip file, one after the other. Zeros behind
// the last one, with which tapes and some writers fill a block up, are no member.
type membersReader struct {
	src *bufio.Reader
	z   *gzip.Reader
	err error
}

// gzipMagic is how a member begins.
var gzipMagic = []byte("\x1F\x8B")

func unpackGzip(r io.Reader) (io.Reader, func(), error) {
	src := bufio.NewReader(r)
	z, err := gzip.NewReader(src)
	if err == io.EOF {
		return nil, nil, errNothing
	}
	if err != nil {
		return nil, nil, fmt.Errorf("this is not a gzip file: %w", err)
	}
	z.Multistream(false)
	return &membersReader{src: src, z: z}, func() { z.Close() }, nil
}

// Read implements io.Reader.
func (m *membersReader) Read(p []byte) (n int, err error) {
	for m.err == nil {
		if n, err = m.z.Read(p); err != io.EOF {
			m.err = err
			return n, err
		}
		if m.err = m.next(); n > 0 {
			return n, nil
		}
	}
	return 0, m.err
}

// next goes on to the next member; io.EOF if there is none.
func (m *membersReader) next() error {
	head, err := m.src.Peek(len(gzipMagic))
	switch {
	case err != nil && err != io.EOF:
		return err
	case bytes.Equal(head, gzipMagic):
		if err := m.z.Reset(m.src); err != nil {
			return cutOff(err)
		}
		m.z.Multistream(false)
		return nil
	}
	for {
		c, err := m.src.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return errGarbage
		}
	}
}

// cutOff turns the end of a file in the head of a member into what it is.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A framesReader tells what is no zstd file from one that goes on with something else.
type framesReader struct {
	r    *zstd.Decoder
	some bool // of it was read
}

// Read implements io.Reader.
func (f *framesReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if f.some = f.some || n > 0; f.some && errors.Is(err, zstd.ErrMagicMismatch) {
		err = errGarbage
	}
	return n, err
}

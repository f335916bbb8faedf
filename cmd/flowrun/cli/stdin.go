package cli

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
)

// standardInput is what a flow reads as "-": what was looked at of it to infer types is
// read again. Whether it has an end, the flow sees by Stat or Len.
type standardInput struct {
	*bufio.Reader
	of io.Reader
}

func newStandardInput(of io.Reader) *standardInput {
	return &standardInput{bufio.NewReaderSize(of, sampledBytes), of}
}

// ahead is what types may be inferred from; nil if there is no standard input.
func (s *standardInput) ahead() *bufio.Reader {
	if s == nil {
		return nil
	}
	return s.Reader
}

// Stat describes the file, if it is one.
func (s *standardInput) Stat() (fs.FileInfo, error) {
	if f, ok := s.of.(interface{ Stat() (fs.FileInfo, error) }); ok {
		return f.Stat()
	}
	return nil, errors.ErrUnsupported
}

// Len is how much is left of a text in memory, -1 of anything else.
func (s *standardInput) Len() int {
	if text, ok := s.of.(interface{ Len() int }); ok {
		return text.Len()
	}
	return -1
}

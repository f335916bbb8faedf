package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/flowrun/flowrun/graph/render"
)

// This file is the child process that places the cards of a scene.

// LayoutWorker is the child of a [Layouter]: it reads scenes and writes them back
// with positions until its input ends. A frame on either side is four bytes of
// length, big-endian, and so many bytes of JSON.
func LayoutWorker(in io.Reader, out io.Writer) error {
	questions := bufio.NewReader(in)
	for {
		question, err := readFrame(questions)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := json.Marshal(layOut(question))
		if err != nil {
			return err
		}
		if err := writeFrame(out, answer); err != nil {
			return err
		}
	}
}

// A layoutReply is what the child answers.
type layoutReply struct {
	Scene  json.RawMessage `json:"scene,omitempty"`
	Error  string          `json:"error,omitempty"`
	Memory int64           `json:"memory"` // that the child uses, in bytes
}

func layOut(question []byte) layoutReply {
	var s render.Scene
	reply := layoutReply{}
	err := json.Unmarshal(question, &s)
	if err == nil {
		err = render.Layout(context.Background(), &s)
	}
	if err == nil {
		reply.Scene, err = json.Marshal(&s)
	}
	if err != nil {
		reply.Error = err.Error()
	}
	reply.Memory = resident()
	return reply
}

// resident is the memory of this process: what the kernel counts, or what Go took
// from it where that is not known.
func resident() int64 {
	var total, pages int64
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Fscan(bytes.NewReader(text), &total, &pages); err == nil {
			return pages * int64(os.Getpagesize())
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

func writeFrame(w io.Writer, text []byte) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	_, err := w.Write(append(head, text...))
	return err
}

// readFrame gives io.EOF at the end of the stream between two frames.
func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes: want %d at most", n, maxFrame)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return text, nil
}

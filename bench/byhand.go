package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"sync"
)

// This file has the two programs that people write instead of a flow: with channels of
// maps, and by hand.

// channelsOfMaps is the program that people write: a goroutine for each stage,
// channels between them, and encoding/json with maps.
func channelsOfMaps(args []string) (result, error) {
	return timed(func() (string, error) {
		in, err := os.Open(args[0])
		if err != nil {
			return "", err
		}
		defer in.Close()
		out, err := os.Create(args[1])
		if err != nil {
			return "", err
		}
		defer out.Close()
		p := &plain{}
		lines := p.lines(in)
		rows := stage(p, lines, func(line []byte, emit func(map[string]any)) error {
			var row map[string]any
			err := json.Unmarshal(line, &row)
			emit(row)
			return err
		})
		late := stage(p, rows, func(row map[string]any, emit func(map[string]any)) error {
			if row["delay"].(float64) > 15 {
				emit(row)
			}
			return nil
		})
		priced := stage(p, late, func(row map[string]any, emit func(map[string]any)) error {
			row["cost"] = row["delay"].(float64) * row["distance"].(float64)
			emit(row)
			return nil
		})
		texts := stage(p, priced, func(row map[string]any, emit func([]byte)) error {
			text, err := json.Marshal(row)
			emit(text)
			return err
		})
		w := bufio.NewWriter(out)
		for text := range texts {
			w.Write(text)
			w.WriteByte('\n')
		}
		p.stages.Wait()
		p.note(w.Flush())
		return "", p.first
	})
}

// plain is what the stages of such a program share.
type plain struct {
	stages sync.WaitGroup
	mu     sync.Mutex
	first  error
}

func (p *plain) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		p.first = err
	}
}

func (p *plain) lines(in io.Reader) <-chan []byte {
	out := make(chan []byte, 128)
	p.stages.Go(func() {
		defer close(out)
		s := bufio.NewScanner(in)
		for s.Scan() {
			out <- bytes.Clone(s.Bytes())
		}
		p.note(s.Err())
	})
	return out
}

func stage[I, O any](p *plain, in <-chan I, f func(x I, emit func(O)) error) <-chan O {
	out := make(chan O, 128)
	p.stages.Go(func() {
		defer close(out)
		for x := range in {
			if err := f(x, func(y O) { out <- y }); err != nil {
				p.note(err)
			}
		}
	})
	return out
}

// byHand is what the machine can do: no channels, no records, no checks; it knows
// the order and the form of the fields, and copies lines as they are. Two halves of
// each chunk are worked on at the same time.
func byHand(args []string) (result, error) {
	return timed(func() (string, error) {
		in, err := os.Open(args[0])
		if err != nil {
			return "", err
		}
		defer in.Close()
		out, err := os.Create(args[1])
		if err != nil {
			return "", err
		}
		defer out.Close()
		chunk, kept := make([]byte, 4<<20), 0
		var a, b []byte
		for {
			n, err := io.ReadFull(in, chunk[kept:])
			whole := chunk[:kept+n]
			if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
				return "", err
			}
			end := bytes.LastIndexByte(whole, '\n') + 1
			middle := bytes.LastIndexByte(whole[:end/2], '\n') + 1
			var other sync.WaitGroup
			other.Go(func() { b = price(b[:0], whole[middle:end]) })
			a = price(a[:0], whole[:middle])
			other.Wait()
			if _, err := out.Write(a); err != nil {
				return "", err
			}
			if _, err := out.Write(b); err != nil {
				return "", err
			}
			if err != nil {
				return "", nil
			}
			kept = copy(chunk, whole[end:])
		}
	})
}

// price appends the late ones of the lines with their cost. Delay and distance are
// the last fields, so that is where it looks for them.
func price(dst, lines []byte) []byte {
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n')
		line := lines[:end-1] // without its brace
		lines = lines[end+1:]
		comma := bytes.LastIndexByte(line, ',')
		distance := number(line[comma+len(`,"distance":`):])
		delay := number(line[1+bytes.LastIndexByte(line[:comma], ':') : comma])
		if delay > 15 {
			dst = append(dst, line...)
			dst = append(dst, `,"cost":`...)
			dst = strconv.AppendInt(dst, delay*distance, 10)
			dst = append(dst, "}\n"...)
		}
	}
	return dst
}

func number(digits []byte) int64 {
	n, sign := int64(0), int64(1)
	for _, c := range digits {
		if c == '-' {
			sign = -1
			continue
		}
		n = 10*n + int64(c-'0')
	}
	return sign * n
}

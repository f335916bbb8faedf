package file

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A jerky reader gives what it has in parts of any size.
type jerky struct {
	r   io.Reader
	rng *rand.Rand
	max int
}

func (j *jerky) Read(p []byte) (int, error) {
	return j.r.Read(p[:min(len(p), 1+j.rng.IntN(j.max))])
}

// chunks reads an input to its end: the text of the chunks, and for each the line of
// its first byte.
func chunks(t *testing.T, in *input) (all string, texts []string, lines []int) {
	t.Helper()
	for {
		p, err := in.next()
		if err == io.EOF {
			return all, texts, lines
		}
		if err != nil {
			t.Fatal(err)
		}
		all += string(p.text)
		texts, lines = append(texts, string(p.text)), append(lines, p.line)
		p.arena.Release()
	}
}

// However standard input comes, chunks are whole rows, all of them, with the right
// lines.
func TestChunksOfStreams(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		var text strings.Builder
		if round%2 == 0 {
			text.Write(bom)
		}
		var rows []string
		for range rng.IntN(40) {
			cell := strings.Repeat("x\n", rng.IntN(5)) + strings.Repeat("y", rng.IntN(200))
			if r := round % 9; (r == 1 || r == 2) && rng.IntN(20) == 0 { // more than a chunk holds
				cell = strings.Repeat("long ", 60_000)
			}
			rows = append(rows, "1,\""+cell+"\"\n")
		}
		text.WriteString(strings.Join(rows, ""))
		rest := strings.TrimPrefix(text.String(), string(bom))
		for name, cut := range map[string]func(in *input) (cutter, error){
			"lines": lineRows{}.begin,
			"csv":   (&csvRows{options: csv.Options{Dialect: csv.Standard}}).begin,
		} {
			part := 50_000
			if round%3 == 0 {
				part = 3
			}
			p := newPump(t.Context(), &jerky{strings.NewReader(text.String()), rng, 1 + rng.IntN(part)}, func() {})
			in := &input{name: name, src: p, pump: p, line: 1}
			var err error
			if in.cut, err = cut(in); err != nil {
				t.Fatal(err)
			}
			all, texts, lines := chunks(t, in)
			p.close()
			if all != rest {
				t.Fatalf("%s, round %d: %d bytes, want %d", name, round, len(all), len(rest))
			}
			line := 1
			for i, text := range texts {
				if lines[i] != line {
					t.Fatalf("%s, round %d: chunk %d begins in line %d, want %d", name, round, i, lines[i], line)
				}
				line += strings.Count(text, "\n")
				if name == "csv" && strings.Count(text, `"`)%2 != 0 {
					t.Fatalf("round %d: a chunk ends inside quotes", round)
				}
			}
		}
	}
}

// What stands between rows counts for lines too, however it comes.
func TestChunksOfJSON(t *testing.T) {
	text := "[\n\n{}\n\n,\n x"
	for part := 1; part <= len(text); part++ {
		p := newPump(t.Context(), &jerky{strings.NewReader(text), rand.New(rand.NewPCG(uint64(part), 0)), part}, func() {})
		in := &input{name: "x", src: p, pump: p, line: 1, cut: &jsonCutter{}}
		var err error
		for err == nil {
			var one *chunk
			if one, err = in.next(); err == nil {
				if one.line != 3 {
					t.Errorf("parts of %d: the row is in line %d", part, one.line)
				}
				one.arena.Release()
			}
		}
		p.close()
		if !strings.HasPrefix(err.Error(), "x:6: ") {
			t.Errorf("parts of %d: %v", part, err)
		}
	}
}

// A file that grows while it is read is read to where it ends then, and one that is
// cut off ends there.
func TestChunksOfChangingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.txt")
	row := strings.Repeat("x", 99) + "\n"
	for _, c := range []struct {
		name   string
		change func() error
		want   int
	}{
		{"grows", func() error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err := f.WriteString(row); err != nil {
				return err
			}
			return f.Close()
		}, 40_001},
		{"shrinks", func() error { return os.Truncate(path, int64(20_000*len(row))) }, 20_000},
	} {
		if err := os.WriteFile(path, []byte(strings.Repeat(row, 40_000)), 0o600); err != nil {
			t.Fatal(err)
		}
		var read atomic.Int64
		in, err := open(context.Background(), new(graph.Flow), sourceFile{path: path}, nil, plain, nil, &read)
		if err != nil {
			t.Fatal(err)
		}
		in.cut = &lineCutter{}
		p, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		first := bytes.Count(p.text, newline)
		p.arena.Release()
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		all, _, _ := chunks(t, in)
		in.end()
		if got := first + strings.Count(all, row); got != c.want {
			t.Errorf("%s: %d rows, want %d", c.name, got, c.want)
		}
	}
}

// One long row does not keep its memory for the rest of the file.
func TestChunksForgetLongRows(t *testing.T) {
	text := "a\n" + strings.Repeat("y", 20<<20) + "\n" + strings.Repeat("short\n", 400_000)
	in := &input{name: "x", src: strings.NewReader(text), cut: &lineCutter{}, line: 1}
	if all, _, _ := chunks(t, in); all != text {
		t.Errorf("%d bytes, want %d", len(all), len(text))
	}
	if cap(in.rest) > 4*record.ArenaSize {
		t.Errorf("%d bytes are kept", cap(in.rest))
	}
}

// A row that comes through a pipe takes work in proportion to its length, however many
// parts it comes in: 16 times as much for 16 times the bytes, not 256 times. Work is
// processor time, which is the same on a busy machine.
func TestChunksOfALongRow(t *testing.T) {
	spent := func(size int) time.Duration {
		begun := nodetest.CPUTime()
		p := newPump(t.Context(), strings.NewReader(strings.Repeat("x", size)), func() {})
		defer p.close()
		in := &input{name: "x", src: p, pump: p, line: 1, cut: &lineCutter{}}
		if all, _, _ := chunks(t, in); len(all) != size+1 {
			t.Errorf("%d bytes of %d", len(all), size)
		}
		return nodetest.CPUTime() - begun
	}
	const size, most = 1 << 20, 48
	few, many := spent(size), spent(16*size)
	for try := 0; many > most*few && try < 3; try++ { // a garbage collection fell into one of them
		few, many = max(few, spent(size)), min(many, spent(16*size))
	}
	if many > most*few {
		t.Errorf("%d MB take %s, %d MB take %s", size>>20, few, 16*size>>20, many)
	}
}

// A row that never ends takes no memory, and a stop ends the reading.
func TestChunksBoundRows(t *testing.T) {
	const most = 4 << 20
	for begin, cut := range map[string]cutter{
		"a\nb\n":        &lineCutter{most: most},
		"a,b\n1,2\n":    &csvCutter{Dialect: csv.Standard, most: most},
		"a,b\n1,2\n\"x": &csvCutter{Dialect: csv.Standard, most: most},
		"[1,\n\"":       &jsonCutter{s: jsonl.Splitter{Max: most}},
		"[1,\n[":        &jsonCutter{s: jsonl.Splitter{Max: most}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := &endless{after: 1 << 27, then: cancel}
		in := &input{name: "x.csv", src: io.MultiReader(strings.NewReader(begin), r), cut: cut, most: most, line: 1, ctx: ctx}
		p, err := in.next()
		if rows := strings.TrimSuffix(strings.TrimPrefix(begin, "["), `"x`); err != nil || p.line != 1 || !strings.HasPrefix(rows, strings.TrimRight(string(p.text), "\n")) {
			t.Fatalf("%q: %v", begin, err)
		}
		p.arena.Release()
		before := allocated()
		if _, err = in.next(); err != context.Canceled {
			t.Errorf("%q: %v", begin, err)
		}
		if took := allocated() - before; took > 4*most {
			t.Errorf("%q: %d bytes were taken for %d", begin, took, r.after)
		}
	}
}

// endless gives x for ever, and calls then after so many.
type endless struct {
	after, given int
	then         func()
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	if e.given += len(p); e.given >= e.after && e.then != nil {
		e.then()
	}
	return len(p), nil
}

// allocated is how many bytes were taken so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

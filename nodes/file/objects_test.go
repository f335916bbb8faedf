package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// A shelf is a store in memory. The ETag of an object is its text.
type shelf struct {
	objects map[string]string
	opened  int
}

func (s *shelf) object(address string) nodes.Object {
	return nodes.Object{Address: address, Size: int64(len(s.objects[address])), ETag: s.objects[address]}
}

func (s *shelf) Find(_ context.Context, address string) (found []nodes.Object, err error) {
	for _, a := range slices.Sorted(maps.Keys(s.objects)) {
		if ok, _ := Matches(address, a); ok {
			found = append(found, s.object(a))
		}
	}
	return found, nil
}

func (s *shelf) Open(_ context.Context, o nodes.Object, offset, length int64) (io.ReadCloser, error) {
	s.opened++
	text, ok := s.objects[o.Address]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case text != o.ETag:
		return nil, nodes.ErrOtherObject
	}
	if text = text[offset:]; length >= 0 {
		text = text[:min(int64(len(text)), length)]
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (s *shelf) Create(string, bool) (nodes.ObjectWriter, error) {
	return nil, errors.New("nothing is written")
}

func (s *shelf) Close() error { return nil }

// shelfOp makes the operator of a file.read of a shelf.
func shelfOp(t *testing.T, s *shelf, with string) *readOp {
	t.Helper()
	stores := nodes.Kind("shelf", "Brings a store.", &writer{}, nodes.Doc("Brings a store."), nodes.Stores("shelf", func(*nodes.Env) (nodes.Store, error) { return s, nil }))
	registry, err := nodes.NewRegistry(Nodes, []nodes.Decl{stores})
	if err != nil {
		t.Fatal(err)
	}
	text := "nodes:\n  r: {use: file.read, with: {" + with + "}}\n  w: {use: file.write, in: r, with: {path: out.jsonl}}\n"
	flow, list := graph.Load(diag.NewSource(filepath.Join(t.TempDir(), "flow.yaml"), []byte(text)), registry, graph.Options{Peers: context.Background()})
	if list.HasErrors() {
		t.Fatal(printed(list))
	}
	env := &nodes.Env{Node: flow.Node("r"), Flow: flow, Workers: 1}
	op, err := registry.Operator(env.Node, env)
	if err != nil {
		t.Fatal(err)
	}
	o := op.(*readOp)
	if err := o.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// shelved are some objects: one that is long, one of nothing, and one whose lines end in CR.
func shelved() *shelf {
	var long bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&long, "%d,\"some text, and a line\nend\"\n", i)
	}
	return &shelf{objects: map[string]string{
		"shelf://b/1.csv": "n,text\n" + long.String(), "shelf://b/2.csv": "", "shelf://b/3.csv": "n,text\r-1,old\r", "shelf://b/4.csv": "text,n\nlast,-2\n",
	}}
}

const shelfRows = `path: 'shelf://b/*.csv'`

// A reader that goes on after any position in objects reads exactly what comes after it.
func TestSeekInObjects(t *testing.T) {
	s := shelved()
	all := shelfOp(t, s, shelfRows).take(t)
	if len(all) < 4 {
		t.Fatalf("%d chunks", len(all))
	}
	for i, c := range all {
		o := shelfOp(t, s, shelfRows)
		if err := o.Seek(t.Context(), c.after); err != nil {
			t.Fatalf("after chunk %d: %v", i, err)
		}
		got, want := "", ""
		for _, c := range o.take(t) {
			got += c.rows
		}
		for _, c := range all[i+1:] {
			want += c.rows
		}
		if got != want {
			t.Fatalf("after chunk %d: %d bytes, want %d", i, len(got), len(want))
		}
	}
}

// A position in an object that is another one now, or is not where it was, is refused.
func TestSeekInOtherObjects(t *testing.T) {
	after := shelfOp(t, shelved(), shelfRows).take(t)[0].after
	for want, change := range map[string]func(s *shelf){
		"another one was written to its place": func(s *shelf) { s.objects["shelf://b/1.csv"] += "1,more\n" },
		"is not where it was":                  func(s *shelf) { s.objects["shelf://b/0.csv"] = "n,text\n" },
	} {
		s := shelved()
		change(s)
		o := shelfOp(t, s, shelfRows)
		if err := o.Seek(t.Context(), after); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Each object is asked for once, although its beginning is looked at before it is read.
func TestObjectsAreAskedForOnce(t *testing.T) {
	s := &shelf{objects: map[string]string{}}
	for i := range 10 {
		s.objects[fmt.Sprintf("shelf://b/%d.jsonl", i)] = "{\"n\":1}\n"
	}
	o := shelfOp(t, s, "path: 'shelf://b/*.jsonl'")
	s.opened = 0
	if n := len(o.take(t)); n != 10 || s.opened != 10 {
		t.Errorf("%d chunks, asked %d times", n, s.opened)
	}
}

// An objectFile reads as a file does, wherever it is read.
func FuzzObjectFile(f *testing.F) {
	f.Add([]byte{0, 5, 1, 100, 2, 7, 0, 200, 1, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		text := strings.Repeat("0123456789", 10_000)
		s := &shelf{objects: map[string]string{"shelf://b/k": text}}
		o := &objectFile{ctx: t.Context(), store: s, object: s.object("shelf://b/k")}
		defer o.Close()
		file := strings.NewReader(text)
		for i := 0; i+1 < len(steps); i += 2 {
			at := int64(steps[i+1]) * 400
			got, want := make([]byte, int(steps[i])*300), make([]byte, int(steps[i])*300)
			var n, m int
			switch steps[i] % 3 {
			case 0:
				n, _ = io.ReadFull(o, got)
				m, _ = io.ReadFull(file, want)
			case 1:
				n, _ = o.ReadAt(got, at)
				m, _ = file.ReadAt(want, at)
			case 2:
				a, _ := o.Seek(at, io.SeekStart)
				b, _ := file.Seek(at, io.SeekStart)
				n, m = int(a), int(b)
			}
			if n != m || !bytes.Equal(got, want) {
				t.Fatalf("step %d: %d bytes, want %d", i/2, n, m)
			}
		}
	})
}

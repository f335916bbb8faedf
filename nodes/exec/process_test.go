package exec

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

// What a command has printed is read to its end, however long after its own: the deadline,
// which has passed by then, is for a pipe that somebody holds open and that is silent.
func TestReadAfterTheEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	p := &process{k: &command{}, out: r}
	late := func() {
		if err := r.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Skip("pipes have no deadlines here:", err)
		}
	}
	io.WriteString(w, "12345")
	for _, want := range []string{"12", "34", "5"} {
		late()
		b := make([]byte, 2)
		if n, err := p.Read(b); err != nil || string(b[:n]) != want {
			t.Fatalf("got %q and %v, want %q", b[:n], err, want)
		}
	}
	late()
	if n, err := p.Read(make([]byte, 2)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("of a silent pipe: %d bytes, %v", n, err)
	}
	w.Close()
	late()
	if n, err := p.Read(make([]byte, 2)); n != 0 || err != io.EOF {
		t.Errorf("of a closed pipe: %d bytes, %v", n, err)
	}
}

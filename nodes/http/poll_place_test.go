package http

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// item is an expression.
type item struct{}

func (item) Source() string        { return "item" }
func (item) At(int, int) diag.Span { return diag.Span{} }

// A position within a poll has what its pages have said of the cursor, and the cursor that the
// poll began with.
func TestPollPositions(t *testing.T) {
	every := time.Second
	var list diag.List
	cursor := expr.Check(item{}, types.Int, &list)
	if list.HasErrors() {
		t.Fatal(list)
	}
	o := &pollOp{k: &poll{Every: &every, cursor: cursor}, seen: map[string]bool{}}
	o.at.Cursor = "10"
	for _, c := range []struct{ next, said, want string }{
		{"/2", "30", `{"cursor":"10","ahead":"30","page":"/2","pages":1}`},
		{"/3", "", `{"cursor":"10","ahead":"30","page":"/3","pages":2}`},
		{"/4", "9", `{"cursor":"10","ahead":"30","page":"/4","pages":3}`},
		{"", "20", `{"cursor":"30"}`},
		{"", "", `{"cursor":"30"}`},
		{"", "25", `{"cursor":"25"}`}, // another poll
	} {
		o.turn(c.next, c.said)
		at, err := json.Marshal(o.at)
		if string(at) != c.want || err != nil {
			t.Errorf("got %s, want %s; %v", at, c.want, err)
		}
		o = &pollOp{k: o.k, seen: map[string]bool{}}
		if err := o.Seek(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	// Pages that were read before the run went on keep their marks.
	o.at = place{Page: "/3", Marks: map[string]mark{"": {Tag: "a"}, "/2": {Tag: "b"}}}
	at, _ := json.Marshal(o.at)
	if err := o.Seek(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if o.turn("", ""); len(o.at.Marks) != 2 {
		t.Errorf("marks are %v", o.at.Marks)
	}
}

func TestLessCursor(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"9", "10", true}, {"10", "9", false}, {"9007199254740992", "9007199254740993", true}, {"-2", "-1.5", true}, {"1e3", "2000.5", true},
		{"2026-01-02", "2026-01-10", true}, {"2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z", false}, {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", true},
		{"1e1000000000", "5", false}, {"a", "b", false}, {"1/3", "1", false},
	} {
		if got := less(c.a, c.b); got != c.want {
			t.Errorf("%s < %s: %v", c.a, c.b, got)
		}
	}
}

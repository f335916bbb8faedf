package config

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// keys is a mapping as Schema.Check wants it.
func keys(names ...string) *Value {
	n := &Value{Kind: Mapping}
	for _, name := range names {
		n.Entries = append(n.Entries, Entry{Key: name, Value: &Value{}})
	}
	return n
}

// What a program fills in is held to the tags, and what is wrong gets the default; what
// it does not name is not looked at.
func TestCheck(t *testing.T) {
	s := sinkSchema(t)
	x := newSink()
	x.Workers, x.Mode, x.Every, x.Most, x.Share, x.Path = 65, "replac", time.Hour*25, 999, math.Inf(1), ""
	x.Retry = retry{Attempts: -1}
	x.Small = 9
	written := keys("workers", "mode", "every", "share", "path", "retry", "head", "small", "unit")
	var list diag.List
	s.Check(written, &x, &list)
	var got []string
	for _, d := range list {
		got = append(got, d.Message+" / "+d.Hint.String())
	}
	want := []string{
		"want 1 to 64, got 65 / ", `want fail, replace or append, got text "replac" / did you mean "replace"?`, "want 1ms to 24h, got 25h0m0s / ",
		"want a finite number, got +Inf / ", "the text is empty / ", "want at least 1, got -1 / ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if x.Workers != 4 || x.Mode != "fail" || x.Every != time.Hour || x.Share != 0 || x.Small != 9 {
		t.Errorf("what was wrong has not its default, or what was right has: %+v", x)
	}
	if x.Most != 999 {
		t.Errorf("what is not named was looked at: %d", x.Most)
	}
	if x.Retry != (retry{Wait: time.Minute}) {
		t.Errorf("the nested struct is %+v", x.Retry)
	}
	if got := written.Get("retry").Keys(); !slices.Equal(got, []string{"attempts"}) {
		t.Errorf("of the nested struct there are %q", got)
	}
	found := len(list)
	if s.Check(nil, &x, &list); len(list) != found {
		t.Errorf("nothing is named, and it found %v", list[found:])
	}
	s.Check(keys("most"), &x, &list)
	if got := list[len(list)-1].Message; got != "want at least 1kB, got 999" || x.Most != 64e6 {
		t.Errorf("%s; %d", got, x.Most)
	}
}

func TestDecodeInt(t *testing.T) {
	for text, want := range map[string]int{"7": 7, "8": 0, "-1": 0, "seven": 0, "1.0": 0, "[1]": 0, "0x5": 5} {
		var list diag.List
		tree := Parse(diag.NewSource("x.yaml", []byte("x: "+text)), &list)
		if got := DecodeInt(tree.Get("x"), 1, 7, &list); got != want || (want == 0) != (len(list) == 1) {
			t.Errorf("%s is %d, with %v", text, got, list)
		}
	}
}

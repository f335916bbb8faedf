package graph_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// readRate reads what stands behind `rate:`.
func readRate(text string) (graph.Rate, diag.List) {
	var list diag.List
	var r graph.Rate
	tree := config.Parse(diag.NewSource("rate.yaml", []byte("rate: "+text+"\n")), &list)
	if v := tree.Get("rate"); v != nil && len(list) == 0 {
		r.DecodeConfig(v, &list)
	}
	return r, list
}

func TestRate(t *testing.T) {
	for text, want := range map[string]struct {
		count, burst int
		per          time.Duration
		shown        string
	}{
		"100/s":                        {100, 1, time.Second, "100/s"},
		"1/h":                          {1, 1, time.Hour, "1/h"},
		"6_000 / m":                    {6000, 1, time.Minute, "6000/m"},
		"10/100ms":                     {10, 1, 100 * time.Millisecond, "10/100ms"},
		"5/ms":                         {5, 25, time.Millisecond, "5/ms"},
		"100_000/s":                    {100000, 500, time.Second, "100000/s"},
		"{limit: 100/s}":               {100, 1, time.Second, "100/s"},
		"{limit: 100/s, burst: 20}":    {100, 20, time.Second, "100/s, burst 20"},
		`{limit: "3/1h30m", burst: 2}`: {3, 2, 90 * time.Minute, "3/1h30m, burst 2"},
		"2.5/m":                        {25, 1, 10 * time.Minute, "25/10m"},
		"3/w":                          {3, 1, 7 * 24 * time.Hour, "3/168h"},
		"1000000000/s":                 {1e9, 1e6, time.Second, "1000000000/s"},
	} {
		r, list := readRate(text)
		if len(list) > 0 || r.Count != want.count || r.Burst != want.burst || r.Per != want.per || r.String() != want.shown {
			t.Errorf("%s is %+v, %s; %v", text, r, r, list)
		}
	}
}

// Whatever the text is, a rate that was read can be kept without overflow, and is
// written as a text that reads the same.
func FuzzRate(f *testing.F) {
	for _, text := range []string{"100/s", "{limit: 1/240h, burst: 1000000}", "-1/s", "0/0s", "1e9/s", "9223372036854775807/2562047h", "1/1ns", "[1/s]", "5/-1s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, list := readRate(text)
		if !r.Bounds() {
			if len(list) == 0 && !strings.ContainsAny(text, "\n\r#:&*!|>'\"{}[]%@,?") && strings.TrimSpace(text) != "" {
				t.Errorf("%q: no rate and no message", text)
			}
			return
		}
		if r.Per <= 0 || r.Burst < 1 || int64(r.Burst) > (1<<62)/int64(r.Per) || int64(r.Count) > int64(r.Per) {
			t.Fatalf("%q is %+v", text, r)
		}
		again, list := readRate(fmt.Sprintf("{limit: %d/%s, burst: %s}", r.Count, r.Per, strconv.Itoa(r.Burst)))
		if again.At = r.At; len(list) > 0 || again != r {
			t.Errorf("%q is %+v, again %+v %v", text, r, again, list)
		}
	})
}

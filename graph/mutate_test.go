package graph_test

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

var mutations = flag.Int("mutations", 3000, "how many changed flows to load")

// A token is a word, a quoted text, or a sign of YAML.
var token = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_.${}-]+|[{}\[\],:]|\n *`)

// Flows that are right but for a word or two, which is what people write, and what
// random bytes hardly ever are.
func TestMutatedFlows(t *testing.T) {
	registry := kinds(t)
	var flows []string
	words := []string{"[]", "{}", "null", "~", "-1", "0", "1e400", "99999999999999999999", "true", `""`, "''", "[[]]", "{a: {}}", "*x", "&x", "!!int", "|", ">", "${X}", "'n + '", `"n == null"`, "errors", "a.b.c", ".", "-", "in", "out", "left"}
	for _, kind := range registry.Kinds() {
		words = append(words, kind)
		spec, _ := registry.Spec(kind)
		for _, f := range spec.Config.Fields() {
			words = append(words, f.Name)
		}
		for _, e := range spec.Examples {
			flows = append(flows, e.Flow)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	dir := t.TempDir()
	clean, codes := 0, map[diag.Code]int{}
	for seed := range uint64(*mutations) {
		r := rand.New(rand.NewPCG(seed, 10))
		text := flows[r.IntN(len(flows))]
		for range 1 + r.IntN(3) {
			text = mutate(r, text, words)
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("seed %d: panic: %v\n%s", seed, p, text)
				}
			}()
			defer time.AfterFunc(5*time.Minute, func() { panic(fmt.Sprintf("seed %d hangs:\n%s", seed, text)) }).Stop()
			before := allocated()
			stdin := bufio.NewReader(strings.NewReader("a,b\n1,2\n"))
			flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), registry, graph.Options{Stdin: stdin})
			if used := allocated() - before; used > 16<<20 {
				t.Errorf("seed %d takes %d MB of memory\n%s", seed, used>>20, text)
			}
			for _, d := range list {
				codes[d.Code]++
			}
			if !list.HasErrors() {
				clean++
				checkFlow(t, flow)
			}
		}()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, text)
		}
	}
	if clean == 0 || len(codes) < 20 {
		t.Errorf("%d flows without a problem, codes %v: the changes are too wild or too tame", clean, slices.Sorted(maps.Keys(codes)))
	}
}

// allocated is the memory that was asked for so far, in bytes, be it in use or not: a
// measure of work that does not tell how busy the machine is.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// mutate changes one token of a text: to a word, to another of its tokens, to
// nothing, or to itself twice.
func mutate(r *rand.Rand, text string, words []string) string {
	places := token.FindAllStringIndex(text, -1)
	if len(places) == 0 {
		return text
	}
	at := places[r.IntN(len(places))]
	other := places[r.IntN(len(places))]
	old, with := text[at[0]:at[1]], ""
	switch r.IntN(5) {
	case 0, 1:
		with = words[r.IntN(len(words))]
	case 2:
		with = text[other[0]:other[1]]
	case 3:
		with = old + " " + old
	}
	return text[:at[0]] + with + text[at[1]:]
}

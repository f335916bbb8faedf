package flowtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// A comparison finds out how what came differs from what is wanted.
type comparison struct {
	e    *expectation
	list *diag.List
}

// A gap is one value that differs.
type gap struct {
	path      string // such as address.city or tags[2]; "" for the item itself
	got, want string
	at        diag.Span
}

// gaps says where an item differs from a wanted one.
func (c *comparison) gaps(w expectedItem, a arrival) []gap {
	t := c.e.typ
	if t.IsRecord() {
		return c.fields(nil, "", t, w.node, w.batch.Cols, w.row, a.batch.Cols, a.row)
	}
	return c.value(nil, "", t, w.node, w.batch.Cols[0], w.row, a.batch.Cols[0], a.row)
}

func (c *comparison) matches(w expectedItem, a arrival) bool { return len(c.gaps(w, a)) == 0 }

func (c *comparison) fields(all []gap, path string, t *types.Type, v *config.Value, want []*record.Column, i int, got []*record.Column, j int) []gap {
	for k, f := range t.Fields {
		under := f.Name
		if path != "" {
			under = path + "." + f.Name
		}
		field := v.Get(f.Name)
		switch {
		case got[k] == nil: // nobody asked for it
		case v.Has(f.Name):
			all = c.value(all, under, f.Type, field, want[k], i, got[k], j)
		case c.e.Exact && !got[k].IsNull(j):
			all = append(all, gap{under, show(under, f.Type, got[k], j), "null, as it is left out", v.Span})
		}
	}
	return all
}

// value compares two values of type t. v says which parts of it count: a mapping
// names fields, a list has items, and anything else stands for the whole.
func (c *comparison) value(all []gap, path string, t *types.Type, v *config.Value, want *record.Column, i int, got *record.Column, j int) []gap {
	differs := func() []gap {
		return append(all, gap{path, show(path, t, got, j), show(path, t, want, i), v.At(0, max(1, len([]rune(v.Text))))})
	}
	if want.IsNull(i) || got.IsNull(j) {
		if want.IsNull(i) != got.IsNull(j) {
			return differs()
		}
		return all
	}
	switch {
	case t.Kind == types.KindRecord && v.Kind == config.Mapping:
		return c.fields(all, path, t, v, want.Fields, i, got.Fields, j)
	case t.Kind == types.KindRecord:
		return c.fields(all, path, t, wholeNode(t, v.Span), want.Fields, i, got.Fields, j)
	case t.Kind == types.KindList:
		from, to := want.Range(i)
		start, end := got.Range(j)
		if to-from != end-start {
			return append(all, gap{path, show(path, t, got, j), show(path, t, want, i), v.Span})
		}
		whole := wholeNode(t.Elem, v.Span)
		for k := range to - from {
			item := whole
			if v.Kind == config.Sequence {
				item = v.Items[k]
			}
			all = c.value(all, path+"["+strconv.Itoa(k)+"]", t.Elem, item, want.Elem, from+k, got.Elem, start+k)
		}
		return all
	case t.Kind == types.KindAny:
		if !sameAny(decodeAny(want.Str[i]), decodeAny(got.Str[j]), c.e.Exact) {
			return differs()
		}
		return all
	case t.Kind == types.KindFloat && math.Abs(want.Float[i]-got.Float[j]) <= c.e.Tolerance:
		return all
	case !want.Equal(i, got, j):
		return differs()
	}
	return all
}

// sameAny compares JSON; unless exact, objects may have more than is wanted.
func sameAny(want, got any, exact bool) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || exact && len(w) != len(g) {
			return false
		}
		for k, v := range w {
			if other, there := g[k]; !there || !sameAny(v, other, exact) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, func(a, b any) bool { return sameAny(a, b, exact) })
	case json.Number:
		g, ok := got.(json.Number)
		return ok && sameNumber(w.String(), g.String())
	}
	return want == got
}

// sameNumber compares the values of numbers, however they are written.
func sameNumber(a, b string) bool {
	return a == b || bytes.Equal(record.AppendCanonical(nil, a), record.AppendCanonical(nil, b))
}

// show gives a value for a message, by its path in the item.
func show(path string, t *types.Type, c *record.Column, row int) string {
	return shorten(redact.Field(path, string(jsonl.AppendValue(nil, t, c, row))), 120)
}

// maxAlign bounds the work of aligning, in comparisons of two items.
const maxAlign = 4_000_000

// inOrder compares item by item. What is missing or too much does not make
// everything behind it different: the longest common part is found first.
func (c *comparison) inOrder(got []arrival) {
	want := c.e.items
	first := 0
	for first < min(len(want), len(got)) && c.matches(want[first], got[first]) {
		first++
	}
	last := 0
	for last < min(len(want), len(got))-first && c.matches(want[len(want)-1-last], got[len(got)-1-last]) {
		last++
	}
	pairs := c.align(want[first:len(want)-last], got[first:len(got)-last])
	for k := range first {
		c.inTime(want[k], got[k], k)
	}
	i, j := first, first
	flush := func(toI, toJ int) {
		for ; i < toI && j < toJ; i, j = i+1, j+1 {
			c.changed(want[i], got[j], j)
		}
		for ; i < toI; i++ {
			c.list.Add(diag.Unexpected, want[i].node.Span, "%s: item %d did not come", c.e.on, i+1)
		}
		for ; j < toJ; j++ {
			c.extra(got[j], j)
		}
	}
	for _, p := range pairs {
		flush(first+p[0], first+p[1])
		c.inTime(want[i], got[j], j)
		i, j = i+1, j+1
	}
	flush(len(want)-last, len(got)-last)
	for k := range last {
		c.inTime(want[i+k], got[j+k], j+k)
	}
}

// align gives the pairs of a longest common part, by their indexes.
func (c *comparison) align(want []expectedItem, got []arrival) (pairs [][2]int) {
	n, m := len(want), len(got)
	if n == 0 || m == 0 || n*m > maxAlign {
		return nil
	}
	same := make([]bool, n*m)
	length := make([]int32, (n+1)*(m+1))
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			at := i*(m+1) + j
			if same[i*m+j] = c.matches(want[i], got[j]); same[i*m+j] {
				length[at] = length[at+m+2] + 1
			} else {
				length[at] = max(length[at+1], length[at+m+1])
			}
		}
	}
	for i, j := 0, 0; i < n && j < m; {
		switch at := i*(m+1) + j; {
		case same[i*m+j] && length[at] == length[at+m+2]+1:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[at+1] >= length[at+m+1]:
			j++
		default:
			i++
		}
	}
	return pairs
}

// changed reports an item that came in place of a wanted one.
func (c *comparison) changed(w expectedItem, a arrival, n int) {
	gaps := c.gaps(w, a)
	for _, g := range gaps {
		what := fmt.Sprintf("item %d", n+1)
		if g.path != "" {
			what += ": " + g.path
		}
		d := c.list.Add(diag.Unexpected, c.orKey(g.at), "%s: %s is %s, want %s", c.e.on, what, g.got, g.want)
		if len(gaps) > 1 || g.path != "" {
			d.WithNote(diag.Span{}, "got %s", rowText(a.batch, a.row))
		}
	}
	c.inTime(w, a, n)
}

func (c *comparison) orKey(at diag.Span) diag.Span {
	if at.IsZero() {
		return c.e.key
	}
	return at
}

func (c *comparison) extra(a arrival, n int) {
	c.list.Add(diag.Unexpected, c.e.key, "%s: item %d is not expected", c.e.on, n+1).
		WithNote(diag.Span{}, "got %s", rowText(a.batch, a.row))
}

// inTime compares when an item came.
func (c *comparison) inTime(w expectedItem, a arrival, n int) {
	if w.timed && w.at != a.at.Round(time.Microsecond) {
		c.list.Add(diag.Unexpected, w.node.Span, "%s: item %d came at %s, want %s", c.e.on, n+1, a.at, w.at).
			WithNote(diag.Span{}, "got %s", rowText(a.batch, a.row))
	}
}

// asSet finds a partner for each wanted item, by augmenting paths (Kuhn, 1955):
// an item with fields left out may match several.
func (c *comparison) asSet(want []expectedItem, got []arrival, all bool) {
	partner := make([]int, len(got)) // of what came: the wanted item and 1
	var seen []bool
	var seek func(i int) bool
	seek = func(i int) bool {
		for j := range got {
			if seen[j] || !c.matches(want[i], got[j]) {
				continue
			}
			seen[j] = true
			if partner[j] == 0 || seek(partner[j]-1) {
				partner[j] = i + 1
				return true
			}
		}
		return false
	}
	var missing []int
	for i := range want {
		seen = make([]bool, len(got))
		if !seek(i) {
			missing = append(missing, i)
		}
	}
	for _, i := range missing {
		d := c.list.Add(diag.Unexpected, c.orKey(want[i].node.Span), "%s: no such item came", c.e.on)
		c.noteNearest(d, want[i], got, partner)
	}
	for j, a := range got {
		if all && partner[j] == 0 {
			c.extra(a, j)
		}
	}
}

// noteNearest shows the item that differs least, of those that have no partner.
func (c *comparison) noteNearest(d *diag.Diagnostic, w expectedItem, got []arrival, partner []int) {
	best, fewest := -1, math.MaxInt
	for j, a := range got {
		if partner[j] != 0 {
			continue
		}
		if n := len(c.gaps(w, a)); n < fewest {
			best, fewest = j, n
		}
	}
	if best < 0 {
		return
	}
	d.WithNote(diag.Span{}, "nearest is item %d: %s", best+1, rowText(got[best].batch, got[best].row))
	for _, g := range c.gaps(w, got[best]) {
		if g.path != "" {
			d.WithNote(diag.Span{}, "%s is %s, want %s", g.path, g.got, g.want)
		}
	}
}

// lack reports items that must not come.
func (c *comparison) lack(got []arrival) {
	for _, w := range c.e.lacks {
		for j, a := range got {
			if c.matches(w, a) {
				c.list.Add(diag.Unexpected, c.orKey(w.node.Span), "%s: item %d must not come", c.e.on, j+1).
					WithNote(diag.Span{}, "got %s", rowText(a.batch, a.row))
			}
		}
	}
}

// forAll reports items for which the condition does not hold.
func (c *comparison) forAll(got []arrival) {
	if c.e.all == nil || c.e.all.Type().Kind == types.KindError {
		return
	}
	p := c.e.all.Compile()
	for j, a := range got {
		one := a.batch.Share()
		one.Sel = append(one.SelBuf(), uint16(a.row))
		var errs expr.RowErrors
		holds := len(p.Filter(one, nil, &errs)) > 0
		one.Release()
		if holds {
			continue
		}
		d := c.list.Add(diag.Unexpected, c.e.All.YAML.At(0, max(1, len([]rune(c.e.All.Value)))), "%s: this does not hold for item %d", c.e.on, j+1)
		if errs.Len() > 0 {
			_, err := errs.At(0)
			d.WithNote(diag.Span{}, "%s", redact.Text(err.Error()))
		}
		d.WithNote(diag.Span{}, "got %s", rowText(a.batch, a.row))
	}
}

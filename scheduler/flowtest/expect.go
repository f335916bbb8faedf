package flowtest

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// An expectation is a checked expectText, with what came.
type expectation struct {
	*expectText
	key diag.Span
	on  string // the port or the sink, as written
	dir string // of the test file

	typ      *types.Type
	items    []expectedItem
	contains []expectedItem
	lacks    []expectedItem
	given    bool // items says what comes, also if that is nothing
	all      *expr.Expr
	log      log
}

// An expectedItem is one that is expected. Of its row, what its node has counts.
type expectedItem struct {
	node  *config.Value
	batch *record.Batch
	row   int
	at    time.Duration // when it must come
	timed bool
}

// check reads the items as the type of the port has them.
func (e *expectation) check(list *diag.List) {
	e.items, e.contains, e.lacks = nil, nil, nil
	if e.typ.Kind == types.KindError {
		return
	}
	if e.typ.Kind == types.KindOpaque {
		list.Add(diag.WrongType, e.key, "%s gives %s, a Go type that no file can hold", e.on, e.typ)
		return
	}
	e.given = e.Items != nil || e.From != ""
	e.items = e.read(e.Items, true, list)
	e.contains = e.read(e.Contains, false, list)
	e.lacks = e.read(e.Lacks, false, list)
	if e.From != "" {
		e.readFrom(list)
	}
	if e.All.Value != "" {
		e.all = graph.CheckExpr(e.All, e.key, e.typ, list)
		e.all.Want(types.Bool.Opt(), "all", list)
	}
}

// read reads a list of items and, if steps says so, of times between them.
func (e *expectation) read(t *tree, steps bool, list *diag.List) []expectedItem {
	if t == nil {
		return nil
	}
	if t.Kind != config.Sequence {
		list.Add(diag.WrongValue, t.Span, "want a list of items, got %s", t.Describe())
		return nil
	}
	before := len(*list)
	var all []expectedItem
	var lines []byte
	w := &writer{list: list, partial: true}
	var now time.Duration
	timed := false
	for _, n := range t.Items {
		if s, ok := stepOf(n, e.typ, list); ok && steps {
			if s.Bad != nil || s.Error != "" {
				list.Add(diag.Conflict, n.Span, "bad items are expected on the port errors of the node")
			}
			if e.Order == "any" {
				list.Add(diag.Conflict, n.Span, "times of items need order: strict")
			}
			now, timed = s.move(now), true
			continue
		}
		lines = append(w.append(lines, plain(e.typ, false), n), '\n')
		all = append(all, expectedItem{node: n, row: len(all), at: now, timed: timed})
	}
	if len(*list) > before || len(all) == 0 {
		return nil
	}
	b, bad := rowsOf(plain(e.typ, true), nil, lines)
	if bad != nil {
		list.Add(diag.WrongValue, t.Span, "%s", redact.Text(bad.Error()))
		return nil
	}
	for i := range all {
		all[i].batch = b
	}
	return all
}

// readFrom reads the items of a file, all fields of which count.
func (e *expectation) readFrom(list *diag.List) {
	b, err := readItems(filepath.Join(e.dir, filepath.FromSlash(e.From)), plain(e.typ, true), nil)
	if err != nil {
		list.Add(diag.BadData, e.at, "%s", redact.Text(err.Error()))
		return
	}
	whole := wholeNode(e.typ, e.at)
	for i := range b.Len() {
		e.items = append(e.items, expectedItem{node: whole, batch: b, row: b.Row(i)})
	}
}

// wholeNode is the node of a value of which everything counts: it names every field.
func wholeNode(t *types.Type, at diag.Span) *config.Value {
	n := &config.Value{Kind: config.Scalar, Span: at}
	if t.Kind == types.KindRecord {
		n.Kind = config.Mapping
		for _, f := range t.Fields {
			n.Entries = append(n.Entries, config.Entry{Key: f.Name, KeySpan: at, Value: wholeNode(f.Type, at)})
		}
	}
	return n
}

// maxShown bounds the differences that one expectation shows.
const maxShown = 8

// differences says what did not come as expected.
func (e *expectation) differences() diag.List {
	var list diag.List
	got := e.log.items
	if e.Count != nil && (len(got) < e.Count.min || len(got) > e.Count.max) {
		want := fmt.Sprint(e.Count.min)
		if e.Count.max != e.Count.min {
			want = fmt.Sprintf("%d or more", e.Count.min)
			if e.Count.max < noLimit {
				want = fmt.Sprintf("%d to %d", e.Count.min, e.Count.max)
			}
		}
		list.Add(diag.Unexpected, e.key, "%s: %s came, want %s", e.on, plural(len(got), "item"), want)
	}
	c := &comparison{e: e, list: &list}
	if e.given && e.Order == "strict" {
		c.inOrder(got)
	} else if e.given {
		c.asSet(e.items, got, true)
	}
	c.asSet(e.contains, got, false)
	c.lack(got)
	c.forAll(got)
	if left := len(list) - maxShown; left > 0 {
		list = list[:maxShown]
		list.Add(diag.Unexpected, e.key, "%s: %s more", e.on, plural(left, "difference"))
	}
	return list
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// release gives back what was kept.
func (e *expectation) release() {
	for _, b := range e.log.kept {
		b.Release()
	}
	e.log.items, e.log.kept = nil, nil
}

package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file tells of data that is not what its type says: behind a sample, or beside the
// fields of a type.

// A sampleError is a bad row of a file whose type was sampled: the row may be right, and
// the sample too small.
type sampleError struct {
	*text.RowError
	k *reader
}

func (e *sampleError) Error() string {
	return fmt.Sprintf("%s; the type was sampled from %s", e.RowError.Error(), e.k.sampled)
}

func (e *sampleError) Unwrap() error { return e.RowError }

// maxPasted bounds a type that a hint offers to be pasted, in characters.
const maxPasted = 200

// Hint says what to write into the flow if the row is right.
func (e *sampleError) Hint() diag.Hint {
	remedy := ""
	if e.Extra != "" {
		remedy = "`extra: keep` keeps such fields, `extra: drop` leaves them out, "
	}
	if t := e.wider(); t != nil && len(t.String()) <= maxPasted {
		return diag.Hint{Text: fmt.Sprintf("%s`as: '%s'` would take the row", remedy, strings.ReplaceAll(t.String(), "'", "''"))}
	}
	return diag.Hint{Text: remedy + "`as:` declares the type; ", Verb: "types", Args: []string{"FLOW"}, Rest: " prints it to be pasted"}
}

// wider gives a type that has the row as well; nil if none can be told.
func (e *sampleError) wider() *types.Type {
	t := e.k.row
	if e.Extra != "" {
		field := types.Field{Name: e.Extra, Type: types.String.Opt()}
		if e.Field != "" || t.Index(e.Extra) >= 0 {
			return nil
		}
		if !e.k.format.isCSV() {
			row, _, err := jsonl.Sample([]byte(e.Raw), jsonl.Options{}, types.Origin{})
			if err != nil || !row.IsRecord() {
				return nil
			}
			field, _ = row.Field(e.Extra)
			field.Type = field.Type.Opt()
		}
		return types.Record(append(slices.Clone(t.Fields), field)...)
	}
	i := t.Index(e.Field)
	if i < 0 {
		return nil
	}
	fields := slices.Clone(t.Fields)
	switch {
	case strings.HasPrefix(e.Reason, "is "): // null, empty or missing
		fields[i].Type = fields[i].Type.Opt()
	case e.k.format.isCSV():
		fields[i].Type = types.String.WithOpt(fields[i].Type.Nullable)
	default:
		fields[i].Type = types.Any
	}
	return types.Record(fields...)
}

// explain says of a bad row that its type was sampled, and what its text is not.
func (k *reader) explain(bad *text.RowError) error {
	if at := strings.Index(bad.Reason, "not UTF-8"); at >= 0 && k.Encoding == encodingUTF16 {
		bad.Reason = bad.Reason[:at] + "not UTF-16"
	}
	if k.sampled == "" || bad.Field == "" && bad.Extra == "" || broken(bad.Reason) {
		return bad
	}
	return &sampleError{bad, k}
}

// broken reports whether a row is bad for how it is written, whatever its type is.
func broken(reason string) bool {
	return slices.ContainsFunc([]string{"a quote ", "the cell goes on ", "the text is not ", "not JSON"}, func(p string) bool { return strings.HasPrefix(reason, p) })
}

// A tally counts values by the name of their field. Its zero value is ready.
type tally struct {
	mu sync.Mutex
	n  map[string]int64
}

func (t *tally) add(field string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]int64{}
	}
	t.n[field] += n
}

// all gives the counts so far.
func (t *tally) all() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.n)
}

// count takes the counts of a scanner over.
func (o *readOp) count(s scanner) {
	if s, ok := s.(interface{ Dropped(func(string, int64)) }); ok {
		s.Dropped(o.dropped.add)
	}
}

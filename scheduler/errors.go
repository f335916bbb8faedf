package scheduler

import (
	"cmp"
	"errors"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
)

// This file turns what goes wrong in the code of kinds into errors, and failed items
// into texts and rows.

// maxItemText bounds the item in a message, in bytes.
const maxItemText = 500

// itemText gives a failed item for people: in messages, reports and logs, which go to
// places where the data itself may not. So it has no secrets, and is cut.
func itemText(item nodes.BadItem) (text string) {
	if item.Data == nil {
		text, _ = redact.Raw(cmp.Or(item.Shown, item.Raw), maxItemText)
	} else {
		text, _ = redact.Item(item.Data, item.Row, maxItemText)
	}
	return text
}

// hintOf gives the hint of an error, without secrets.
func hintOf(err error) diag.Hint {
	hint := diag.HintOf(err)
	hint.Text, hint.Rest = redact.Text(hint.Text), redact.Text(hint.Rest)
	return hint
}

// itemJSON gives a failed item as JSON. A text that could not be read is a JSON
// string.
func itemJSON(item nodes.BadItem) string {
	if item.Data != nil {
		return string(jsonl.AppendItem(nil, item.Data, item.Row))
	}
	return string(jsonl.AppendString(nil, item.Raw))
}

// newErrorBatch gives an empty batch for the error port of a node: of graph.ErrorItem, and
// behind its fields the replies to requests.
func newErrorBatch(n *graph.Node) *record.Batch { return record.New(n.Output(graph.ErrorPort).Carries) }

// appendError adds a row to such a batch. Item and message are whole, secrets and
// all: the row is data, which the flow routes like any other, perhaps to a file from
// which the items are fed in again. Whoever shows the row hides what is to be hidden.
func appendError(b *record.Batch, node string, item nodes.BadItem, at time.Time) {
	row := b.Rows
	for _, c := range b.Cols {
		c.Resize(row + 1)
		c.Clear(row)
	}
	b.Cols[0].Str[row] = node
	b.Cols[1].Str[row] = item.Err.Error()
	b.Cols[2].Str[row] = itemJSON(item)
	b.Cols[3].Str[row] = item.File
	if item.File == "" {
		b.Cols[3].SetNull(row)
	}
	b.Cols[4].Int[row] = int64(item.Line)
	if item.Line == 0 {
		b.Cols[4].SetNull(row)
	}
	b.Cols[5].Int[row] = int64(max(item.Attempts, 1))
	b.Cols[6].Int[row] = at.UnixNano()
	if b.Cols[7].Str[row] = stackOf(item.Err); b.Cols[7].Str[row] == "" {
		b.Cols[7].SetNull(row)
	}
	for i := len(graph.ErrorItem.Fields); i < len(b.Cols); i++ {
		from, at := replyOf(item, b.Type.Fields[i].Name)
		b.Cols[i].Append(row, from, at, nil)
	}
	b.Rows++
}

// replyOf finds the reply that a failed item carries in a field; the row is -1 if it has
// none.
func replyOf(item nodes.BadItem, field string) (from *record.Column, row int) {
	b, ok := item.Data.(*record.Batch)
	if !ok || !b.Type.IsRecord() {
		return nil, -1
	}
	i := b.Type.Index(field)
	if i < 0 || !b.Type.Fields[i].Type.IsReply() || b.Cols[i] == nil {
		return nil, -1
	}
	return b.Cols[i], item.Row
}

// guard turns a panic in the code of a kind into an error that names the place.
func guard(f func() error) error { return nodes.Guard(f) }

// stackOf is the stack of a panic, "" for any other error.
func stackOf(err error) string {
	if p, ok := errors.AsType[*nodes.PanicError](err); ok {
		return string(p.Stack)
	}
	return ""
}

// catch turns a panic in the code of a kind into an error. It must be deferred itself.
func catch(err *error) {
	if p := nodes.Recovered(recover()); p != nil {
		*err = p
	}
}

// ErrStuck is the cause of a run in which every node waited for another one.
var ErrStuck = errors.New("the flow is stuck")

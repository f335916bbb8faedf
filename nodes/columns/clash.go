package columns

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// Clashes collects the names that both sides of a join have. Two tables that were made for
// each other share many, and to give one of them a prefix is one remedy for all: so it is
// one message.
type Clashes struct {
	names       []string // as they come out
	first       string   // what the first one is called on the right
	left, right types.Field
}

// Add notes a field of right that would come out under the name of one that is there.
func (k *Clashes) Add(out string, left, right types.Field) {
	if len(k.names) == 0 {
		k.first, k.left, k.right = right.Name, left, right
	}
	k.names = append(k.names, strconv.Quote(out))
}

// maxClashes bounds how many names the message lists.
const maxClashes = 12

// Report says so, if there is anything to say. Affixed says that the fields of right got a
// prefix or a suffix.
func (k *Clashes) Report(c *graph.Inference, affixed bool) {
	if len(k.names) == 0 {
		return
	}
	what, drop := "a field "+k.names[0], fmt.Sprintf("%q", k.first)
	if n := len(k.names); n > 1 {
		what, drop = fmt.Sprintf("%d fields: %s", n, strings.Join(k.names[:min(n, maxClashes)], ", ")), "them"
		if n > maxClashes {
			what += fmt.Sprintf(" and %d more", n-maxClashes)
		}
	}
	d := c.List().Add(diag.NameClash, c.Node.Input("right").Edges[0].At, "left and right both have %s", what)
	if len(k.names) == 1 {
		d.WithNote(k.left.Origin.At, "that of left is %s", k.left.Type).WithNote(k.right.Origin.At, "that of right is %s", k.right.Type)
	}
	if affixed {
		d.WithHint("choose another prefix or suffix")
	} else {
		d.WithHint("add `prefix: right_`, or rename or drop %s first, with map", drop)
	}
}

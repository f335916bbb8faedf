package scheduler

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A failed item is shown without its secrets, and cut; what goes to the error port is
// whole.
func TestTextOfAFailedItem(t *testing.T) {
	type login struct{ User, Password string }
	values := record.Wrap([]login{{}, {"ada", "hunter2"}})
	defer values.Release()
	long := record.Wrap([]string{strings.Repeat("é", 300)})
	defer long.Release()
	for _, x := range []struct {
		item         nodes.BadItem
		shown, whole string
	}{
		{nodes.BadItem{Data: values, Row: 1}, `{"user":"ada","password":"•••"}`, `{"user":"ada","password":"hunter2"}`},
		{nodes.BadItem{Raw: `{"password": "hunter2", "n": x}`}, `"{\"password\": \"•••\", \"n\": x}"`, `"{\"password\": \"hunter2\", \"n\": x}"`},
		{nodes.BadItem{Raw: "a,b"}, `"a,b"`, `"a,b"`},
		{nodes.BadItem{Data: long}, `"` + strings.Repeat("é", 249) + "…", `"` + strings.Repeat("é", 300) + `"`},
	} {
		if got := itemText(x.item); got != x.shown || !utf8.ValidString(got) {
			t.Errorf("%s is shown as %s, want %s", x.whole, got, x.shown)
		}
		x.item.Err = errors.New("no")
		b := record.New(graph.ErrorItem)
		appendError(b, "n", x.item, time.Now())
		if got := b.Cols[2].Str[0]; got != x.whole {
			t.Errorf("the error port gets %s, want %s", got, x.whole)
		}
		b.Release()
	}
}

package text

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/types"
)

// A RowError says why one row of a file is no item. It keeps no memory of the
// text that was scanned.
type RowError struct {
	Offset int    // where the row begins, in bytes of the text that was scanned
	End    int    // where the next one begins
	Field  string // the name, such as delay, addr.city or tags[2]; "" if the row as such is wrong
	Extra  string // the name of the field, in the record Field, that the type does not have; "" if it is about another mistake
	Reason string // such as: want int, got "abc"
	Raw    string // the row as it stands in the file, without its line end
}

func (e *RowError) Error() string {
	switch {
	case e.Field == "":
		return e.Reason
	case strings.HasPrefix(e.Reason, "is "):
		return fmt.Sprintf("field %q %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("field %q: %s", e.Field, e.Reason)
}

// A FitError says why rows of a type cannot be read from what has a schema of its own, or
// written as that says, and what to do.
type FitError struct {
	Text string
	Hint string // "": the text says it
}

func (e *FitError) Error() string { return e.Text }

// maxShown bounds how much of a literal a message repeats, in characters.
const maxShown = 40

// Shorten cuts a text for a message.
func Shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == maxShown {
			if i+utf8.RuneLen('…') >= len(s) {
				return s
			}
			return s[:i] + "…"
		}
	}
	return s
}

// A DefaultError is that of a field whose default is no value of its type.
type DefaultError struct {
	Reading *types.Reading // that of the field
	Reason  string
}

func (e *DefaultError) Error() string { return e.Reason }

// A BadRow is a row of a batch that is no item, for formats that are read column by column.
type BadRow struct {
	Row int // of the batch
	Err *RowError
}

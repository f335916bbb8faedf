package sql

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/graph/types"
)

// This file writes the statements of incremental reads.

// rawName is a column that has what another has as it is stored: SQLite's client makes
// times of texts, and the same text must be compared with later.
func rawName(n int) string { return fmt.Sprintf("flowrun_by_%d", n) }

// byName is the column of the result that has the n-th column of by.
func (k *reader) byName(n int) string {
	if k.dialect() == sqlite {
		return rawName(n)
	}
	return k.Incremental.By[n].Value
}

// statement is the query from the position on, up to the bound.
func (o *readOp) statement() (string, []any) {
	k := o.k
	if k.Incremental == nil {
		return k.Query.Value, args(k.Params)
	}
	raw := ""
	if k.dialect() == sqlite {
		for n, by := range k.Incremental.By {
			raw += fmt.Sprintf(", +%s AS %s", k.dialect().quote(by.Value), rawName(n))
		}
	}
	text, values := o.behind("*" + raw)
	if o.bound != nil {
		text, values = o.beside(text, values, o.bound, "<")
	}
	return text + " ORDER BY " + strings.Join(o.byNames(), ", "), values
}

// lastStatement asks for the columns by of the last row there is behind the position.
func (o *readOp) lastStatement() (string, []any) {
	names := o.byNames()
	columns := names
	if o.k.dialect() == sqlite {
		columns = nil
		for _, n := range names {
			columns = append(columns, "+"+n)
		}
	}
	text, values := o.behind(strings.Join(columns, ", "))
	return text + " ORDER BY " + strings.Join(names, " DESC, ") + " DESC LIMIT 1", values
}

func (o *readOp) byNames() []string {
	var names []string
	for _, by := range o.k.Incremental.By {
		names = append(names, o.k.dialect().quote(by.Value))
	}
	return names
}

// behind selects columns of the rows behind the position.
func (o *readOp) behind(columns string) (string, []any) {
	text := "SELECT " + columns + " FROM (" + bare(o.k.Query.Value) + "\n) AS flowrun_query WHERE " + each(o.byNames(), func(n string) string { return n + " IS NOT NULL" }, " AND ")
	values := args(o.k.Params)
	if o.after != nil && o.after[0].kind != cellNull {
		return o.beside(text, values, o.after, ">")
	}
	return text, values
}

// beside adds that rows stand on one side of a place: greater (or less) in the first column,
// or equal there and greater in the next, and so on, which every database can do with an
// index over the columns. What is less may also be the place itself.
func (o *readOp) beside(text string, values []any, at []cell, side string) (string, []any) {
	names := o.byNames()
	add := func(i int) string {
		values = append(values, o.byArg(i, &at[i]))
		return o.k.dialect().placeholder(len(values))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s AND %s %s= %s AND (", text, names[0], side, add(0))
	for i := range names {
		if i > 0 {
			b.WriteString(" OR ")
		}
		b.WriteString("(")
		for j := range i {
			fmt.Fprintf(&b, "%s = %s AND ", names[j], add(j))
		}
		last := side
		if side == "<" && i == len(names)-1 {
			last = "<="
		}
		fmt.Fprintf(&b, "%s %s %s)", names[i], last, add(i))
	}
	return b.String() + ")", values
}

// byArg is a column of a place as an argument: of MySQL a number where it is one, because
// it would compare texts with numbers as floats.
func (o *readOp) byArg(i int, x *cell) any {
	if f, ok := o.t.Field(o.k.Incremental.By[i].Value); ok && x.kind >= cellText && o.k.dialect() == mysql {
		switch f.Type.Kind {
		case types.KindInt:
			if v, ok := intOf(x); ok {
				return v
			}
		case types.KindString, types.KindTime, types.KindDate, types.KindDecimal:
			return string(x.s)
		}
	}
	return x.arg()
}

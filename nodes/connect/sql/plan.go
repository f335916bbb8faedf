package sql

import (
	"database/sql/driver"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the statements that write.

// The modes of sql.write.
const (
	modeInsert = "insert"
	modeUpsert = "upsert"
	modeUpdate = "update"
	modeDelete = "delete"
)

// A plan is how rows of a type go into a table.
type plan struct {
	dialect
	mode    string
	table   string
	columns []planColumn
	keyed   []bool // of columns

	mu    sync.Mutex
	texts map[int]string // statements by their number of rows
}

// A planColumn is a column that is written, or looked for.
type planColumn struct {
	name  string
	field int // in the batch
	t     *types.Type
	array bool
	cast  string // the type of the column for a cast that cuts nothing off
}

// newPlan says how rows of type t go into a table, which may be nil: then nothing is known
// of its columns.
func newPlan(d dialect, mode, name string, t *types.Type, key []string, into *table) *plan {
	p := &plan{dialect: d, mode: mode, table: name, texts: map[int]string{}}
	isKey := map[string]bool{}
	for _, k := range key {
		isKey[k] = true
	}
	for i, f := range t.Fields {
		if mode == modeDelete && !isKey[f.Name] {
			continue
		}
		c := planColumn{name: f.Name, field: i, t: f.Type}
		if into != nil {
			of, _ := into.column(f.Name)
			c.array, c.cast = strings.HasSuffix(of.db, "[]"), castName(of.db)
		}
		p.columns = append(p.columns, c)
		p.keyed = append(p.keyed, isKey[f.Name])
	}
	return p
}

// castName is a type of PostgreSQL without a length, to which a cast would cut.
func castName(name string) string {
	name = typeArgs.ReplaceAllString(name, "")
	if base, array := strings.CutSuffix(name, "[]"); base == "character" {
		if array {
			return "bpchar[]"
		}
		return "bpchar"
	}
	return name
}

// arg gives the value of a column in a row.
func (p *plan) arg(c *planColumn, b *record.Batch, row int) any {
	return arg(p.dialect, c.t, b.Cols[c.field], row, c.array)
}

// bind appends the arguments of a row: for update the columns that are set, then the key.
func (p *plan) bind(args []driver.NamedValue, b *record.Batch, row int) []driver.NamedValue {
	add := func(i int) {
		args = append(args, driver.NamedValue{Ordinal: len(args) + 1, Value: p.arg(&p.columns[i], b, row)})
	}
	if p.mode != modeUpdate {
		for i := range p.columns {
			add(i)
		}
		return args
	}
	for _, keyed := range []bool{false, true} {
		for i := range p.columns {
			if p.keyed[i] == keyed {
				add(i)
			}
		}
	}
	return args
}

// names lists the quoted columns that are part of the key, or are not.
func (p *plan) names(keyed bool) (names []string) {
	for i, c := range p.columns {
		if p.keyed[i] == keyed {
			names = append(names, p.quote(c.name))
		}
	}
	return names
}

func (p *plan) allNames() (names []string) {
	for _, c := range p.columns {
		names = append(names, p.quote(c.name))
	}
	return names
}

// statement is the text that writes n rows.
func (p *plan) statement(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.texts[n] == "" {
		p.texts[n] = p.write(n)
	}
	return p.texts[n]
}

func (p *plan) write(n int) string {
	table := p.quoteTable(p.table)
	switch p.mode {
	case modeUpdate:
		if p.dialect == postgres {
			return "UPDATE " + table + " AS t SET " + each(p.names(false), func(c string) string { return c + " = v." + c }, ", ") +
				" FROM (VALUES " + p.values(n, true) + ") AS v (" + strings.Join(p.allNames(), ", ") + ") WHERE " + p.sameKey()
		}
		equal := func(c string) string { return c + " = ?" }
		return "UPDATE " + table + " SET " + each(p.names(false), equal, ", ") + " WHERE " + each(p.names(true), equal, " AND ")
	case modeDelete:
		switch p.dialect {
		case postgres:
			return "DELETE FROM " + table + " AS t USING (VALUES " + p.values(n, true) + ") AS v (" + strings.Join(p.allNames(), ", ") + ") WHERE " + p.sameKey()
		case mysql:
			return "DELETE FROM " + table + " WHERE (" + strings.Join(p.allNames(), ", ") + ") IN (" + p.values(n, false) + ")"
		}
		return "DELETE FROM " + table + " WHERE " + each(p.names(true), func(c string) string { return c + " = ?" }, " AND ")
	}
	text := "INSERT INTO " + table + " (" + strings.Join(p.allNames(), ", ") + ") VALUES " + p.values(n, false)
	if p.mode == modeInsert {
		return text
	}
	rest := p.names(false)
	if p.dialect == mysql {
		if len(rest) == 0 {
			rest = p.names(true)[:1]
		}
		return text + " ON DUPLICATE KEY UPDATE " + each(rest, func(c string) string { return c + " = VALUES(" + c + ")" }, ", ")
	}
	text += " ON CONFLICT (" + strings.Join(p.names(true), ", ") + ") DO "
	if len(rest) == 0 {
		return text + "NOTHING"
	}
	return text + "UPDATE SET " + each(rest, func(c string) string { return c + " = excluded." + c }, ", ")
}

// sameKey compares the key of the table with that of the values.
func (p *plan) sameKey() string {
	return each(p.names(true), func(c string) string { return "t." + c + " = v." + c }, " AND ")
}

// values writes n rows of parameters. Where no column says their types, cast does.
func (p *plan) values(n int, cast bool) string {
	var b strings.Builder
	for row := range n {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for i, c := range p.columns {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(p.placeholder(row*len(p.columns) + i + 1))
			if cast && c.cast != "" {
				b.WriteString("::" + c.cast)
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}

func each(names []string, f func(string) string, between string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = f(n)
	}
	return strings.Join(all, between)
}

// apart cuts rows into runs in which no key stands twice, for statements that may not meet
// a row twice.
func (p *plan) apart(b *record.Batch, rows []int32, each func(rows []int32) error) error {
	seen, from := map[string]bool{}, 0
	var key []byte
	for i, row := range rows {
		key = key[:0]
		for k, c := range p.columns {
			if p.keyed[k] {
				key = appendText(key, p.dialect, c.t, b.Cols[c.field], int(row), false)
				key = append(key, 0)
			}
		}
		if seen[string(key)] {
			if err := each(rows[from:i]); err != nil {
				return err
			}
			clear(seen)
			from = i
		}
		seen[string(key)] = true
	}
	return each(rows[from:])
}

// create is the statement that makes the table for rows of a type.
func (p *plan) create() string {
	var defs []string
	for i, c := range p.columns {
		def := p.quote(c.name) + " " + p.columnType(c.t, p.keyed[i])
		if !c.t.Nullable {
			def += " NOT NULL"
		}
		defs = append(defs, def)
	}
	if key := p.names(true); len(key) > 0 {
		defs = append(defs, "PRIMARY KEY ("+strings.Join(key, ", ")+")")
	}
	return "CREATE TABLE IF NOT EXISTS " + p.quoteTable(p.table) + " (" + strings.Join(defs, ", ") + ")"
}

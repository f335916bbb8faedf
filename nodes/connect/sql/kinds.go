package sql

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/types"
)

// This file says which type of a database is which of flows, in both directions; the pages
// of sql.read and sql.write have the table.

var typeArgs = regexp.MustCompile(`\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)`)

// decimalOrFloat is the type of a number with digits behind the point.
func decimalOrFloat(decl string, otherwise *types.Type) *types.Type {
	m := typeArgs.FindStringSubmatch(decl)
	if m == nil {
		return otherwise
	}
	precision, _ := strconv.Atoi(m[1])
	scale, _ := strconv.Atoi(m[2])
	if precision < 1 || precision > 18 || scale > precision {
		return otherwise
	}
	return types.Decimal(precision, scale)
}

// decimalText is the declared type of decimals that SQLite would round if it took them for
// numbers.
const decimalText = "DECIMAL TEXT"

// sqliteType reads the declared type of a column, by SQLite's own rules of affinity where
// the word is none that says more.
func sqliteType(decl string) (t *types.Type, json bool) {
	word := strings.ToUpper(strings.TrimSpace(decl))
	base, _, _ := strings.Cut(word, "(")
	base = strings.TrimSpace(base)
	switch base {
	case "":
		return nil, false
	case "BOOL", "BOOLEAN":
		return types.Bool, false
	case "DATE":
		return types.Date, false
	case "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE":
		return types.Time, false
	case "JSON", "JSONB":
		return types.Any, true
	case "DURATION":
		return types.Duration, false
	case "DECIMAL", "NUMERIC", decimalText:
		return decimalOrFloat(word, types.Float), false
	}
	switch {
	case strings.Contains(base, "INT"):
		return types.Int, false
	case strings.Contains(base, "CHAR"), strings.Contains(base, "CLOB"), strings.Contains(base, "TEXT"), base == "UUID":
		return types.String, false
	case strings.Contains(base, "BLOB"), base == "BINARY", base == "VARBINARY":
		return types.Bytes, false
	case strings.Contains(base, "REAL"), strings.Contains(base, "FLOA"), strings.Contains(base, "DOUB"):
		return types.Float, false
	}
	return types.Any, false
}

// postgresType reads the name of a type as format_type gives it.
func postgresType(name string, words []string) (t *types.Type, json bool) {
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		t, _ := postgresType(elem, words)
		return types.List(t.Opt()), false
	}
	base, _, _ := strings.Cut(name, "(")
	switch base = strings.TrimSpace(base); base {
	case "boolean":
		return types.Bool, false
	case "smallint", "integer", "bigint", "oid":
		return types.Int, false
	case "real", "double precision":
		return types.Float, false
	case "numeric":
		return decimalOrFloat(name, types.Float), false
	case "date":
		return types.Date, false
	case "timestamp", "timestamp without time zone", "timestamp with time zone", "timestamptz":
		return types.Time, false
	case "interval":
		return types.Duration, false
	case "bytea":
		return types.Bytes, false
	case "json", "jsonb":
		return types.Any, true
	}
	switch {
	case strings.HasPrefix(name, "timestamp"): // timestamp(3) with time zone
		return types.Time, false
	case strings.HasPrefix(name, "interval"):
		return types.Duration, false
	case len(words) > 0 && fitForEnum(words):
		return types.Enum(words...), false
	}
	return types.String, false
}

// mysqlType reads a type as information_schema gives it, in small letters.
func mysqlType(name string) (t *types.Type, json bool) {
	base, rest, _ := strings.Cut(name, "(")
	base, _, _ = strings.Cut(base, " ")
	switch base {
	case "tinyint":
		if strings.HasPrefix(rest, "1)") {
			return types.Bool, false
		}
		return types.Int, false
	case "bool", "boolean":
		return types.Bool, false
	case "bit":
		if strings.HasPrefix(rest, "1)") {
			return types.Bool, false
		}
		return types.Bytes, false
	case "smallint", "mediumint", "int", "integer", "bigint", "year":
		return types.Int, false
	case "float", "double", "real":
		return types.Float, false
	case "decimal", "numeric":
		return decimalOrFloat(name, types.Float), false
	case "date":
		return types.Date, false
	case "datetime", "timestamp":
		return types.Time, false
	case "time":
		return types.Duration, false
	case "json":
		return types.Any, true
	case "enum":
		words := strings.Split(strings.TrimSuffix(strings.TrimPrefix(rest, "'"), "')"), "','")
		if fitForEnum(words) {
			return types.Enum(words...), false
		}
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry":
		return types.Bytes, false
	}
	return types.String, false
}

// fitForEnum reports whether words can stand in a type of a flow.
func fitForEnum(words []string) bool {
	for _, w := range words {
		if w == "" || strings.TrimSpace(w) != w || strings.ContainsAny(w, "|()'\n") {
			return false
		}
	}
	return true
}

// columnType is the type of a column that is made for values of t.
func (d dialect) columnType(t *types.Type, key bool) string {
	names := [...]map[types.Kind]string{
		sqlite: {
			types.KindBool: "BOOLEAN", types.KindInt: "INTEGER", types.KindFloat: "REAL", types.KindString: "TEXT", types.KindEnum: "TEXT",
			types.KindTime: "TIMESTAMP", types.KindDate: "DATE", types.KindDuration: "DURATION", types.KindBytes: "BLOB", types.KindDecimal: "DECIMAL",
		},
		postgres: {
			types.KindBool: "boolean", types.KindInt: "bigint", types.KindFloat: "double precision", types.KindString: "text", types.KindEnum: "text",
			types.KindTime: "timestamptz", types.KindDate: "date", types.KindDuration: "interval", types.KindBytes: "bytea", types.KindDecimal: "numeric",
		},
		mysql: {
			types.KindBool: "BOOLEAN", types.KindInt: "BIGINT", types.KindFloat: "DOUBLE", types.KindString: "LONGTEXT", types.KindEnum: "VARCHAR(255)",
			types.KindTime: "DATETIME(6)", types.KindDate: "DATE", types.KindDuration: "TIME(6)", types.KindBytes: "LONGBLOB", types.KindDecimal: "DECIMAL",
		},
	}[d]
	name := names[t.Kind]
	switch {
	case name == "":
		return [...]string{"JSON", "jsonb", "JSON"}[d]
	case t.Kind == types.KindDecimal:
		if d == sqlite && t.Precision > 15 {
			name = decimalText
		}
		return name + "(" + strconv.Itoa(t.Precision) + "," + strconv.Itoa(t.Scale) + ")"
	case d == mysql && key && t.IsText():
		return "VARCHAR(255)" // an index takes no text of any length
	case d == mysql && key && t.Kind == types.KindBytes:
		return "VARBINARY(255)"
	}
	return name
}

// takes reports whether a column of a table can take values of a type; whether each value
// fits only the database can say.
func (c *column) takes(d dialect, t *types.Type) bool {
	to := c.t
	if to == nil || t.Kind == types.KindNull {
		return true
	}
	switch to.Kind {
	case t.Kind:
		return t.Kind != types.KindList || c.json || (&column{t: to.Elem}).takes(d, t.Elem)
	case types.KindAny, types.KindString:
		return true
	case types.KindFloat, types.KindDecimal:
		return t.Kind == types.KindInt || t.Kind == types.KindDecimal || t.Kind == types.KindFloat
	case types.KindInt:
		return t.Kind == types.KindBool && d != postgres || t.Kind == types.KindDecimal && t.Scale == 0
	case types.KindEnum:
		return t.Kind == types.KindString
	case types.KindTime:
		return t.Kind == types.KindDate
	case types.KindBytes:
		return t.Kind == types.KindString
	case types.KindBool:
		return t.Kind == types.KindInt
	}
	return false
}

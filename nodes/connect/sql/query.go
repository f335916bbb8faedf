package sql

import (
	"regexp"
	"strings"
)

// This file looks at the text of queries, a little: what matters is left to the database.

// bare is a query that can stand in parentheses.
func bare(query string) string {
	return strings.TrimRight(strings.TrimSpace(query), "; \t\r\n")
}

var (
	literals  = regexp.MustCompile(`(?s)'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/`)
	addsNulls = regexp.MustCompile(`(?i)\b(left|right|full|outer|union|rollup|cube|grouping)\b`)
	oneTable  = regexp.MustCompile("(?i)\\bfrom\\s+((?:[\\w$]+|`[^`]+`)(?:\\.(?:[\\w$]+|`[^`]+`))?)")
	joins     = regexp.MustCompile(`(?i)\b(join|union|with)\b|\bfrom\b[^()]*,.*\b(where|order|limit)\b`)
)

// mayAddNulls reports whether a query may give a null for a column of a table that has
// none.
func mayAddNulls(query string) bool {
	return addsNulls.MatchString(literals.ReplaceAllString(query, "''"))
}

// tableOf is the one table that a query reads, "" if it is not plain that there is one.
func tableOf(query string) string {
	query = literals.ReplaceAllString(query, "''")
	found := oneTable.FindAllStringSubmatch(query, -1)
	if len(found) != 1 || joins.MatchString(query) {
		return ""
	}
	return strings.ReplaceAll(found[0][1], "`", "")
}

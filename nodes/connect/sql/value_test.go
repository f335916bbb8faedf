package sql

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A value that the type of its column cannot hold is told with the type that can, and that
// type reads it.
func TestCellsThatDoNotFit(t *testing.T) {
	const flow = `nodes:
  in: {use: sql.read, with: {url: URL, init: 'CREATE TABLE t (big BIGINT, ok BOOLEAN, name TEXT NOT NULL)', query: "QUERY"}}
  out: {use: file.write, in: in, with: {path: "-", format: jsonl}}
`
	for query, c := range map[string]struct{ told, hint, as, out string }{
		"SELECT CAST('x1' AS TEXT) AS big":   {`column big: "x1" is no int`, "write `as` with big: string?; `flowrun types --pin` writes the other columns", "big: string?", `{"big":"x1"}`},
		"SELECT 2 AS ok":                     {`column ok: "2" is no bool`, "write `as` with ok: int?", "ok: int?", `{"ok":2}`},
		"SELECT CAST(x'ff' AS TEXT) AS name": {"column name:", "write `as` with name: bytes", "name: bytes", `{"name":"/w=="}`},
		"SELECT NULL AS name":                {"column name: it is null", "write `as` with name: string?", "name: string?", `{"name":null}`},
	} {
		own := map[string]string{"big": "big: int?", "ok": "ok: bool?", "name": "name: string"}
		column, _, _ := strings.Cut(c.as, ":")
		text := strings.Replace(strings.Replace(flow, "QUERY", query, 1), "url: URL", "url: URL, as: {AS}", 1)
		r := perform(t, t.TempDir(), "sqlite::memory:", strings.Replace(text, "AS}", own[column]+"}", 1), nil)
		if told := r.Told() + diag.HintOf(r.Err).Text; r.Err == nil || !strings.Contains(told, c.told) || !strings.Contains(told, c.hint) {
			t.Errorf("%s: %s, want %s, %s", query, told, c.told, c.hint)
		}
		r = perform(t, t.TempDir(), "sqlite::memory:", strings.Replace(text, "AS}", c.as+"}", 1), nil)
		if got := strings.TrimSpace(r.File(nodetest.Stdio)); r.Err != nil || got != c.out {
			t.Errorf("%s: %s %s, want %s", query, got, r.Told(), c.out)
		}
	}
}

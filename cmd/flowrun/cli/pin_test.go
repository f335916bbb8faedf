package cli

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// A type is written into the settings of its node, and nothing else changes.
func TestPin(t *testing.T) {
	typ := types.Record(types.Field{Name: "it's", Type: types.Int.Opt()})
	const as = "as: '{\"it''s\": int?}'"
	for name, c := range map[string]struct{ flow, want string }{
		"a block":    {"nodes:\n  db: # here\n    use: x\n    with: # settings\n      # the address\n      url: a\n", "    with: # settings\n      " + as + "\n      # the address\n      url: a\n"},
		"braces":     {"nodes:\n  db: {use: x, with: {url: a}} # here\n", "with: {" + as + ", url: a}} # here\n"},
		"CR LF":      {"nodes:\r\n  db:\r\n    with:\r\n      url: a\r\n", "    with:\r\n      " + as + "\r\n      url: a\r\n"},
		"no setting": {"nodes:\n  db: {use: x}\n", ""},
		"an alias":   {"nodes:\n  ab: {with: &w {url: a}}\n  db: {with: *w}\n", ""},
	} {
		d := newEditor(diag.NewSource("flow.yaml", []byte(c.flow)))
		err := d.pin("db", typ)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		text, _, _ := d.apply()
		if err != nil || !strings.HasSuffix(string(text), c.want) || len(text) < len(c.flow)+len(as) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

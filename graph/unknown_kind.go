package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file says what somebody meant who names a kind that there is not.

// foreignKinds are what kinds are called elsewhere.
var foreignKinds = map[string]string{
	"mapping": "map", "remap": "map", "transform": "map", "bloblang": "map", "switch": "route", "reduce": "group",
	"aggregate": "group", "group_by": "group", "dedupe": "unique", "distinct": "unique", "union": "merge", "flat_map": "flatten",
	"explode": "flatten", "file": "file.read", "csv": "file.read", "stdin": "file.read", "stdout": "file.write", "console": "log",
	"where": "filter", "head": "limit", "take": "limit", "round_robin": "balance", "null": "drop", "order": "sort",
}

// KindHint says what an unknown kind may have been meant to be: a kind that is called
// otherwise here, a setting, a kind that does something of that name; the zero Hint if
// nothing comes near.
func KindHint(name string, cat Catalog) diag.Hint {
	kinds := cat.Kinds()
	name = strings.ToLower(name)
	hint := func(format string, args ...any) diag.Hint { return diag.Hint{Text: fmt.Sprintf(format, args...)} }
	if near := foreignKinds[name]; slices.Contains(kinds, near) {
		return hint("did you mean %q?", near)
	}
	if slices.Contains((^EngineSettings(0)).Names(), name) {
		return hint("%s is no kind but a setting of nodes: it stands beside `use`", name)
	}
	var with, about []string
	for _, kind := range kinds {
		spec, _ := cat.Spec(kind)
		if spec.Config != nil && slices.Contains(spec.Config.Names(), name) {
			with = append(with, kind)
		}
		if slices.Contains(strings.FieldsFunc(strings.ToLower(spec.Summary), func(r rune) bool { return r < 'a' || r > 'z' }), name) {
			about = append(about, kind)
		}
	}
	const most = 3
	if len(with) > 0 && len(with) <= most {
		return hint("%s is no kind but a setting of %s", name, strings.Join(with, " and "))
	}
	if near := diag.Nearest(name, kinds); near != "" {
		return hint("did you mean %q?", near)
	}
	if len(about) > 0 && len(about) <= most {
		return hint("did you mean %s?", strings.Join(about, " or "))
	}
	return diag.Hint{}
}

package graph

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that reads `vars` and fills variables in.

// variables reads `vars` and replaces ${NAME} in every scalar outside it. A value
// comes from the call, else from the file, else, for names that the file does not
// declare, from the environment.
func (c *compiler) variables() {
	declared := c.declaredVariables()
	for name := range c.opts.Set {
		if _, ok := declared[name]; !ok && !c.refersTo(name) {
			d := c.list.Add(diag.BadVariable, diag.Span{Source: c.src}, "the flow has no variable %q", name).
				DidYouMean(name, slices.Sorted(maps.Keys(declared)))
			if len(declared) == 0 {
				d.WithHint("write ${%s} where the value belongs", name)
			}
		}
	}
	lookup := func(name string) (config.Variable, bool) {
		v, ok := declared[name]
		if set, given := c.opts.Set[name]; given {
			return config.Variable{Text: set, Type: v.Type}, true
		}
		if ok {
			return v.Variable, v.has
		}
		if c.opts.LookupEnv != nil {
			text, set := c.opts.LookupEnv(name)
			return config.Variable{Text: text}, set
		}
		return config.Variable{}, false
	}
	used := map[string]bool{}
	for _, e := range c.root.Entries {
		if e.Key == "vars" {
			continue
		}
		for _, name := range config.Substitute(e.Value, lookup, &c.list) {
			used[name] = true
		}
	}
	for name, v := range declared {
		if !used[name] {
			c.list.Warn(diag.UnusedType, v.at, "variable %q is never used", name)
		}
	}
}

// refersTo reports whether ${name} or ${name: is written anywhere in the file.
func (c *compiler) refersTo(name string) bool {
	for scalar := range c.root.Scalars() {
		if strings.Contains(scalar.Text, "${"+name+"}") || strings.Contains(scalar.Text, "${"+name+":") {
			return true
		}
	}
	return false
}

// A variable is one that the flow declares.
type variable struct {
	config.Variable
	has bool // a default
	at  diag.Span
}

// declaredVariables reads `vars`: a plain default, or {type, default}.
func (c *compiler) declaredVariables() map[string]variable {
	declared := map[string]variable{}
	section := c.root.Get("vars")
	if section == nil {
		return declared
	}
	for _, e := range section.Entries {
		if !validVariable(e.Key) {
			c.list.Add(diag.BadName, e.KeySpan, "variable name %q: want letters, digits and _", e.Key)
			continue
		}
		v := variable{at: e.KeySpan}
		switch e.Value.Kind {
		case config.Mapping:
			c.longVariable(e.Value, &v)
		case config.Scalar:
			v.Text, v.Type, v.has, v.At = e.Value.Text, typeName(e.Value), true, e.Value.At(0, utf8.RuneCountInString(e.Value.Text))
		case config.Null:
			v.Type = "string"
		default:
			c.list.Add(diag.WrongValue, e.Value.Span, "want a default or {type: ..., default: ...}, got %s", e.Value.Describe())
		}
		if set, ok := c.opts.Set[e.Key]; ok && !isA(set, v.Type) {
			c.list.Add(diag.BadVariable, e.KeySpan, "variable %q is %s, got %q", e.Key, v.Type, set)
		}
		declared[e.Key] = v
	}
	return declared
}

// variableTypes are the types that a variable can be declared with.
var variableTypes = map[string]*types.Type{
	"bool": types.Bool, "duration": types.Duration, "float": types.Float, "int": types.Int, "string": types.String,
}

// typeName is the type of a variable whose default is v.
func typeName(v *config.Value) string {
	name := [...]string{config.String: "string", config.Bool: "bool", config.Int: "int", config.Float: "float"}[v.Type]
	if !isA(v.Text, name) { // such as 0x1F
		return "string"
	}
	return name
}

// longVariable reads {type, default}. Without a type it is that of the default.
func (c *compiler) longVariable(long *config.Value, v *variable) {
	v.Type = "string"
	if d := long.Get("default"); d != nil && d.Kind == config.Scalar {
		v.Type = typeName(d)
	}
	for _, e := range long.Entries {
		switch {
		case !variableKeys.has(e.Key):
			c.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).DidYouMean(e.Key, variableKeys.names())
		case e.Value.Kind != config.Scalar:
			c.list.Add(diag.WrongValue, e.Value.Span, "want a text, got %s", e.Value.Describe())
		case e.Key == "default":
			v.Text, v.has, v.At = e.Value.Text, true, e.Value.At(0, utf8.RuneCountInString(e.Value.Text))
		case variableTypes[e.Value.Text] == nil:
			c.list.Add(diag.UnknownType, e.Value.Span, "unknown type %q of a variable", e.Value.Text).
				DidYouMean(e.Value.Text, slices.Sorted(maps.Keys(variableTypes)))
		default:
			v.Type = e.Value.Text
		}
	}
	if v.has && !isA(v.Text, v.Type) {
		c.list.Add(diag.WrongValue, long.Get("default").Span, "the default of a variable of type %s is %q", v.Type, v.Text)
	}
}

// isA reports whether a text is a value of a variable's type.
func isA(text, kind string) bool {
	var err error
	switch kind {
	case "int":
		_, err = strconv.ParseInt(text, 10, 64)
	case "float":
		_, err = strconv.ParseFloat(text, 64)
	case "bool":
		return text == "true" || text == "false"
	case "duration":
		_, err = quantity.Duration(text)
	}
	return err == nil
}

func validVariable(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

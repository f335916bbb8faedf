package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

type object = map[string]any

// A validator knows the part of JSON Schema that ours is written in. What it does
// not know is an error, so that the schema cannot say more than is tested.
type validator struct {
	root object
	t    *testing.T
}

// check gives what is wrong with a value.
func (v *validator) check(schema any, value any, at string) (wrong []string) {
	if b, ok := schema.(bool); ok {
		if !b {
			return []string{at + ": must not be there"}
		}
		return nil
	}
	s, ok := schema.(object)
	if !ok {
		return []string{fmt.Sprintf("%s: the schema is %v here", at, schema)}
	}
	say := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	for _, key := range slices.Sorted(maps.Keys(s)) {
		rule := s[key]
		switch key {
		case "$schema", "title", "description", "default", "$defs", "then":
		case "$ref":
			name := strings.TrimPrefix(rule.(string), "#/$defs/")
			def, ok := v.root["$defs"].(object)[name]
			if !ok {
				v.t.Fatalf("%s refers to %s, which is not there", at, name)
			}
			wrong = append(wrong, v.check(def, value, at)...)
		case "type":
			if !hasType(rule, value) {
				say("want %v", rule)
			}
		case "enum":
			if !slices.ContainsFunc(rule.([]any), func(x any) bool { return reflect.DeepEqual(x, value) }) {
				say("want one of %v", rule)
			}
		case "const":
			if !reflect.DeepEqual(rule, value) {
				say("want %v", rule)
			}
		case "anyOf", "oneOf":
			fits := 0
			for _, option := range rule.([]any) {
				if len(v.check(option, value, at)) == 0 {
					fits++
				}
			}
			if fits == 0 || key == "oneOf" && fits > 1 {
				say("fits %d of %s", fits, key)
			}
		case "allOf":
			for _, part := range rule.([]any) {
				wrong = append(wrong, v.check(part, value, at)...)
			}
		case "if":
			if len(v.check(rule, value, at)) == 0 {
				wrong = append(wrong, v.check(s["then"], value, at)...)
			}
		default:
			wrong = append(wrong, v.checkSize(s, key, value, at)...)
		}
	}
	return wrong
}

// checkSize knows the rules on collections and on bounds.
func (v *validator) checkSize(s object, key string, value any, at string) (wrong []string) {
	rule := s[key]
	fields, isObject := value.(object)
	items, isArray := value.([]any)
	number, isNumber := value.(float64)
	text, isText := value.(string)
	bound, _ := rule.(float64)
	size := -1
	if isObject || isArray || isText {
		size = len(fields) + len(items) + len([]rune(text))
	}
	say := func(bad bool) {
		if bad {
			wrong = append(wrong, fmt.Sprintf("%s: %s is %v", at, key, rule))
		}
	}
	switch key {
	case "properties":
		for name, part := range rule.(object) {
			if inner, ok := fields[name]; ok {
				wrong = append(wrong, v.check(part, inner, at+"."+name)...)
			}
		}
	case "additionalProperties":
		known, _ := s["properties"].(object)
		for name, inner := range fields {
			if _, ok := known[name]; !ok {
				wrong = append(wrong, v.check(rule, inner, at+"."+name)...)
			}
		}
	case "propertyNames":
		for name := range fields {
			wrong = append(wrong, v.check(rule, name, at+"."+name)...)
		}
	case "required":
		for _, name := range rule.([]any) {
			_, ok := fields[name.(string)]
			say(isObject && !ok)
		}
	case "items":
		for i, item := range items {
			wrong = append(wrong, v.check(rule, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "minItems", "minProperties", "minLength":
		say(size >= 0 && size < int(bound))
	case "maxItems", "maxProperties", "maxLength":
		say(size > int(bound))
	case "pattern":
		say(isText && !regexp.MustCompile(rule.(string)).MatchString(text))
	case "minimum":
		say(isNumber && number < bound)
	case "maximum":
		say(isNumber && number > bound)
	default:
		v.t.Fatalf("%s: the rule %s is not tested", at, key)
	}
	return wrong
}

func hasType(rule, value any) bool {
	if several, ok := rule.([]any); ok {
		return slices.ContainsFunc(several, func(one any) bool { return hasType(one, value) })
	}
	switch value := value.(type) {
	case nil:
		return rule == "null"
	case bool:
		return rule == "boolean"
	case string:
		return rule == "string"
	case float64:
		return rule == "number" || rule == "integer" && value == float64(int64(value))
	case []any:
		return rule == "array"
	}
	return rule == "object"
}

// fromYAML makes of a flow what a validator of JSON sees.
func fromYAML(t *testing.T, text string) any {
	t.Helper()
	var list diag.List
	tree := config.Parse(diag.NewSource("flow.yaml", []byte(text)), &list)
	if list.HasErrors() {
		t.Fatal(list)
	}
	return plainValue(t, tree)
}

func plainValue(t *testing.T, v *config.Value) any {
	switch v.Kind {
	case config.Null:
		return nil
	case config.Mapping:
		m := object{}
		for _, e := range v.Entries {
			m[e.Key] = plainValue(t, e.Value)
		}
		return m
	case config.Sequence:
		items := []any{}
		for _, item := range v.Items {
			items = append(items, plainValue(t, item))
		}
		return items
	}
	if v.Type == config.String {
		return v.Text
	}
	var x any
	if err := json.Unmarshal([]byte(v.Text), &x); err != nil {
		return v.Text // such as .5, which JSON does not have
	}
	return x
}

func schema(t *testing.T) *validator {
	r := call("", "schema")
	if r.code != 0 || r.err != "" {
		t.Fatalf("got %+v", r)
	}
	return &validator{parse[object](t, r.out), t}
}

func TestSchemaAcceptsShippedFlows(t *testing.T) {
	v := schema(t)
	flows := map[string]string{"starter": strings.ReplaceAll(read(t, "starter.yaml"), "NAME", "x")}
	paths, _ := filepath.Glob(filepath.Join(flowsDir, "*.yaml"))
	if len(paths) == 0 {
		t.Fatal("there are no flows")
	}
	for _, path := range paths {
		if strings.HasSuffix(path, flowtest.Suffix) {
			continue
		}
		flows[filepath.Base(path)] = read(t, path)
	}
	for _, d := range std.Nodes {
		for i, e := range d.Spec.Examples {
			flows[fmt.Sprintf("%s, example %d", d.Spec.Kind, i+1)] = e.Flow
		}
	}
	for name, text := range flows {
		if wrong := v.check(v.root, fromYAML(t, text), "flow"); len(wrong) > 0 {
			t.Errorf("%s: %s", name, strings.Join(wrong, "\n"))
		}
	}
}

func TestSchemaRefusesMistakes(t *testing.T) {
	v := schema(t)
	for _, text := range []string{
		"flow: a",
		"nodes: {}",
		"nodes: {A: {use: drop, in: b}}",
		"nodes: {a: {with: {}}}",
		"nodes: {a: {use: fliter}}",
		"nodes: {a: {use: filter, in: b}}",
		"nodes: {a: {use: filter, in: b, with: {were: x}}}",
		"nodes: {a: {use: filter, with: {where: x}}}",
		"nodes: {a: {use: file.read, in: b, with: {path: x}}}",
		"nodes: {a: {use: drop, in: b, workers: 0}}",
		"nodes: {a: {use: drop, in: b, order: sometimes}}",
		"nodes: {a: {use: drop, in: b, threads: 2}}",
		"nodes: {a: {use: drop, in: {from: b, capacity: many}}}",
		"nodes: {a: {use: drop, in: {capacity: 5}}}",
		"nodes: {a: {use: drop, in: {input: b}}}",
		"nodes: {a: {use: join, in: {lfet: b, right: c}, with: {on: id}}}",
		"edges: []\nnodes: {a: {use: drop, in: b}}",
	} {
		if wrong := v.check(v.root, fromYAML(t, text), "flow"); len(wrong) == 0 {
			t.Errorf("accepted: %s", text)
		}
	}
	if v.root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("the schema does not say its draft")
	}
}

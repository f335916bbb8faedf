package graph_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

type object = map[string]any

// propertiesIn collects the names of properties anywhere in a JSON Schema.
func propertiesIn(schema any, into map[string]bool) {
	switch s := schema.(type) {
	case object:
		if names, ok := s["properties"].(object); ok {
			for name := range names {
				into[name] = true
			}
		}
		for _, part := range s {
			propertiesIn(part, into)
		}
	case []any:
		for _, part := range s {
			propertiesIn(part, into)
		}
	}
}

// at finds a part of a schema by keys and numbers.
func at(t *testing.T, schema any, path ...any) object {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			schema = schema.(object)[step]
		case int:
			schema = schema.([]any)[step]
		}
	}
	found, ok := schema.(object)
	if !ok {
		t.Fatalf("the schema has no mapping at %v", path)
	}
	return found
}

// Every word that is a key anywhere is written at every place that has keys: Load takes
// it there if, and only if, the schema has it.
func TestLoadTakesTheKeysOfTheSchemaAndNoOtherOnes(t *testing.T) {
	text, err := json.Marshal(graph.JSONSchema(kinds(t)))
	if err != nil {
		t.Fatal(err)
	}
	var schema object
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{"tests": true, "edges": true, "depends_on": true, "queue_size": true, "threads": true}
	propertiesIn(schema, words)
	known := func(_ *graph.Flow, list diag.List, key string) bool {
		return !slices.ContainsFunc(list, func(d diag.Diagnostic) bool {
			return d.Code == diag.UnknownKey && d.Message == fmt.Sprintf("unknown key %q", key)
		})
	}
	for _, place := range []struct {
		name, flow string // with %q for the key
		takes      func(*graph.Flow, diag.List, string) bool
		keys       object
	}{
		{"a flow", "{%q: ~, nodes: {}}", known, at(t, schema, "properties")},
		{"a node", "nodes: {a: {%q: ~}}", known, at(t, schema, "$defs", "node", "properties")},
		{"an edge", "nodes: {a: {use: tick}, b: {use: drop, in: {from: a, %q: ~}}}", known, at(t, schema, "$defs", "edge", "anyOf", 1, "properties")},
		{"a variable", "vars: {V: {%q: ~}}", known, at(t, schema, "properties", "vars", "additionalProperties", "anyOf", 1, "properties")},
		{"the limits", "limits: {%q: ~}", known, at(t, schema, "$defs", "limits", "properties")},
		{"a range of workers", "nodes: {a: {use: drop, workers: {%q: ~}}}", known, at(t, schema, "$defs", "node", "properties", "workers", "anyOf", 2, "properties")},
		{"a rate", "nodes: {a: {use: drop, rate: {%q: ~}}}", known, at(t, schema, "$defs", "node", "properties", "rate", "anyOf", 1, "properties")},
		{"a breaker", "nodes: {a: {use: drop, breaker: {%q: ~}}}", known, at(t, schema, "$defs", "node", "properties", "breaker", "properties")},
		{"a batch", "nodes: {a: {use: drop, batch: {%q: ~}}}", known, at(t, schema, "$defs", "node", "properties", "batch", "properties")},
		{"a retry", "nodes: {a: {use: drop, retry: {%q: ~}}}", known, at(t, schema, "$defs", "node", "properties", "retry", "properties")},
		{"a field", "types: {T: {f: {type: int, from: a, %q: int}}}", func(f *graph.Flow, _ diag.List, _ string) bool {
			field, _ := f.Types["T"].Field("f")
			return field.Type.Kind == types.KindInt
		}, at(t, schema, "$defs", "field", "properties")},
	} {
		if len(place.keys) < 2 {
			t.Fatalf("%s has the keys %v", place.name, place.keys)
		}
		for _, word := range slices.Sorted(maps.Keys(words)) {
			flow, list := graph.Load(diag.NewSource("f.yaml", fmt.Appendf(nil, place.flow, word)), kinds(t), graph.Options{})
			if flow == nil {
				t.Fatal(list)
			}
			_, declared := place.keys[word]
			if took := place.takes(flow, list, word); took != declared {
				t.Errorf("%s with the key %q: in the schema %t, taken %t", place.name, word, declared, took)
			}
		}
	}
}

func TestEngineSettingsAreThoseOfTheSchema(t *testing.T) {
	names := graph.EngineSettings(1<<16 - 1).Names()
	want := slices.DeleteFunc(graph.EngineSchema().Names(), func(name string) bool { return name == "about" })
	if !slices.Equal(names, want) {
		t.Errorf("the settings that act are %q, those of the engine %q", names, want)
	}
	for setting, name := range map[graph.EngineSettings]string{
		graph.SettingWorkers: "workers", graph.SettingOrder: "order", graph.SettingKey: "key", graph.SettingTimeout: "timeout", graph.SettingRetry: "retry",
		graph.SettingOnError: "on_error", graph.SettingRate: "rate", graph.SettingBreaker: "breaker", graph.SettingBatch: "batch", graph.SettingAck: "ack",
	} {
		if got := setting.String(); got != name {
			t.Errorf("the setting %s is called %q", name, got)
		}
	}
}

package graph

import (
	"maps"
	"slices"

	"github.com/flowrun/flowrun/graph/config"
)

// This file has the keys of flow files that passes read, and makes the JSON Schema of all.

// A Key is one of a mapping of a flow file that a pass reads. What the struct of a schema
// declares, such as the settings of the engine, is not among them.
type Key struct {
	Name, Doc string
	form      object // what may stand there, as JSON Schema
}

type object = map[string]any

// keys are those of one mapping, in the order in which they are proposed.
type keys []Key

// FlowKeys lists the keys of a flow file.
func FlowKeys() []Key { return slices.Clone(flowKeys) }

// NodeKeys lists the keys of a node but those of EngineSchema.
func NodeKeys() []Key { return slices.Clone(nodeKeys) }

// EdgeKeys lists the keys of an edge but those of ContractSchema.
func EdgeKeys() []Key { return slices.Clone(edgeKeys) }

// Every key of a flow file is declared here or by a struct with a schema: what Load takes,
// what it proposes in place of another one, and what JSONSchema says come from that.
var (
	flowKeys = keys{
		{"flow", "The name of the flow; that of the file if it is not given.", object{"type": "string", "pattern": "^[A-Za-z-][A-Za-z0-9_-]*$"}},
		{"about", "What the flow is for.", object{"type": "string"}},
		{"vars", "Variables with their defaults; ${NAME} stands for one, and run -s NAME=value sets it.", object{
			"type":                 []string{"object", "null"},
			"propertyNames":        object{"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
			"additionalProperties": object{"anyOf": []object{{"type": []string{"string", "number", "boolean", "null"}}, variableKeys.form()}},
		}},
		{"types", "Types by name, for the settings of sources and for other types.", object{"type": []string{"object", "null"}, "additionalProperties": ref("type")}},
		{"limits", "Bounds of the flow as a whole.", ref("limits")},
		{"nodes", "The nodes by their ids.", object{
			"type": "object", "minProperties": 1,
			"propertyNames": object{"pattern": "^[a-z][a-z0-9_]*$"}, "additionalProperties": ref("node"),
		}},
	}

	// variableKeys are those of a variable in its long form.
	variableKeys = keys{
		{"type", "", object{"enum": variableTypes}},
		{"default", "", object{"type": []string{"string", "number", "boolean"}}},
	}

	// fieldKeys are those of a field in its long form.
	fieldKeys = keys{
		{"type", "", ref("type")},
		{"from", "Its name in the data.", object{"type": []string{"string", "number", "boolean"}}},
		{"format", "The layout of a time or date, such as 02.01.2006 or %d.%m.%Y.", object{"type": "string"}},
		{"zone", "The zone of times without an offset, such as Europe/Berlin.", object{"type": "string"}},
		{"default", "What is read in place of null.", object{"type": []string{"string", "number", "boolean"}}},
	}

	nodeKeys = keys{
		{"use", "The kind of the node.", object{}}, // one of the catalogue
		{"in", "What the node reads: a source, a list of sources, a source with a contract, or a mapping of ports to any of these.", object{
			"anyOf": []object{ref("edges"), portMap(object{"additionalProperties": ref("edges")})},
		}},
		{"with", "The settings of the kind.", object{}},
	}

	edgeKeys = keys{{"from", "The node, or node.port, that the edge comes from.", ref("source")}}
)

func (k keys) has(name string) bool {
	return slices.ContainsFunc(k, func(key Key) bool { return key.Name == name })
}

func (k keys) names() []string {
	names := make([]string, len(k))
	for i, key := range k {
		names[i] = key.Name
	}
	return names
}

// properties describes the keys. What a reference leads to describes itself.
func (k keys) properties() object {
	all := object{}
	for _, key := range k {
		form := maps.Clone(key.form)
		if _, refers := form["$ref"]; key.Doc != "" && !refers {
			form["description"] = key.Doc
		}
		all[key.Name] = form
	}
	return all
}

// form describes a mapping that has these keys and no other ones.
func (k keys) form(required ...string) object {
	form := object{"type": "object", "properties": k.properties(), "additionalProperties": false}
	if required != nil {
		form["required"] = required
	}
	return form
}

// JSONSchema describes flow files with the kinds of a catalogue, for editors. It says as
// much as JSON Schema can; Load knows more.
func JSONSchema(cat Catalog) map[string]any {
	schema := flowKeys.form("nodes")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "flowrun flow"
	schema["description"] = "A dataflow graph: nodes with typed ports, joined by edges that are bounded queues."
	schema["$defs"] = definitions(cat)
	return schema
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// definitions are the parts that the schema refers to.
func definitions(cat Catalog) object {
	field := fieldKeys.form("type")
	field["description"] = "A field in its long form: how a reader gets it from a text."
	defs := object{
		"type": object{
			"description": "A type: text such as `int?` or `[string]`, a mapping of field names to types, or a list of one type.",
			"anyOf": []object{
				{"type": "string"},
				{"type": "object", "additionalProperties": object{"anyOf": []object{ref("type"), ref("field"), {"type": "null"}}}},
				{"type": "array", "items": ref("type"), "minItems": 1, "maxItems": 1},
			},
		},
		"field": field,
		"source": object{
			"description": "The id of a node, or node.port.",
			"type":        "string", "pattern": `^[a-z][a-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$|\$\{`,
		},
		"limits": LimitsSchema().JSONSchema(),
		"edge":   object{"anyOf": []object{ref("source"), with(edgeKeys.form("from"), contractSchema())}},
		"edges": object{
			"anyOf": []object{ref("edge"), {"type": "array", "items": ref("edge"), "minItems": 1}},
		},
		"node": nodeForm(cat),
	}
	for _, kind := range cat.Kinds() {
		spec, _ := cat.Spec(kind)
		defs["with-"+kind] = spec.Config.JSONSchema()
	}
	return defs
}

// with adds the settings of a schema to what a mapping may have.
func with(form object, s *config.Schema) object {
	maps.Copy(form["properties"].(object), s.JSONSchema()["properties"].(object))
	return form
}

// nodeForm gives every node the settings of the engine, and by its kind those of the kind.
func nodeForm(cat Catalog) object {
	form := with(nodeKeys.form("use"), engineSchema())
	var kinds, rules []object
	for _, kind := range cat.Kinds() {
		spec, _ := cat.Spec(kind)
		kinds = append(kinds, object{"const": kind, "description": spec.Summary})
		rules = append(rules, object{
			"if":   object{"properties": object{"use": object{"const": kind}}, "required": []string{"use"}},
			"then": kindRule(spec),
		})
	}
	form["properties"].(object)["use"].(object)["oneOf"] = kinds
	form["allOf"] = rules
	return form
}

// portMap is the form of in that names ports: an object without from, which is the
// mark of a contract.
func portMap(rules object) object {
	schema := object{"type": "object", "properties": object{"from": false}}
	maps.Copy(schema, rules)
	return schema
}

// kindRule says what a kind demands of a node.
func kindRule(s *Spec) object {
	settings := ref("with-" + s.Kind)
	var required []string
	if _, demands := s.Config.JSONSchema()["required"]; demands {
		required = append(required, "with")
	} else {
		settings = object{"anyOf": []object{settings, {"type": "null"}}}
	}
	properties := object{"with": settings}
	var ports []string
	wired := false
	for _, p := range s.In {
		ports = append(ports, p.Name)
		wired = wired || p.Arity != Optional
	}
	if wired {
		required = append(required, "in")
	}
	properties["in"] = false
	if ports != nil {
		properties["in"] = object{"if": portMap(nil), "then": object{"propertyNames": object{"enum": ports}}}
	}
	rule := object{"properties": properties}
	if required != nil {
		rule["required"] = required
	}
	return rule
}

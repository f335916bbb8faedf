package cli

import (
	"maps"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

func (c *call) schemaVerb() *cobra.Command {
	var tests bool
	verb := &cobra.Command{
		Use:     "schema",
		GroupID: groupLook,
		Short:   "Print the JSON Schema of flow files, for editors",
		Long: `Prints a JSON Schema (draft 2020-12) of flow files with all kinds that this
program knows, or of test files. An editor with a YAML language server uses it by a
first line

  # yaml-language-server: $schema=flow.schema.json`,
		Example:           "  flowrun schema > flow.schema.json\n  flowrun schema --tests > test.schema.json",
		Args:              atMost(0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if tests {
				return writeJSON(c.stdout, flowtest.JSONSchema())
			}
			return writeJSON(c.stdout, c.flowSchema())
		},
	}
	verb.Flags().BoolVar(&tests, "tests", false, "that of test files, *"+flowtest.Suffix)
	return verb
}

type object = map[string]any

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// flowSchema describes flow files. It says as much as JSON Schema can; the check
// knows more.
func (c *call) flowSchema() object {
	return object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "flowrun flow",
		"description": "A dataflow graph: nodes with typed ports, joined by edges that are bounded queues.",
		"type":        "object",
		"properties": object{
			"flow":   object{"type": "string", "pattern": "^[A-Za-z-][A-Za-z0-9_-]*$", "description": "The name of the flow; that of the file if it is not given."},
			"about":  object{"type": "string", "description": "What the flow is for."},
			"vars":   varsSchema(),
			"types":  object{"type": []string{"object", "null"}, "additionalProperties": ref("type"), "description": "Types by name, for the settings of sources and for other types."},
			"limits": ref("limits"),
			"nodes": object{
				"type": "object", "minProperties": 1, "description": "The nodes by their ids.",
				"propertyNames": object{"pattern": "^[a-z][a-z0-9_]*$"}, "additionalProperties": ref("node"),
			},
		},
		"required":             []string{"nodes"},
		"additionalProperties": false,
		"$defs":                c.definitions(),
	}
}

func varsSchema() object {
	scalar := object{"type": []string{"string", "number", "boolean", "null"}}
	long := object{
		"type": "object", "additionalProperties": false,
		"properties": object{
			"type":    object{"enum": []string{"bool", "duration", "float", "int", "string"}},
			"default": object{"type": []string{"string", "number", "boolean"}},
		},
	}
	return object{
		"type": []string{"object", "null"}, "description": "Variables with their defaults; ${NAME} stands for one, and run -s NAME=value sets it.",
		"propertyNames":        object{"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
		"additionalProperties": object{"anyOf": []object{scalar, long}},
	}
}

// definitions are the parts that the schema refers to.
func (c *call) definitions() object {
	defs := object{
		"type": object{
			"description": "A type: text such as `int?` or `[string]`, a mapping of field names to types, or a list of one type.",
			"anyOf": []object{
				{"type": "string"},
				{"type": "object", "additionalProperties": object{"anyOf": []object{ref("type"), ref("field"), {"type": "null"}}}},
				{"type": "array", "items": ref("type"), "minItems": 1, "maxItems": 1},
			},
		},
		"field": object{
			"description": "A field in its long form: how a reader gets it from a text.",
			"type":        "object", "required": []string{"type"}, "additionalProperties": false,
			"properties": object{
				"type":    ref("type"),
				"from":    object{"type": []string{"string", "number", "boolean"}, "description": "Its name in the data."},
				"format":  object{"type": "string", "description": "The layout of a time, such as 2006-01-02."},
				"default": object{"type": []string{"string", "number", "boolean"}, "description": "What is read in place of null."},
			},
		},
		"source": object{
			"description": "The id of a node, or node.port.",
			"type":        "string", "pattern": `^[a-z][a-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$|\$\{`,
		},
		"limits": graph.LimitsSchema().JSONSchema(),
		"edge":   edgeSchema(),
		"edges": object{
			"anyOf": []object{ref("edge"), {"type": "array", "items": ref("edge"), "minItems": 1}},
		},
		"node": c.nodeSchema(),
	}
	for _, kind := range c.registry.Kinds() {
		spec, _ := c.registry.Spec(kind)
		defs["with-"+kind] = spec.Config.JSONSchema()
	}
	return defs
}

// edgeSchema is a source, alone or with a contract.
func edgeSchema() object {
	contract := graph.ContractSchema().JSONSchema()
	properties := maps.Clone(contract["properties"].(object))
	properties["from"] = ref("source")
	return object{"anyOf": []object{
		ref("source"),
		{"type": "object", "properties": properties, "required": []string{"from"}, "additionalProperties": false},
	}}
}

// nodeSchema gives every node the settings of the engine, and by its kind those
// of the kind.
func (c *call) nodeSchema() object {
	engine := graph.EngineSchema().JSONSchema()
	properties := maps.Clone(engine["properties"].(object))
	properties["with"] = object{"description": "The settings of the kind."}
	properties["in"] = object{
		"description": "What the node reads: a source, a list of sources, a source with a contract, or a mapping of ports to any of these.",
		"anyOf":       []object{ref("edges"), portMap(object{"additionalProperties": ref("edges")})},
	}
	var kinds, rules []object
	for _, kind := range c.registry.Kinds() {
		spec, _ := c.registry.Spec(kind)
		kinds = append(kinds, object{"const": kind, "description": spec.Summary})
		rules = append(rules, object{
			"if":   object{"properties": object{"use": object{"const": kind}}, "required": []string{"use"}},
			"then": kindRule(spec),
		})
	}
	properties["use"] = object{"description": "The kind of the node.", "oneOf": kinds}
	return object{
		"type": "object", "properties": properties, "required": []string{"use"}, "additionalProperties": false,
		"allOf": rules,
	}
}

// portMap is the form of in that names ports: an object without from, which is the
// mark of a contract.
func portMap(rules object) object {
	schema := object{"type": "object", "properties": object{"from": false}}
	maps.Copy(schema, rules)
	return schema
}

// kindRule says what a kind demands of a node.
func kindRule(spec *graph.Spec) object {
	with := ref("with-" + spec.Kind)
	var required []string
	if _, demands := spec.Config.JSONSchema()["required"]; demands {
		required = append(required, "with")
	} else {
		with = object{"anyOf": []object{with, {"type": "null"}}}
	}
	properties := object{"with": with}
	var ports []string
	wired := false
	for _, p := range spec.In {
		ports = append(ports, p.Name)
		wired = wired || p.Arity != graph.Optional
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

package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestFields(t *testing.T) {
	var b strings.Builder
	for _, f := range sinkSchema(t).Fields() {
		fmt.Fprintf(&b, "%s | %s | %v | %s\n", f.Name, f.Type, f.Required, f.Default)
	}
	want := `workers | integer, 1 to 64 | false | 4
head | true or false | false | false
path | string, not empty | true | 
mode | fail, replace or append | false | fail
where | expression | false | 
by | name, or list of name (at most 3) | false | 
tags | list of string | false | [a, "b: c"]
set | mapping to expression | false | 
every | duration, 1ms to 24h | false | 1h
most | size, at least 1kB | false | 64MB
retry | mapping | false | 
retry.attempts | integer, at least 1 | true | 
retry.wait | duration | false | 1m
proxy | mapping | false | 
proxy.attempts | integer, at least 1 | true | 
proxy.wait | duration | false | 1s
steps | list of mapping | false | 
steps[].attempts | integer, at least 1 | true | 
steps[].wait | duration | false | 1s
port | integer, 0 to 65535 | false | 
share | number, at most 1 | false | 0
token | secret | false | 
free | any value | false | 
unit | upper case | false | 
small | integer, -128 to 127 | false | 0
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// docSample has a default of every type that shows one.
type docSample struct {
	Words []string      `yaml:"words" doc:"Words | more." enum:"a|b"`
	Set   Map[Text]     `yaml:"set" doc:"Fields."`
	Name  Name          `yaml:"name" doc:"A name."`
	Free  any           `yaml:"free" doc:"Anything."`
	Opt   *string       `yaml:"opt" doc:"Maybe."`
	Key   Secret        `yaml:"key" doc:"Hidden."`
	Wait  time.Duration `yaml:"wait,required" doc:"How long."`
	Many  Map[retry]    `yaml:"many" doc:"Several." min:"1"`
}

func newDocSample() *docSample {
	maybe := "no"
	return &docSample{
		Words: []string{"a"}, Set: Map[Text]{{Key: "x y", Value: Text{Value: "1 > 0"}}}, Name: Name{Value: "id"},
		Free: Map[any]{{Key: "k", Value: []any{1, "true", nil}}}, Opt: &maybe, Key: NewSecret("geheim"),
	}
}

func TestMarkdown(t *testing.T) {
	s, err := Of(newDocSample())
	if err != nil {
		t.Fatal(err)
	}
	want := "| setting | type | default | meaning |\n| --- | --- | --- | --- |\n" +
		"| `words` | list of a or b | `[a]` | Words \\| more. |\n" +
		"| `set` | mapping to expression | `{x y: \"1 > 0\"}` | Fields. |\n" +
		"| `name` | name | `id` | A name. |\n" +
		"| `free` | any value | `{k: [1, \"true\", null]}` | Anything. |\n" +
		"| `opt` | string | `\"no\"` | Maybe. |\n" +
		"| `key` | secret |  | Hidden. |\n" +
		"| `wait` | duration | required | How long. |\n" +
		"| `many` | mapping to mapping (at least 1) |  | Several. |\n" +
		"| `many.*.attempts` | integer, at least 1 | required | How often. |\n" +
		"| `many.*.wait` | duration | `1s` | The pause between two. |\n"
	if got := s.Markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if empty, err := Of(&struct{}{}); err != nil || empty.Markdown() != "" {
		t.Error("a schema without settings has a table")
	}
}

func TestJSONSchema(t *testing.T) {
	s, err := Of(newDocSample())
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, s.JSONSchema(), `{
  "additionalProperties": false,
  "properties": {
    "free": {"default": {"k": [1, "true", null]}, "description": "Anything."},
    "key": {"description": "Hidden.", "type": "string"},
    "many": {
      "additionalProperties": {
        "additionalProperties": false,
        "properties": {
          "attempts": {"anyOf": [{"minimum": 1, "type": "integer"}, {"pattern": "^\\$\\{.*\\}$", "type": "string"}], "description": "How often."},
          "wait": {"default": "1s", "description": "The pause between two.", "pattern": "^([-+]?([0-9]+(\\.[0-9]*)?(ns|us|µs|ms|s|m|h|d|w))+|0|.*\\$\\{.*)$", "type": ["string", "integer"]}
        },
        "required": ["attempts"],
        "type": "object"
      },
      "description": "Several.",
      "minProperties": 1,
      "type": "object"
    },
    "name": {"default": "id", "description": "A name.", "minLength": 1, "type": "string"},
    "opt": {"default": "no", "description": "Maybe.", "type": "string"},
    "set": {"additionalProperties": {"type": ["string", "number", "boolean", "null"]}, "default": {"x y": "1 > 0"}, "description": "Fields.", "type": "object"},
    "wait": {"description": "How long.", "pattern": "^([-+]?([0-9]+(\\.[0-9]*)?(ns|us|µs|ms|s|m|h|d|w))+|0|.*\\$\\{.*)$", "type": ["string", "integer"]},
    "words": {"default": ["a"], "description": "Words | more.", "items": {"anyOf": [{"enum": ["a", "b"], "type": "string"}, {"pattern": "^\\$\\{.*\\}$", "type": "string"}]}, "type": "array"}
  },
  "required": ["wait"],
  "type": "object"
}`)
	properties := sinkSchema(t).JSONSchema()["properties"].(map[string]any)
	checkJSON(t, properties["by"], `{"anyOf": [{"items": {"minLength": 1, "type": "string"}, "maxItems": 3, "type": "array"}, {"minLength": 1, "type": "string"}], "description": "Fields that split the output."}`)
	checkJSON(t, properties["unit"], `{"description": "Reads itself.", "pattern": "^[A-Z]*$", "type": "string"}`)
	checkJSON(t, properties["path"], `{"description": "Where the file goes.", "minLength": 1, "type": "string"}`)
	checkJSON(t, properties["head"], `{"anyOf": [{"type": "boolean"}, {"pattern": "^\\$\\{.*\\}$", "type": "string"}], "default": false, "description": "Whether there is a line of names."}`)
}

// checkJSON compares by what encoding/json makes of both.
func checkJSON(t *testing.T, got any, want string) {
	t.Helper()
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	g, err := json.MarshalIndent(got, "", "  ")
	w, _ := json.MarshalIndent(wanted, "", "  ")
	if err != nil || string(g) != string(w) {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, g, w)
	}
}

type ring struct {
	Next []ring `yaml:"next" doc:"The next."`
}

func TestOfFaults(t *testing.T) {
	type inner struct {
		A int `yaml:"a"`
	}
	for want, proto := range map[string]any{
		"config: a prototype is a pointer to a struct, not config.ring":  ring{},
		"config: a prototype is a pointer to a struct, not *config.ring": (*ring)(nil),
		"config: a prototype is a pointer to a struct, not <nil>":        nil,
		"ring contains itself": &ring{},
		"inner.A: there is no doc tag": &struct {
			I inner `yaml:"i" doc:"."`
		}{},
		"B: the name \"a\" is taken": &struct {
			A int `yaml:"a" doc:"."`
			B int `yaml:"a" doc:"."`
		}{},
		`A: the yaml tag "a,omitempty" has an`: &struct {
			A int `yaml:"a,omitempty" doc:"."`
		}{},
		`A: the yaml tag ",required" has no`: &struct {
			A int `yaml:",required" doc:"."`
		}{},
		"a: a setting must be an exported field": &struct {
			a int `yaml:"a" doc:"."`
		}{},
		"A: what is required cannot have a": &struct {
			A int `yaml:"a,required" doc:"."`
		}{1},
		"A: the type chan int cannot be a setting": &struct {
			A chan int `yaml:"a" doc:"."`
		}{},
		"A: the type map[string]int cannot be": &struct {
			A map[string]int `yaml:"a" doc:"."`
		}{},
		"A: the type func() cannot be a setting": &struct {
			A []*func() `yaml:"a" doc:"."`
		}{},
		`A: "x" is no bound for this type`: &struct {
			A int `yaml:"a" doc:"." min:"x"`
		}{},
		`A: "5" is no bound for this type`: &struct {
			A time.Duration `yaml:"a" doc:"." max:"5"`
		}{},
		"A: min is greater than max": &struct {
			A Size `yaml:"a" doc:"." min:"2kB" max:"1kB"`
		}{},
		"A: the tag enum has no meaning for": &struct {
			A int `yaml:"a" doc:"." enum:"1|2"`
		}{},
		"A: the tag lone has no meaning for": &struct {
			A string `yaml:"a" doc:"." lone:"true"`
		}{},
		"A: the tag min has no meaning for": &struct {
			A bool `yaml:"a" doc:"." min:"1"`
		}{},
	} {
		if _, err := Of(proto); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want %s", proto, err, want)
		}
	}
	_, err := Of(&struct {
		A int `yaml:"a"`
		B int `yaml:"B B" doc:"."`
	}{})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("not every problem is named: %v", err)
	}
}

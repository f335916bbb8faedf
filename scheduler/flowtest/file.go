package flowtest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/redact"
)

// This file has the test file as it is written.

// A fileText is a test file as it is written.
type fileText struct {
	Flow  config.Name `yaml:"flow" doc:"The flow, relative to the folder of this file. By default it is the file without _test in its name."`
	About string      `yaml:"about" doc:"What the tests are about."`
	Vars  assignments `yaml:"vars" doc:"Values for variables of the flow, in every test."`
	Tests []caseText  `yaml:"tests,required" doc:"The tests. Each runs the flow once."`
}

// A caseText is one case as it is written. What depends on the types of the flow
// is kept as a tree, and read when they are known.
type caseText struct {
	Name   config.Name            `yaml:"name,required" doc:"What must hold, in a few words."`
	About  string                 `yaml:"about" doc:"What the test is for."`
	Vars   assignments            `yaml:"vars" doc:"Values for variables of the flow, over those of the file."`
	Clock  string                 `yaml:"clock" enum:"virtual|real" doc:"With the virtual clock, hours of waiting pass at once and durations are exact. The real clock is for nodes that wait for something outside."`
	Stop   *duration              `yaml:"stop" doc:"When the sources are stopped, as by ctrl-c: for sources that do not end by themselves."`
	Real   []config.Name          `yaml:"real" lone:"true" doc:"Sinks that do what they do outside of tests too. By default no sink touches anything but a folder of the test."`
	With   config.Map[tree]       `yaml:"with" doc:"Settings of nodes, over those in the flow: node: {setting: value}."`
	Feed   config.Map[feedText]   `yaml:"feed" doc:"Items in place of what a source reads or what arrives at an input: node, or node.port, and a list of items."`
	Stub   config.Map[rules]      `yaml:"stub" doc:"Nodes that are replaced by rules; the first rule that fits an item says what comes of it."`
	Fail   config.Map[rules]      `yaml:"fail" doc:"Nodes that fail on purpose: a message, or rules that say for which items."`
	Expect config.Map[expectText] `yaml:"expect" doc:"What must come out of ports (node, or node.port) or arrive at sinks."`
	Writes config.Map[writeText]  `yaml:"writes" doc:"Files that must be written, by their path in the flow; - is standard output."`
	Fails  *failText              `yaml:"fails" doc:"The run must fail: a part of the message, or {node, error}."`
	Takes  *spanText              `yaml:"takes" doc:"How long the run takes on the virtual clock: a duration, or {min, max}."`
}

// SetDefaults implements config.Defaulter.
func (c *caseText) SetDefaults() { c.Clock = "virtual" }

// assignments are values of variables.
type assignments = config.Map[config.Text]

// A tree is a part of the file that is read later.
type tree struct{ *config.Value }

// DecodeConfig implements config.Decoder.
func (t *tree) DecodeConfig(v *config.Value, _ *diag.List) { t.Value = v }

// ConfigType implements config.Describer.
func (tree) ConfigType() (string, map[string]any) { return "value", map[string]any{} }

// A duration is zero or more.
type duration time.Duration

// DecodeConfig implements config.Decoder.
func (d *duration) DecodeConfig(v *config.Value, list *diag.List) {
	parsed, err := quantity.Duration(v.Text)
	if v.Kind != config.Scalar || err != nil || parsed < 0 {
		list.Add(diag.WrongValue, v.Span, "want a duration, got %s", v.Describe()).WithHint("write 500ms, 5s or 1h30m")
		return
	}
	*d = duration(parsed)
}

// ConfigType implements config.Describer.
func (duration) ConfigType() (string, map[string]any) {
	return "duration", map[string]any{"type": "string"}
}

// A ruleText says what becomes of items, in a stub or in a node that fails.
type ruleText struct {
	When  config.Text             `yaml:"when" doc:"A condition over the item. By default the rule is for every item."`
	Item  []int                   `yaml:"item" lone:"true" doc:"The numbers of items, from 1, for which the rule is. The node then has one worker."`
	Times int                     `yaml:"times" min:"1" doc:"With error: how often an item fails before the rule no longer holds for it, so that a retry succeeds."`
	Port  string                  `yaml:"port" doc:"Of a stub: the output that gets the items. Of fail: the input that is looked at. By default the first one."`
	Takes time.Duration           `yaml:"takes" min:"0s" doc:"How long the item takes."`
	Error string                  `yaml:"error" doc:"The item fails with this message."`
	Give  *tree                   `yaml:"give" doc:"Of a stub: the item, or the list of items, that comes out."`
	Set   config.Map[config.Text] `yaml:"set" doc:"Of a stub: expressions for fields of the item that comes out; the other fields are those of the item that came in."`
	Pass  bool                    `yaml:"pass" doc:"Of a stub: the item comes out as it is."`

	at diag.Span
}

var ruleSchema = sync.OnceValue(func() *config.Schema { return mustSchema(&ruleText{}) })

// rules is one rule, a list of them, or a text: the message of a failure.
type rules []ruleText

// DecodeConfig implements config.Decoder.
func (r *rules) DecodeConfig(v *config.Value, list *diag.List) {
	items := []*config.Value{v}
	if v.Kind == config.Sequence {
		items = v.Items
	}
	for _, item := range items {
		rule := ruleText{at: item.Span}
		switch {
		case item.Kind == config.Scalar:
			rule.Error = item.Text
		case item.IsNull():
			list.Add(diag.WrongValue, item.Span, "want a rule, got nothing").WithHint("write {give: ITEM}, {set: {FIELD: EXPRESSION}} or {error: MESSAGE}")
			continue
		default:
			ruleSchema().Decode(item, &rule, list)
		}
		*r = append(*r, rule)
	}
}

// ConfigType implements config.Describer.
func (rules) ConfigType() (string, map[string]any) {
	rule := ruleSchema().JSONSchema()
	return "rules", map[string]any{"anyOf": []any{map[string]any{"type": "string"}, rule, map[string]any{"type": "array", "items": rule}}}
}

// A feedText is a list of steps, or a mapping that says more.
type feedText struct {
	Items *tree     `yaml:"items" doc:"The items, and between them steps: {after: 5s} waits, {at: 1m} waits until then, {bad: TEXT, error: MESSAGE} is a bad item of a source, {error: MESSAGE} makes the source fail."`
	From  string    `yaml:"from" doc:"A file of items, relative to the folder of the test file: jsonl or csv. A source that has a path reads it by its own settings."`
	Text  *string   `yaml:"text" doc:"What a source that has a path reads in place of its file."`
	Every *duration `yaml:"every" doc:"The time between two items, unless a step says otherwise."`
	As    *tree     `yaml:"as" doc:"The type of the items, for sources whose own type cannot be told here."`

	at diag.Span
}

var feedSchema = sync.OnceValue(func() *config.Schema { return mustSchema(&feedText{}) })

// DecodeConfig implements config.Decoder.
func (f *feedText) DecodeConfig(v *config.Value, list *diag.List) {
	f.at = v.Span
	if v.Kind == config.Sequence || v.IsNull() {
		f.Items = &tree{v}
		return
	}
	before := len(*list)
	feedSchema().Decode(v, f, list)
	given := 0
	for _, is := range []bool{f.Items != nil, f.From != "", f.Text != nil} {
		if is {
			given++
		}
	}
	if v.Kind == config.Mapping && given != 1 && !(*list)[before:].HasErrors() {
		list.Add(diag.MissingKey, v.Span, "a feed has one of items, from and text").WithHint("items may also be written as a list, without a key")
	}
	if given == 0 { // no file is looked for
		f.Items = &tree{&config.Value{Kind: config.Sequence, Span: v.Span}}
	}
}

// ConfigType implements config.Describer.
func (feedText) ConfigType() (string, map[string]any) {
	return "feed", map[string]any{"anyOf": []any{map[string]any{"type": []string{"array", "null"}}, feedSchema().JSONSchema()}}
}

// mustSchema is for the structs of this package.
func mustSchema(proto any) *config.Schema {
	s, err := config.Of(proto)
	if err != nil {
		panic("flowtest: " + err.Error())
	}
	return s
}

var fileSchema = sync.OnceValue(func() *config.Schema { return mustSchema(&fileText{}) })

// JSONSchema describes test files, for editors. It says as much as JSON Schema can;
// Load knows more.
func JSONSchema() map[string]any {
	schema := fileSchema().JSONSchema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "flowrun test"
	return schema
}

// readFile reads a test file.
func readFile(src *diag.Source, list *diag.List) *fileText {
	src.Cover(redact.Columns)
	root := config.Parse(src, list)
	if root == nil {
		return nil
	}
	f := &fileText{}
	fileSchema().Decode(root, f, list)
	names := map[string]diag.Span{}
	for _, c := range f.Tests {
		if first, twice := names[c.Name.Value]; twice && c.Name.Value != "" {
			list.Add(diag.DuplicateKey, c.Name.At, "there are two tests %q", c.Name.Value).WithNote(first, "the first one")
		}
		names[c.Name.Value] = c.Name.At
		c.checkRules(list)
	}
	if t := root.Get("tests"); t != nil && t.Kind == config.Sequence && len(t.Items) == 0 {
		list.Add(diag.MissingKey, t.Span, "the file has no tests")
	}
	return f
}

// checkRules finds what is wrong with rules whatever the flow is.
func (c *caseText) checkRules(list *diag.List) {
	for _, p := range c.Stub {
		for _, r := range p.Value {
			r.check(list, true)
		}
	}
	for _, p := range c.Fail {
		for _, r := range p.Value {
			r.check(list, false)
		}
	}
	if c.Clock == "real" {
		for _, p := range c.Expect {
			if p.Value.timed() {
				list.Add(diag.Conflict, p.At, "times of items are exact on the virtual clock only").WithHint("leave out the steps at and after, or clock: real")
			}
		}
	}
}

func (r *ruleText) check(list *diag.List, stub bool) {
	var outcomes []string
	for name, is := range map[string]bool{"error": r.Error != "", "give": r.Give != nil, "set": r.Set != nil, "pass": r.Pass} {
		if is {
			outcomes = append(outcomes, name)
		}
	}
	slices.Sort(outcomes)
	switch {
	case !stub && (r.Give != nil || r.Set != nil || r.Pass):
		list.Add(diag.Conflict, r.at, "%s is for stubs: here a rule says which items fail", strings.Join(outcomes, " and ")).WithHint("write the rule under stub")
	case !stub && r.Error == "" && r.Takes == 0:
		list.Add(diag.MissingKey, r.at, "the rule has no error").WithHint("write error: MESSAGE, or takes: 5s for an item that is slow")
	case stub && len(outcomes) == 0:
		list.Add(diag.MissingKey, r.at, "the rule does not say what comes out").WithHint("one of give, set, pass and error; give: [] for nothing")
	case len(outcomes) > 1:
		list.Add(diag.Conflict, r.at, "%s exclude each other", strings.Join(outcomes, " and "))
	case r.Times > 0 && r.Error == "":
		list.Add(diag.Conflict, r.at, "times is for rules with error")
	}
	for _, n := range r.Item {
		if n < 1 {
			list.Add(diag.WrongValue, r.at, "item %d: items are counted from 1", n)
		}
	}
}

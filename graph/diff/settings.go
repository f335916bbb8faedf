package diff

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
)

// Settings of two versions compared, as they are written and not as they are decoded.

// texts are what a flow's file says, before variables are filled in.
type texts struct {
	root  *config.Value // nil: there is no text
	nodes map[string]*config.Value
	known map[*config.Schema]*facts
}

func newTexts(f *graph.Flow) *texts {
	t := &texts{nodes: map[string]*config.Value{}, known: map[*config.Schema]*facts{}}
	if f.At.Source == nil {
		return t
	}
	var list diag.List // the flow was loaded from this text, which told of its problems
	if root := config.Parse(f.At.Source, &list); root != nil && root.Kind == config.Mapping {
		t.root = root
		if section := root.Get("nodes"); section != nil {
			for _, e := range section.Entries {
				t.nodes[e.Key] = e.Value
			}
		}
	}
	return t
}

// facts are what a schema says about settings, by their path below it.
type facts struct {
	defaults map[string]string
	secret   map[string]bool
}

func (t *texts) facts(schema *config.Schema) *facts {
	if f := t.known[schema]; f != nil {
		return f
	}
	f := &facts{map[string]string{}, map[string]bool{}}
	for _, info := range schema.Fields() {
		if info.Default != "" {
			f.defaults[info.Name] = info.Default
		}
		if strings.Contains(info.Type, "secret") {
			f.secret[info.Name] = true
		}
	}
	t.known[schema] = f
	return f
}

// A setting is a value as it is written.
type setting struct {
	text string // as YAML on one line
	word string // for people: without the quotes of YAML, where they are not needed
	line int
}

// nothing are the settings of a node that is not there.
var nothing = &settings{}

// settings are values by their path, in the order of the text.
type settings struct {
	paths        []string
	at           map[string]setting
	engine, kind *facts // nil: not known
}

// head gives what stands at the top of the file, but the nodes.
func (t *texts) head() *settings {
	s := &settings{at: map[string]setting{}}
	if t.root == nil {
		return s
	}
	for _, e := range t.root.Entries {
		if e.Key != "nodes" {
			s.flatten(e.Key, e.Value, e.KeySpan.Line)
		}
	}
	return s
}

// node gives the settings of a node: all that stands under its id but its kind and
// its inputs.
func (t *texts) node(n *graph.Node) *settings {
	s := &settings{at: map[string]setting{}, engine: t.facts(graph.EngineSchema())}
	if n.Spec != nil && n.Spec.Config != nil {
		s.kind = t.facts(n.Spec.Config)
	}
	if tree := t.nodes[n.ID]; tree != nil {
		for _, e := range tree.Entries {
			if e.Key != "use" && e.Key != "in" {
				s.flatten(e.Key, e.Value, e.KeySpan.Line)
			}
		}
	}
	return s
}

// preset is the default of a setting, "" if it has none; secret whether it is kept
// from sight.
func (s *settings) preset(path string) (preset string, secret bool) {
	f := s.engine
	if rest, ok := strings.CutPrefix(path, "with."); ok {
		f, path = s.kind, rest
	}
	if f == nil {
		return "", false
	}
	return f.defaults[path], f.secret[path]
}

// flatten adds a value: a mapping by its keys, a list of mappings by its items, all
// else as one text.
func (s *settings) flatten(path string, v *config.Value, line int) {
	switch {
	case v.Kind == config.Mapping && len(v.Entries) > 0:
		for _, e := range v.Entries {
			s.flatten(path+"."+e.Key, e.Value, e.KeySpan.Line)
		}
	case v.Kind == config.Sequence && slices.ContainsFunc(v.Items, func(i *config.Value) bool { return i.Kind == config.Mapping }):
		for i, item := range v.Items {
			s.flatten(path+"["+strconv.Itoa(i)+"]", item, item.Span.Line)
		}
	default:
		if _, ok := s.at[path]; !ok {
			s.paths = append(s.paths, path)
		}
		entry := setting{v.String(), v.String(), line}
		if v.Kind == config.Scalar && v.Text != "" && !strings.ContainsAny(v.Text, "\n\r") {
			entry.word = v.Text
		}
		s.at[path] = entry
	}
}

// compareSettings gives the settings that differ. Changed are the variables of the
// file that did; a setting that mentions one has changed too.
func compareSettings(old, new *settings, changed map[string]string) []Change {
	var all []Change
	for _, path := range union(old.paths, new.paths) {
		a, hadOld := old.at[path]
		b, hasNew := new.at[path]
		ch := Change{Path: path, Old: a.text, New: b.text, OldLine: a.line, NewLine: b.line}
		preset, secret := new.preset(path)
		if new == nothing {
			preset, secret = old.preset(path)
		}
		switch {
		case old == nothing || new == nothing:
		case !hadOld && preset != "":
			ch.Old, ch.Default = preset, "old"
		case !hasNew && preset != "":
			ch.New, ch.Default = preset, "new"
		}
		if ch.Old == ch.New {
			if ch.Via = mentioned(ch.New, changed); ch.Via == "" {
				continue
			}
		}
		if a.word != b.word || ch.Via != "" { // 1 and "1" differ in their quotes alone
			ch.Old, ch.New = cmp.Or(a.word, ch.Old), cmp.Or(b.word, ch.New)
		}
		ch.Old, ch.New = shown(path, ch.Old, secret), shown(path, ch.New, secret)
		all = append(all, ch)
	}
	return all
}

// union gives the paths of both, those of the old alone behind the one they
// followed.
func union(old, new []string) []string {
	known := map[string]bool{}
	for _, p := range new {
		known[p] = true
	}
	gone, before := map[string][]string{}, ""
	for _, p := range old {
		if known[p] {
			before = p
		} else {
			gone[before] = append(gone[before], p)
		}
	}
	all := slices.Clone(gone[""])
	for _, p := range new {
		all = append(append(all, p), gone[p]...)
	}
	return all
}

// mentioned gives what became of a variable that a text mentions, "" of none.
func mentioned(text string, changed map[string]string) string {
	if !strings.Contains(text, "${") {
		return ""
	}
	var all []string
	for name, what := range changed {
		if strings.Contains(text, "${"+name+"}") || strings.Contains(text, "${"+name+":") {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// shown is a value as it may be seen; secret whether its kind keeps it from sight.
func shown(path, text string, secret bool) string {
	if secret {
		return redact.Value(text)
	}
	return redact.Setting(path, text)
}

// compareContracts gives what differs between the queues of two edges: whatever a
// contract can say.
func compareContracts(old, new *graph.Edge) []Change {
	var all []Change
	a, b := reflect.ValueOf(&old.Contract).Elem(), reflect.ValueOf(&new.Contract).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		if was, is := promise(a.Field(i)), promise(b.Field(i)); was != is {
			all = append(all, Change{Path: name, Old: redact.Text(was), New: redact.Text(is), OldLine: old.At.Line, NewLine: new.At.Line})
		}
	}
	return all
}

// promise writes a value of a contract, one that says nothing as "".
func promise(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

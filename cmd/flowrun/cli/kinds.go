package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file describes the kinds that the program knows, for the verbs nodes and docs.

// A kindInfo is what `nodes --json` says of a kind.
type kindInfo struct {
	Kind        string            `json:"kind"`
	Pack        string            `json:"pack"`
	Summary     string            `json:"summary"`
	Doc         string            `json:"doc,omitempty"`
	In          []portInfo        `json:"in"`
	Out         []portInfo        `json:"out"`
	Branches    bool              `json:"outputs_by_settings,omitempty"` // the settings make more outputs
	Settings    []settingInfo     `json:"settings"`
	Acts        []string          `json:"engine_settings"` // those that act
	Lines       map[string]string `json:"lines"`           // emits, waits, ends, fails
	Workers     string            `json:"workers"`
	Keeps       string            `json:"keeps,omitempty"`   // in memory, from one item to the next
	Returns     bool              `json:"returns,omitempty"` // what it keeps are items that leave again
	Interleaves bool              `json:"interleaves,omitempty"`
	Conserves   bool              `json:"conserves,omitempty"`
	Pure        bool              `json:"pure,omitempty"`
	Examples    []exampleInfo     `json:"examples,omitempty"`
	Schema      map[string]any    `json:"schema"`
	spec        *graph.Spec
}

type portInfo struct {
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`  // "" if it is inferred
	Arity   string `json:"arity,omitempty"` // of inputs: one, optional, many
	Reading string `json:"reading,omitempty"`
	Side    bool   `json:"side,omitempty"` // need not be read
	Doc     string `json:"doc,omitempty"`
}

type settingInfo struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
	Doc      string `json:"doc"`
}

type exampleInfo struct {
	Title string            `json:"title"`
	Flow  string            `json:"flow"`
	Files map[string]string `json:"files,omitempty"`
	Want  map[string]string `json:"want,omitempty"`
	Peer  string            `json:"peer,omitempty"`

	Answers map[string]string `json:"answers,omitempty"`
}

// A packInfo is the kinds of one pack.
type packInfo struct {
	name  string
	kinds []kindInfo
}

// A catalogue describes the kinds that this program knows.
type catalogue struct{ *nodes.Registry }

// kind describes one of them.
func (c catalogue) kind(name string) kindInfo {
	spec, _ := c.Spec(name)
	k := kindInfo{
		Kind: name, Pack: packOf(c.New(name)), Summary: spec.Summary, Doc: spec.Doc,
		In: []portInfo{}, Out: []portInfo{}, Settings: []settingInfo{},
		Lines:       map[string]string{"emits": spec.Lines.Emits, "waits": spec.Lines.Waits, "ends": spec.Lines.Ends, "fails": spec.Lines.Fails},
		Workers:     [...]string{graph.Any: "any", graph.Single: "one", graph.PerCore: "one a core"}[spec.Workers],
		Acts:        spec.Acting().Names(),
		Keeps:       cmp.Or(spec.Holds, spec.Keeps),
		Returns:     spec.Returns,
		Interleaves: spec.Interleaves, Conserves: spec.Conserves, Pure: spec.Pure,
		Schema: spec.Config.JSONSchema(), spec: spec,
	}
	_, k.Branches = c.New(name).(graph.Brancher)
	for _, p := range spec.In {
		info := portOf(p)
		info.Arity = [...]string{graph.One: "one", graph.Optional: "optional", graph.Many: "many"}[p.Arity]
		info.Reading = [...]string{graph.Free: "", graph.First: "first", graph.InOrder: "in order", graph.Together: "together"}[p.ReadOrder]
		k.In = append(k.In, info)
	}
	for _, p := range spec.Out {
		k.Out = append(k.Out, portOf(p))
	}
	for _, f := range spec.Config.Fields() {
		k.Settings = append(k.Settings, settingOf(f))
	}
	for _, e := range spec.Examples {
		k.Examples = append(k.Examples, exampleInfo(e))
	}
	return k
}

// packs gives the kinds by packs, both sorted.
func (c catalogue) packs() []packInfo {
	byName := map[string][]kindInfo{}
	for _, name := range c.Kinds() {
		k := c.kind(name)
		byName[k.Pack] = append(byName[k.Pack], k)
	}
	var all []packInfo
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, packInfo{name, byName[name]})
	}
	return all
}

// complete offers the kinds to a shell.
func (c catalogue) complete(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var kinds []cobra.Completion
	for _, name := range c.Kinds() {
		spec, _ := c.Spec(name)
		kinds = append(kinds, cobra.CompletionWithDesc(name, spec.Summary))
	}
	return kinds, cobra.ShellCompDirectiveNoFileComp
}

// write lists the kinds by packs. Command is how the program was called.
func (c catalogue) write(w io.Writer, on ink, command string) error {
	var b strings.Builder
	longest := 0
	for _, name := range c.Kinds() {
		longest = max(longest, cellsOf(name))
	}
	for _, p := range c.packs() {
		fmt.Fprintf(&b, "%s\n", on.bold(p.name))
		for _, k := range p.kinds {
			fmt.Fprintf(&b, "  %s%s  %s\n", on.blue(k.Kind), strings.Repeat(" ", longest-cellsOf(k.Kind)), k.Summary)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s nodes KIND says all about one.\n", command)
	_, err := io.WriteString(w, b.String())
	return err
}

func portOf(p graph.Port) portInfo {
	info := portInfo{Name: p.Name, Doc: p.Doc, Side: p.Side}
	if p.Type != nil {
		info.Type = p.Type.String()
	}
	return info
}

func settingOf(f config.FieldInfo) settingInfo {
	return settingInfo{f.Name, f.Type, f.Required, f.Default, f.Doc}
}

// packOf is the name of the Go package of a kind's settings.
func packOf(settings any) string {
	t := reflect.TypeOf(settings)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	return path.Base(t.PkgPath())
}

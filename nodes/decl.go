package nodes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/types"
)

// A Decl is a declared kind. Make one by Kind, or by the function of a shape: Read,
// ReadFrom, Map, Expand, Split, Process, Fold, Connect, Write.
type Decl struct {
	Spec graph.Spec

	proto    any // the settings with their defaults; never changed
	operator func(settings any, env *Env) (Operator, error)
	stores   map[string]StoreOpener // that the pack of the kind brings
	err      error
}

// An Option adds to a declaration.
type Option func(*Decl)

// Doc adds paragraphs of documentation, Markdown. Longer ones are better kept in a file:
// see Pack.
func Doc(text string) Option { return func(d *Decl) { d.Spec.Doc = strings.TrimSpace(text) } }

// Example adds a flow that the tests run and the docs show.
func Example(e graph.Example) Option {
	return func(d *Decl) { d.Spec.Examples = append(d.Spec.Examples, e) }
}

// InPort adds an input port to a Kind, or documents the one of a shape.
func InPort(p graph.Port) Option {
	return func(d *Decl) { d.Spec.In = setPort(d.Spec.In, p) }
}

// OutPort adds an output port to a Kind, or documents the one of a shape.
func OutPort(p graph.Port) Option {
	return func(d *Decl) { d.Spec.Out = setPort(d.Spec.Out, p) }
}

func setPort(ports []graph.Port, p graph.Port) []graph.Port {
	for i := range ports {
		if ports[i].Name == p.Name {
			p.Type, p.Go = ports[i].Type, ports[i].Go
			ports[i] = p
			return ports
		}
	}
	return append(ports, p)
}

// Lines states when the kind emits, waits, ends and fails.
func Lines(emits, waits, ends, fails string) Option {
	return func(d *Decl) { d.Spec.Lines = graph.Lines{Emits: emits, Waits: waits, Ends: ends, Fails: fails} }
}

// Workers says how many goroutines may work on the kind.
func Workers(w graph.Workers) Option { return func(d *Decl) { d.Spec.Workers = w } }

// Interleaves says that the order of the output depends on timing.
func Interleaves() Option { return func(d *Decl) { d.Spec.Interleaves = true } }

// Conserves says that every item goes out once or is counted as filtered; the
// books of a run then check it.
func Conserves() Option { return func(d *Decl) { d.Spec.Conserves = true } }

// Pure says that the same input gives the same output and nothing else happens.
func Pure() Option { return func(d *Decl) { d.Spec.Pure = true } }

// Holds says what the kind keeps in memory that grows with its input, such as "a row
// for each key". A kind without it keeps nothing of the kind. Behind a source that
// acknowledges it is refused, because a crash would lose that, unless the kind Returns.
func Holds(what string) Option { return func(d *Decl) { d.Spec.Holds = what } }

// Keeps says what the kind keeps from one item to the next that does not grow with its
// input and that a crash must not lose, such as "the last item of each input". It is
// refused where Holds is.
//
// The rule: a kind keeps what an item has brought if, without it, something that comes out
// later is missing or stays wrong. That may be an item, a value, or that something has
// begun. A kind need not say that it counts items, as limit, skip and sample do, or whose
// turn it is, as balance does: each run counts from its own beginning. Nor need one that
// looks at items before only to leave out what would follow too soon, as changed and
// throttle do: without them an item comes out once more, and none is missing.
func Keeps(what string) Option { return func(d *Decl) { d.Spec.Keeps = what } }

// Returns says that all that the kind holds, or keeps, are items that leave again, or that
// it leaves out by design, and that its operator is a Holder. Such a kind may stand behind
// a source that acknowledges: that waits until what is held has left.
func Returns() Option { return func(d *Decl) { d.Spec.Returns = true } }

// Passes says that each item that comes in leaves by an output, or what was made of it does,
// with all fields that the type of that output has of it; or it fails. So a request that the
// flow answers can be followed through the kind. See graph.Passer for what this cannot say.
func Passes() Option { return func(d *Decl) { d.Spec.Passes = true } }

// Loses is Passes, but for some items: the sentence says which, such as "items for which
// `where` is not true go no further".
func Loses(which string) Option { return func(d *Decl) { d.Spec.Loses = which } }

// Acknowledges says that the kind is a source whose operator is an Acknowledger.
func Acknowledges() Option { return func(d *Decl) { d.Spec.Acks = true } }

// Tries says that the kind runs its items under Env.Tries, so that timeout and retry act
// on it. Which other settings of the engine do follows from the rest of the declaration:
// see graph.Spec.Acting.
func Tries() Option { return func(d *Decl) { d.Spec.Tries = true } }

// Idle says which of the engine's settings do not act on the kind although what follows
// from the rest of the declaration is that they do.
func Idle(s graph.EngineSettings) Option { return func(d *Decl) { d.Spec.Idle |= s } }

// Untried says why timeout and retry do not act on the kind, where that is not plain. It
// completes a sentence that begins with the kind, such as "keeps a state".
func Untried(why string) Option { return func(d *Decl) { d.Spec.Untried = why } }

// Kind declares a kind that works on records: proto implements Maker, and
// mostly graph.Inferer. Ports are given by InPort and OutPort.
func Kind(kind, summary string, proto Maker, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.operator = func(settings any, env *Env) (Operator, error) { return settings.(Maker).Operator(env) }
	return d.with(opts)
}

func declare(kind, summary string, proto any) Decl {
	d := Decl{proto: proto, Spec: graph.Spec{Kind: kind, Summary: summary}}
	schema, err := config.Of(proto)
	if err != nil {
		d.err = fmt.Errorf("%s: %w", kind, err)
		return d
	}
	d.Spec.Config = schema
	if _, native := proto.(Maker); !native {
		d.err = misspeltOpen(kind, proto)
	}
	return d
}

// misspeltOpen reports a method that has the name of that of an Opener and another
// signature: it would never be called.
func misspeltOpen(kind string, proto any) error {
	want := reflect.TypeFor[func(context.Context, *Env) error]()
	if m := reflect.ValueOf(proto).MethodByName("Open"); m.IsValid() && m.Type() != want {
		return fmt.Errorf("%s: the method Open of %T is %s, want %s", kind, proto, m.Type(), want)
	}
	return nil
}

func (d Decl) with(opts []Option) Decl {
	for _, o := range opts {
		o(&d)
	}
	if l := &d.Spec.Lines; l.Ends == "" {
		l.Ends = "its input has ended"
		if len(d.Spec.In) == 0 {
			l.Ends = "there is no more to read"
		}
	}
	return d
}

// goPort is the port of a shape: its type is read off a Go type.
func goPort[T any](name string) graph.Port {
	doc := "The items."
	if name == "out" {
		doc = "The results."
	}
	return graph.Port{Name: name, Doc: doc, Type: types.FromGo(reflect.TypeFor[T]()), Go: true}
}

// New gives a settings struct with the defaults of the kind.
func (d Decl) New() any { return copyOf(d.proto) }

// Operator makes what the engine runs, for settings made by New.
func (d Decl) Operator(settings any, env *Env) (Operator, error) { return d.operator(settings, env) }

// copyOf is shallow.
func copyOf(settings any) any {
	v := reflect.ValueOf(settings)
	if v.Kind() != reflect.Pointer {
		return settings
	}
	c := reflect.New(v.Type().Elem())
	c.Elem().Set(v.Elem())
	return c.Interface()
}

// A Registry is the kinds of a program. It implements graph.Catalog.
type Registry struct {
	decls  map[string]Decl
	kinds  []string
	stores map[string]StoreOpener // by scheme
}

// NewRegistry puts packs together. It reports everything that is wrong with their
// declarations: kinds declared twice, settings without documentation, prototypes
// that are no structs.
func NewRegistry(packs ...[]Decl) (*Registry, error) {
	r := &Registry{decls: map[string]Decl{}, stores: map[string]StoreOpener{}}
	var wrong []error
	for _, pack := range packs {
		for _, d := range pack {
			name := d.Spec.Kind
			if other, twice := r.decls[name]; twice {
				wrong = append(wrong, fmt.Errorf("kind %s is declared twice%s", name, d.wherePacks(other)))
			}
			wrong = append(wrong, d.err)
			if d.Spec.Summary == "" {
				wrong = append(wrong, fmt.Errorf("kind %s has no summary", name))
			}
			maps.Copy(r.stores, d.stores)
			r.decls[name] = d
			r.kinds = append(r.kinds, name)
		}
	}
	slices.Sort(r.kinds)
	r.kinds = slices.Compact(r.kinds)
	return r, errors.Join(wrong...)
}

// wherePacks names the packages of two declarations of one kind, as far as they are known.
func (d Decl) wherePacks(other Decl) string {
	here, there := d.goPackage(), other.goPackage()
	switch {
	case here == "" || there == "":
		return ""
	case here == there:
		return ", in package " + here
	}
	return ", in packages " + there + " and " + here
}

// goPackage is the import path of a kind's settings.
func (d Decl) goPackage() string {
	t := reflect.TypeOf(d.proto)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	return t.PkgPath()
}

// Spec describes a kind.
func (r *Registry) Spec(kind string) (*graph.Spec, bool) {
	d, ok := r.decls[kind]
	return &d.Spec, ok
}

// Kinds lists the kinds, sorted.
func (r *Registry) Kinds() []string { return r.kinds }

// New gives the settings of a kind with their defaults.
func (r *Registry) New(kind string) any {
	d, ok := r.decls[kind]
	if !ok {
		return nil
	}
	settings := d.New()
	if u, ok := settings.(StoreUser); ok {
		u.UseStores(r.stores)
	}
	return settings
}

// Operator makes what the engine runs for a node.
func (r *Registry) Operator(n *graph.Node, env *Env) (Operator, error) {
	d, ok := r.decls[n.Kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind %q", n.Kind)
	}
	return d.Operator(n.Config, env)
}

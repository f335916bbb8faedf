// Package nodes is for authors of kinds: how to write a kind, declare it, and put kinds
// together in a program.
//
// Terms. A kind is a Go struct. Its exported fields with a `yaml` tag are the
// settings, their `doc` tags the documentation, the values of the prototype the
// defaults; one method says what the kind does, and with that its ports and their types.
// A Decl declares a kind. A pack is a package with `var Nodes = nodes.Pack(docs, ...)`:
// its kinds, with the long documentation of each in docs/KIND.md beside the code. A
// Registry has all the packs of a program. There is no global registry and no init.
//
// There are two ways to write a kind.
//
// For Go values: a struct with a method of one of the shapes Source, ResumableSource,
// Mapper, Expander, Splitter, Processor, Folder, Connector or Sink, declared by Read,
// ReadFrom, Map, Expand, Split, Process, Fold, Connect or Write. Ports and their types
// follow from the method, without type arguments; types.FromGo says which Go type is
// which, such as types.CivilDate for a date:
//
//	//go:embed docs/*.md
//	var docs embed.FS // docs/geo.country.md
//
//	var Nodes = nodes.Pack(docs,
//		nodes.Map("geo.country", "Adds the country of an address.", &country{Other: "??"}),
//	)
//
//	type country struct {
//		Table string `yaml:"table,required" doc:"File of lines: prefix, space, country."`
//		Other string `yaml:"other" doc:"Country of an address that is not in the table."`
//
//		prefixes map[string]string // what a worker keeps; not a setting
//	}
//
//	func (c *country) Open(ctx context.Context, env *nodes.Env) error { ... env.Flow.Open(env.Path(c.Table)) ... }
//	func (c *country) Map(ctx context.Context, v Visit) (Visit, error) { ... }
//
// For records of any type: a struct that implements Maker, declared by Kind. It works on
// columns, implements graph.Inferer to say what comes out for what goes in, and gives the
// engine an Operator.
//
// The shapes are made of adapters, which are functions over functions: MapValues,
// FilterValues, ExpandValues, ForkValues and EachValue are workers; SerialValues,
// FoldValues, ConnectValues, ZipValues, JoinValues, WriteValues, SourceValues and others
// are operators. A kind that wants one of them along with something else calls it in its
// method Operator; package flowrun is built from them alone.
//
// Rates, batches, breakers and other settings that every node may have are left to the
// engine. Which of them act on a kind follows from its declaration: see graph.Spec.Acting.
// Only timeout and retry must be declared, by Tries. The shapes whose functions are tried
// again do so; a kind that calls Env.Tries itself must do it too.
//
// A kind that keeps something from one item to the next declares that, by Holds or Keeps,
// because a crash would lose it: the items that it came from must not be acknowledged.
// See Acknowledger, Holder and docs/delivery.md.
//
// Laws.
//  1. For a Go shape whose workers share nothing the struct is copied for each worker, for
//     the others once in a run; Open and Close are called on the copy. So a kind needs no
//     lock, unless it is a Sink with MaxInFlight. The copy is shallow: what settings point
//     to must not be written to.
//  2. A kind must not change what it is given, and must not keep it after it has
//     returned, but for a copy (Go shapes get values that they may keep).
//  3. Time comes from package time, random numbers from Env.Rand, files from Env.Path and
//     Flow.Open, because a flow may be enclosed in a folder. Nothing is read when a kind
//     is declared.
//  4. A kind never opens or closes a channel.
//  5. The output of a kind does not depend on the number of workers or on how
//     items are grouped into batches, unless its Decl says Interleaves.
package nodes

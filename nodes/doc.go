// Package nodes is what the author of a kind sees: how to write one, declare one,
// and put kinds together for a program.
//
// Terms. A kind is a Go struct. Its exported fields with a `yaml` tag are the
// settings, their `doc` tags the documentation, the values of the prototype the
// defaults, and its one behaviour method gives ports and types. A Decl declares a
// kind. A pack is a package with `var Nodes = nodes.Pack(docs, ...)`: its kinds, with
// the long documentation of each in docs/KIND.md beside the code. A Registry is all the
// packs of a program. There is no global registry and no init.
//
// Two ways to write a kind.
//
// For Go values: a struct with a method of one of the shapes Source, ResumableSource,
// Mapper, Expander, Splitter, Processor, Folder, Connector or Sink, declared by Read,
// ReadFrom, Map, Expand, Split, Process, Fold, Connect or Write. Ports and their types are
// read off the method; no type argument is written:
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
// columns, says by graph.Inferer what comes out for what goes in, and gives the engine an
// Operator.
//
// The shapes are made of adapters, which are functions over functions: MapValues,
// FilterValues, ExpandValues, ForkValues and EachValue are workers; SerialValues,
// FoldValues, ConnectValues, ZipValues, JoinValues, WriteValues, SourceValues and others
// are operators. A kind that needs one of them beside something else calls it in its
// method Operator; package flowrun is made of nothing else.
//
// Rates, batches, breakers and other settings that every node may have are the engine's
// affair. Which of them act on a kind follows from its declaration: see graph.Spec.Acting.
// Only timeout and retry are declared, by Acts: the shapes whose functions are tried do so,
// and so must a kind that calls Env.Tries itself.
//
// A kind that keeps something from one item to the next declares it, by Holds or Keeps,
// because a crash would lose it: what such a kind was given must not be acknowledged to
// whoever the source has it from. See Acknowledger, Holder and docs/delivery.md.
//
// Laws.
//  1. The struct is copied for each worker of a Go shape whose workers share nothing, and
//     once a run for the others; Open and Close are called on the copy. So a kind needs no
//     lock, but for a Sink with MaxInFlight. The copy is shallow: what settings point to
//     must not be written to.
//  2. What a kind is given it must not change, and must not keep after it
//     returns, unless it copies (Go shapes get values that they may keep).
//  3. Time comes from package time, chance from Env.Rand, files from Env.Path and
//     Flow.Open, for a flow may be enclosed in a folder; nothing is read at
//     declaration.
//  4. A kind never opens or closes a channel.
//  5. The output of a kind does not depend on the number of workers or on how
//     items are grouped into batches, unless its Decl says Interleaves.
package nodes

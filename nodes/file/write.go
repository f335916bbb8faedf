package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// writer is the kind file.write.
type writer struct {
	Path     config.Name `yaml:"path,required" doc:"The file, or - for standard output. Folders are made as needed. With split, it contains a * where the value goes."`
	Format   string      `yaml:"format" enum:"csv|tsv|jsonl|json|lines" doc:"How rows are written; by default what the name says (.csv, .tsv, .jsonl, .ndjson, .json, .txt, .log)."`
	Compress string      `yaml:"compress" enum:"none|gzip|zstd" doc:"How the file is packed; by default what the name says (.gz, .zst)."`
	Split    config.Text `yaml:"split" doc:"An expression of type string, int, bool or an enum: rows with the same value go to the same file, whose name has the value in place of the *."`
	MaxFiles int         `yaml:"max_files" min:"1" max:"10000" doc:"How many files split may make at most."`
	Append   bool        `yaml:"append" doc:"Add to a file that is there, or make it. If the flow fails, the file is cut back to what it was. A csv file must have the same columns."`

	Delimiter string `yaml:"delimiter" doc:"Of csv: the character between two fields; by default a comma, for tsv a tab."`
	Header    bool   `yaml:"header" doc:"Of csv: write the names of the fields first. With append only into a file that is empty."`

	format format
	packed compression
	split  *expr.Expr
}

var writeDecl = nodes.Kind("file.write", "Writes rows to a file or to standard output.", &writer{Header: true, MaxFiles: 500},
	nodes.InPort(graph.Port{Name: "in", Doc: "The rows."}),
	nodes.Workers(graph.PerCore), nodes.Untried("writes whole batches, and what is half written is not written again"),
	nodes.Lines("never", "the disk, or the reader of standard output, is slow", "its input has ended and the file is closed",
		"the file cannot be written, or a row has a value of split that names no file and on_error says fail"),
	nodes.Doc(`
Rows are turned into text by all workers and written in the order of the input. The file is written aside, in the same folder, and gets its
name when the whole flow has succeeded: a flow that fails leaves no half-written file, and what was there before stays. Standard
output, pipes and devices are written as rows come; when their reader wants no more, the node ends as if it had been told to.

A file that is replaced passes on its permissions, and a link stays and leads to the new file. A flow may read the file that it
writes anew.

With split all files are open at once: each takes 16 KB, packed with gzip about 1 MB, with zstd several. A value that cannot be part of the
name of a file is a bad item.

csv and tsv hold flat fields; lines writes the one text field of its rows.`),
	nodes.Example(graph.Example{
		Title: "One file for each country, packed.",
		Flow: `
flow: split
nodes:
  cities: {use: file.read, with: {path: cities.csv}}
  out: {use: file.write, in: cities, with: {path: "by-country/*.jsonl", split: country}}
`,
		Files: map[string]string{"cities.csv": "name,country\nRoma,it\nParis,fr\nMilano,it\n"},
		Want: map[string]string{
			"by-country/it.jsonl": "{\"name\":\"Roma\",\"country\":\"it\"}\n{\"name\":\"Milano\",\"country\":\"it\"}\n",
			"by-country/fr.jsonl": "{\"name\":\"Paris\",\"country\":\"fr\"}\n",
		},
	}),
)

// Infer checks that the format can hold what arrives.
func (k *writer) Infer(c *graph.Inference) {
	t := c.In("in")
	at := k.Path.At
	var err error
	k.format, k.packed, err = formatOf(k.Path.Value, format(k.Format), compression(k.Compress))
	if err != nil && k.Path.Value != "" {
		c.List().Add(diag.MissingKey, at, "%s", err).WithHint("add `format: jsonl` (or csv, tsv, json, lines)")
		return
	}
	k.checkPath(c)
	if k.format.isCSV() {
		if !checkDialect(c, k.format, k.Delimiter, "", nil) {
			return
		}
	} else if k.Delimiter != "" || !k.Header {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: delimiter and header are for csv, not for %s", c.Node.ID, k.format)
	}
	if k.Split.Value != "" {
		k.split = c.Expr(k.Split, t)
		if st := k.split.Type(); st.Kind != types.KindError && (!st.IsText() && st.Kind != types.KindInt && st.Kind != types.KindBool || st.Nullable) {
			c.List().Add(diag.WrongType, k.Split.Node.At(0, len([]rune(k.Split.Value))), "split must be string, int, bool or an enum and never null, got %s", st)
		}
	}
	if t.Kind == types.KindError {
		return
	}
	if why := k.refuses(t); why != "" {
		edge := c.Node.Input("in").Edges[0]
		c.List().Add(diag.TypeMismatch, edge.At, "%s cannot be written as %s: %s", t, k.format, why).
			WithHint("take the field apart or leave it out with a map, or write jsonl")
	}
}

// refuses says why the format cannot hold items of a type, "" if it can.
func (k *writer) refuses(t *types.Type) string {
	switch {
	case t.Kind == types.KindOpaque:
		return "it is a Go type that no file can hold"
	case k.format == formatLines:
		if !t.IsRecord() || len(t.Fields) != 1 || !t.Fields[0].Type.IsText() {
			return "lines takes records of one text field"
		}
	case k.format.isCSV():
		if !t.IsRecord() {
			return "its rows are no records"
		}
		for _, f := range t.Fields {
			if !f.Type.IsScalar() {
				return fmt.Sprintf("field %q is %s", f.Name, f.Type)
			}
		}
	}
	return ""
}

// Acting implements graph.Acter: by nothing but its value of split can a row fail.
func (k *writer) Acting(on graph.Acts) graph.Acts {
	if k.Split.Value == "" {
		return on &^ (graph.ActsOnError | graph.ActsBreaker)
	}
	return on
}

func (k *writer) checkPath(c *graph.Inference) {
	at := k.Path.At
	star := strings.Count(filepath.Base(k.Path.Value), "*")
	switch {
	case k.Split.Value != "" && (star != 1 || strings.Contains(filepath.Dir(k.Path.Value), "*")):
		c.List().Add(diag.WrongValue, at, "with split, the name of the file must contain one *, got %q", k.Path.Value).WithHint("such as out/part-*.jsonl")
	case k.Split.Value == "" && star > 0:
		c.List().Add(diag.WrongValue, at, "%q has a *, but no split says what goes there", k.Path.Value).WithHint("add `split: FIELD`")
	case k.Append && k.format == formatJSON:
		c.List().Add(diag.Conflict, at, "a json file cannot be appended to: it is one array").WithHint("write jsonl")
	case k.Path.Value == "-" && k.Append:
		c.List().Warn(diag.Ineffective, at, "append has no effect on standard output")
	}
	if k.Path.Value != "-" {
		k.warnOfOwnInput(c)
	}
	for _, n := range c.Flow.Nodes {
		if n == c.Node {
			break
		}
		if other, ok := n.Config.(*writer); ok && c.Path(other.Path.Value) == c.Path(k.Path.Value) && !(k.mixes() && other.mixes()) {
			c.List().Add(diag.Conflict, at, "%s writes the same file, %s", n.ID, k.Path.Value).
				WithNote(other.Path.At, "there").WithHint("merge the two inputs, or write two files")
		}
	}
}

// warnOfOwnInput looks for a reader of the file that is written.
func (k *writer) warnOfOwnInput(c *graph.Inference) {
	for _, n := range c.Flow.Nodes {
		r, ok := n.Config.(*reader)
		if !ok {
			continue
		}
		for _, path := range r.Path {
			if match, err := doublestar.PathMatch(c.Path(path.Value), c.Path(k.Path.Value)); err == nil && match {
				c.List().Warn(diag.OwnInput, k.Path.At, "%s reads %s, which is replaced when the flow has succeeded", n.ID, k.Path.Value).
					WithNote(path.At, "there").WithHint("write another file to be able to run the flow again")
				return
			}
		}
	}
}

// mixes reports whether another node may write between the rows: on standard
// output, lines.
func (k *writer) mixes() bool {
	return k.Path.Value == "-" && k.packed == plain && (k.format == formatJSONL || k.format == formatLines)
}

// Operator turns batches into text on all workers and writes in order.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	if err := env.MayWrite(); err != nil {
		return nil, err
	}
	o := &writeOp{k: k, env: env, t: env.In("in"), targets: map[string]*target{}}
	env.Wrote = o.wrote
	return o, nil
}

// A writeOp is a running file.write. All but pool belongs to the serial part.
type writeOp struct {
	k       *writer
	env     *nodes.Env
	t       *types.Type
	pool    sync.Pool
	targets map[string]*target // by the value of split
	order   []*target          // as they came
}

var (
	_ nodes.Starter   = (*writeOp)(nil)
	_ nodes.Parallel  = (*writeOp)(nil)
	_ nodes.Ender     = (*writeOp)(nil)
	_ nodes.Flusher   = (*writeOp)(nil)
	_ nodes.Committer = (*writeOp)(nil)
)

// Open makes the file at once, so that a path that cannot be written stops the
// flow before anything is read.
func (o *writeOp) Open(context.Context) error {
	if o.k.split != nil {
		return nil
	}
	_, err := o.target("")
	if errors.Is(err, nodes.ErrDone) {
		return nil // the first row ends the node
	}
	return err
}

// target gives the file for a value of split.
func (o *writeOp) target(value string) (*target, error) {
	if t := o.targets[value]; t != nil {
		return t, nil
	}
	if len(o.targets) >= o.k.MaxFiles {
		return nil, fmt.Errorf("split makes more than %d files; raise max_files if that is meant", o.k.MaxFiles)
	}
	path := o.env.Path(o.k.Path.Value)
	if o.k.split != nil {
		path = filepath.Join(filepath.Dir(path), strings.Replace(filepath.Base(path), "*", value, 1))
	}
	size := bufferSize
	if o.k.split != nil {
		size = splitSize
	}
	t, err := create(path, o.k.packed, o.k.Append, size, o.env.Stdout)
	if err != nil {
		return nil, err
	}
	o.targets[value] = t
	o.order = append(o.order, t)
	if err := o.k.checkOld(o.t, t); err != nil {
		return nil, err
	}
	return t, t.write(o.k.head(o.t, t), 0)
}

// NewWorker makes what turns batches into parts.
func (o *writeOp) NewWorker(context.Context) (nodes.Worker, error) {
	encode := o.k.encoder(o.t)
	if o.k.split == nil {
		return nodes.WorkFunc(func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
			b := in.Data.(*record.Batch)
			parts, _ := o.pool.Get().(*[]part)
			if parts == nil {
				parts = &[]part{{}}
			}
			p := &(*parts)[0]
			p.text, p.rows = encode(p.text[:0], b), b.Len()
			return parts, nil
		}), nil
	}
	return &splitter{encode: encode, program: o.k.split.Compile(), t: o.k.split.Type(), name: filepath.Base(o.k.Path.Value)}, nil
}

// Process writes parts in the order of the input.
func (o *writeOp) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	parts := in.Made.(*[]part)
	for _, p := range *parts {
		t, err := o.target(p.value)
		if err != nil {
			return err
		}
		text := p.text
		if o.k.format == formatJSON {
			text = arrayItems(text, t.rows == 0)
		}
		if err := t.write(text, p.rows); err != nil {
			return err
		}
	}
	if o.k.split == nil {
		o.pool.Put(parts)
	}
	return nil
}

// End completes the files: they are whole then, and still have no name.
func (o *writeOp) End(context.Context, nodes.Ended, nodes.Out) error { return o.finish() }

// finish completes the files that are not. It is ErrDone where somebody did not want
// to read the last of it.
func (o *writeOp) finish() error {
	var done error
	for _, t := range o.order {
		tail := ""
		if o.k.format == formatJSON {
			if tail = "\n]\n"; t.rows == 0 {
				tail = "[]\n"
			}
		}
		switch err := t.finish(tail); {
		case errors.Is(err, nodes.ErrDone):
			done = err
		case err != nil:
			return err
		}
	}
	return done
}

// Flush implements nodes.Flusher.
func (o *writeOp) Flush(context.Context) error {
	for _, t := range o.order {
		if err := t.flush(); err != nil && !errors.Is(err, nodes.ErrDone) {
			return err
		}
	}
	return nil
}

// Seal completes what a node that was done early has left open.
func (o *writeOp) Seal(context.Context, uint64) error {
	if err := o.finish(); err != nil && !errors.Is(err, nodes.ErrDone) {
		return err
	}
	return nil
}

// Commit gives the files their names.
func (o *writeOp) Commit(context.Context, uint64) error {
	var errs []error
	for _, t := range o.order {
		errs = append(errs, t.commit())
	}
	return errors.Join(errs...)
}

// Abort takes back what was not committed.
func (o *writeOp) Abort(context.Context) error {
	var errs []error
	for _, t := range o.order {
		errs = append(errs, t.wrong(t.discard()))
	}
	return errors.Join(errs...)
}

func (o *writeOp) wrote() []string {
	var paths []string
	for _, t := range o.order {
		if t.named {
			paths = append(paths, nodes.ShortPath(t.path))
		}
	}
	slices.Sort(paths)
	return paths
}

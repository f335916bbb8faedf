package file

import (
	"bytes"
	"context"
	"errors"
	"hash"
	"hash/fnv"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the kind file.read, and how it runs.

// Which fields of a row must be of their type.
const (
	validateRead = "read"
	validateAll  = "all"
)

// reader is the kind file.read.
type reader struct {
	Path   []config.Name `yaml:"path,required" lone:"true" doc:"Files to read, one after the other: paths, patterns such as data/**/*.csv, addresses such as s3://bucket/data/*.csv, or - for standard input."`
	Follow bool          `yaml:"follow" doc:"Go on at the end: read what is added to the files, files that take their place, and files that come and match a pattern, until the flow is stopped. Of csv, jsonl and lines, not packed."`
	Every  time.Duration `yaml:"every" min:"1ms" doc:"With follow: how often files are looked at."`
	Reading

	stores map[string]nodes.StoreOpener // by the scheme of addresses
	check  *checked                     // while the flow is checked: what was found in stores
	comes  bool                         // objects may come later
}

// A Reading is how rows are read: the settings that file.read has in common with kinds that
// read the same from elsewhere; see Objects.
type Reading struct {
	Format   string        `yaml:"format" enum:"csv|tsv|jsonl|json|lines|parquet|avro" doc:"The format of the file; by default what its name says (.csv, .tsv, .jsonl, .ndjson, .json, .txt, .log, .parquet, .avro). json is an array, or values one after the other."`
	As       graph.TypeRef `yaml:"as" doc:"The type of the rows: a declared one, or written out. By default it is inferred from a sample of the files; those of parquet and avro say it themselves."`
	Compress string        `yaml:"compress" enum:"none|gzip|zstd" doc:"How the file is compressed; by default what its name says (.gz, .zst)."`
	Extra    string        `yaml:"extra" enum:"drop|keep|error" doc:"What becomes of fields that the type does not have: they are left out and counted, kept in a field called extra, or the row is a bad item. By default error if the type was sampled, drop if it is declared."`
	Validate string        `yaml:"validate" enum:"read|all" doc:"Which fields must be of their type for a row to be good: those that later nodes read, or all."`
	Sample   config.Size   `yaml:"sample" min:"4kB" doc:"How much of the files is looked at to infer the type: of each the beginning, and some of its middle and its end."`

	Place bool `yaml:"place" doc:"Give rows a field place: {file: string, line: int}, where they stand."`

	MaxRecord config.Size `yaml:"max_record" min:"4kB" doc:"How long a row may be. A longer one is a bad item, and is never held in memory."`
	Encoding  string      `yaml:"encoding" enum:"utf-8|utf-16|latin-1|windows-1252" doc:"The encoding of the text."`

	Delimiter string   `yaml:"delimiter" doc:"Of csv: the character between two fields; by default a comma, for tsv a tab."`
	Header    bool     `yaml:"header" doc:"Of csv: the first row names the fields. Without it, fields come in the order of the type."`
	Comment   string   `yaml:"comment" doc:"Of csv: lines that begin with this character are skipped."`
	Nulls     []string `yaml:"nulls" lone:"true" doc:"Of csv: texts that mean null, besides the empty one."`

	files  []sourceFile
	format format

	// What Infer finds.
	row     *types.Type // of the rows, without what extra adds
	extra   text.Extra
	sampled string // which rows the type was inferred from; "" if it was declared
}

// UsualReading has the defaults.
var UsualReading = Reading{Header: true, Validate: validateRead, Sample: defaultSample, MaxRecord: defaultMaxRecord, Encoding: encodingUTF8}

var readDecl = nodes.Kind("file.read", "Reads rows from files or standard input.", &reader{Reading: UsualReading, Every: defaultEvery},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The rows."}),
	nodes.Workers(graph.PerCore),
	nodes.Lines("rows have been read", "its output is full, or standard input is silent", "all files have been read; with `follow`, when the flow is stopped",
		"a file cannot be read, or a row is bad and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Read a CSV file whose type is inferred.",
		Flow: `
flow: read
nodes:
  cities: {use: file.read, with: {path: cities.csv}}
  out: {use: file.write, in: cities, with: {path: cities.jsonl}}
`,
		Files: map[string]string{"cities.csv": "name,people,capital\nRoma,2748109,true\n\"Paris, Ville\",2102650,true\nNew York,8258035,false\n"},
		Want: map[string]string{"cities.jsonl": `{"name":"Roma","people":2748109,"capital":true}
{"name":"Paris, Ville","people":2102650,"capital":true}
{"name":"New York","people":8258035,"capital":false}
`},
	}),
	nodes.Example(graph.Example{
		Title: "Send rows that cannot be read to a file of their own.",
		Flow: `
flow: dead-letters
nodes:
  amounts:
    use: file.read
    with: {path: amounts.jsonl, as: {id: int, amount: float?}}
    on_error: dead
  good: {use: file.write, in: amounts, with: {path: good.csv}}
  why: {use: map, in: amounts.errors, with: {select: [line, error, item]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl}}
`,
		Files: map[string]string{"amounts.jsonl": "{\"id\":1,\"amount\":2.5}\n{\"id\":\"two\"}\n{\"id\":3}\n"},
		Want: map[string]string{
			"good.csv":  "id,amount\n1,2.5\n3,\n",
			"bad.jsonl": `{"line":2,"error":"field \"id\": want int, got \"two\"","item":"{\"id\":\"two\"}"}` + "\n",
		},
	}),
	nodes.Example(graph.Example{
		Title: "Follow a log, until three lines have come.",
		Flow: `
flow: follow
nodes:
  log: {use: file.read, with: {path: app.log, follow: true, place: true}}
  three: {use: limit, in: log, with: {count: 3}}
  out: {use: file.write, in: three, with: {path: seen.jsonl}}
`,
		Files: map[string]string{"app.log": "started\nworking\nrotated\nthis waits for the next run\n"},
		Want: map[string]string{"seen.jsonl": `{"line":"started","place":{"file":"app.log","line":1}}
{"line":"working","place":{"file":"app.log","line":2}}
{"line":"rotated","place":{"file":"app.log","line":3}}
`},
	}),
)

// Infer finds the files and the type of their rows.
func (k *reader) Infer(c *graph.Inference) {
	before := len(*c.List())
	defer k.beginCheck(c)()
	k.files = k.find(c)
	if k.Follow && !k.checkFollowed(c, before) {
		k.promise(c)
		return
	}
	if len(k.files) == 0 && k.check.left {
		k.promiseObjects(c)
		return
	}
	if len(k.files) == 0 && !k.Follow || !k.checkFiles(c) || !k.checkSettings(c) {
		k.promise(c)
		return
	}
	if k.format.isTable() {
		k.inferTable(c)
		return
	}
	t := k.typeOf(c)
	if k.row = t; t == nil || !k.settleExtra(c, &t) {
		return
	}
	scanned := t
	if !k.settlePlace(c, &t) {
		return
	}
	if _, err := k.newRows(scanned); err != nil {
		at := c.Node.At
		if d, ok := errors.AsType[*text.DefaultError](err); ok && !d.Reading.At.IsZero() {
			at = d.Reading.At
		}
		c.List().Add(diag.WrongValue, at, "%s: %s", c.Node.ID, err)
	} else if !k.As.YAML.IsNull() {
		k.checkHeaders(c, scanned)
	}
	c.Out("out", t)
}

// promise gives the type of rows that cannot be read, as far as it does not depend on them, so
// that what is behind them is checked all the same.
func (k *reader) promise(c *graph.Inference) {
	if k.format == "" && len(k.Path) > 0 {
		k.format, _, _ = formatOf(k.Path[0].Value, format(k.Format), compression(k.Compress))
	}
	if k.format != formatLines && k.As.YAML.IsNull() {
		return
	}
	if t := k.typeOf(c); t != nil && k.settleExtra(c, &t) && k.settlePlace(c, &t) {
		c.Out("out", t)
	}
}

// ValidatesUnread implements graph.Validator.
func (k *reader) ValidatesUnread() bool { return k.Validate == validateAll || k.format == formatLines }

// typeOf is the declared type of the rows, or that of a sample; nil after a problem.
func (k *reader) typeOf(c *graph.Inference) *types.Type {
	declared := c.Type(k.As)
	switch {
	case declared != nil && declared.Kind == types.KindError:
		return nil
	case k.format == formatLines:
		if declared != nil {
			c.List().Add(diag.Conflict, k.As.YAML.Span, "rows of format lines are {line: string}, they take no `as`")
		}
		return lineType(c)
	case declared != nil:
		if !declared.IsRecord() && k.format.isCSV() {
			c.List().Add(diag.WrongType, k.As.YAML.Span, "rows of a csv file are records, got %s", declared)
			return nil
		}
		return declared
	}
	return k.sample(c)
}

// settleExtra decides what becomes of fields that the type does not have, and gives the
// type a field for them if they are kept.
func (k *reader) settleExtra(c *graph.Inference, t **types.Type) bool {
	switch k.Extra {
	case "drop":
		k.extra = text.ExtraDrop
	case "error":
		k.extra = text.ExtraError
	case "keep":
		k.extra = text.ExtraKeep
		kept, err := text.Keeping(*t, c.Origin("kept by extra", c.Node.At))
		if err != nil {
			c.List().Add(diag.NameClash, c.Node.At, "%s: extra: keep puts what is left of a row into a field %q, but %s", c.Node.ID, text.ExtraField, err).
				WithHint("declare that field under another name, as `rest: {type: any, from: %s}`", text.ExtraField)
			return false
		}
		*t = kept
	default:
		k.extra = text.ExtraDrop
		if k.sampled != "" {
			k.extra = text.ExtraError
		}
	}
	return true
}

// Operator reads chunks in order and scans them on all workers.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	o := &readOp{k: k, env: env, t: env.Out("out"), needed: env.Needed("out"), names: fnv.New64a(), files: k.files}
	if k.Validate == validateAll {
		o.needed = nil
	}
	if k.format.isTable() {
		return newTableOp(o), nil
	}
	env.Dropped = o.dropped.all
	o.Spread = o.newWorker
	if k.Follow {
		env.Progress = func() (int64, int64) { return o.read.Load(), 0 }
		return newFollowOp(o), nil
	}
	o.total, o.endless = k.size(env.Flow), k.endless(env)
	env.Progress = func() (int64, int64) { return o.read.Load(), max(o.total, o.listed.Load()) }
	return o, nil
}

// endless reports whether one of the files may go on for ever: a pipe, a device, or
// standard input unless that is known to be a file or a text.
func (k *reader) endless(env *nodes.Env) bool {
	return slices.ContainsFunc(k.files, func(f sourceFile) bool {
		return f.path == "-" && goesOn(env.Stdin) || f.path != "-" && isStream(env.Flow, f.path)
	})
}

// size is that of all files in bytes, 0 if it is not known.
func (k *reader) size(flow *graph.Flow) (total int64) {
	for _, f := range k.files {
		if f.object != nil {
			total += f.object.Size
			continue
		}
		info, err := flow.Stat(f.path)
		if err != nil || isStream(flow, f.path) {
			return 0
		}
		total += info.Size()
	}
	return total
}

// A readOp is a running file.read. Its fields but read belong to Next.
type readOp struct {
	nodes.Spread
	k       *reader
	env     *nodes.Env
	t       *types.Type
	needed  []bool
	in      *input
	spare   []byte // memory for the rest of the next file
	files   []sourceFile
	stores  openStores  // that the files are in
	at      int         // which file comes next
	names   hash.Hash64 // of the files before that
	before  uint64      // what it was before the file that is read
	read    atomic.Int64
	total   int64
	listed  atomic.Int64 // in place of total, if objects are read: they are found when the run begins
	marks   bool         // the end of each file has a position of its own
	endless bool
	dropped tally
}

var (
	_ nodes.Endless  = (*readOp)(nil)
	_ nodes.Parallel = (*readOp)(nil)
	_ nodes.Puller   = (*readOp)(nil)
	_ nodes.Seeker   = (*readOp)(nil)
	_ nodes.Starter  = (*readOp)(nil)
	_ nodes.Closer   = (*readOp)(nil)
)

// Endless implements nodes.Endless.
func (o *readOp) Endless() bool { return o.endless }

// Next gives the next chunk of the next file.
func (o *readOp) Next(ctx context.Context) (any, nodes.Position, error) {
	for {
		if o.in == nil && o.at == len(o.files) {
			return nil, nil, io.EOF
		}
		// A file that is open is looked at also after a stop: it may be at its end.
		if err := ctx.Err(); err != nil && (o.in == nil || o.in.pump != nil) {
			return nil, nil, err
		}
		if o.in == nil {
			in, err := o.open(ctx)
			if err == nil {
				err = o.begin(in)
			}
			if f := o.files[o.at-1]; err != nil && f.lost(err) {
				return o.lost(&input{name: called(f.path), object: true}, err)
			}
			if err != nil {
				return nil, nil, err
			}
		}
		if o.in.ctx = ctx; o.in.pump != nil {
			o.in.pump.ctx = ctx
		}
		p, err := o.in.next()
		if err == nil {
			after, err := o.position()
			return p, after, err
		}
		if in := o.in; err != io.EOF && o.files[o.at-1].lost(err) {
			in.end()
			o.in = nil
			return o.lost(in, err)
		}
		if err != io.EOF {
			return nil, nil, err
		}
		in := o.in
		in.end()
		o.spare, o.in = in.rest[:0], nil
		if o.marks {
			return o.mark(in)
		}
	}
}

// Close closes the file that is being read.
func (o *readOp) Close() error {
	if o.in != nil {
		o.in.end()
		o.in = nil
	}
	return o.stores.close()
}

// open opens the next file.
func (o *readOp) open(ctx context.Context) (*input, error) {
	f := o.files[o.at]
	path := f.path
	o.pass()
	_, packed, err := formatOf(path, o.k.format, compression(o.k.Compress))
	if err != nil {
		return nil, err
	}
	in, err := open(ctx, o.env.Flow, f, o.stores, packed, o.env.Stdin, &o.read)
	if err != nil {
		return nil, err
	}
	in.place = f.name
	if err := o.k.asText(in); err != nil {
		in.end()
		return nil, named(in.name, err)
	}
	return in, nil
}

// pass goes on to the file after the next one.
func (o *readOp) pass() {
	o.before = o.names.Sum64()
	io.WriteString(o.names, o.files[o.at].name+"\n")
	o.at++
}

// begin reads the header of a file that was opened.
func (o *readOp) begin(in *input) (err error) {
	in.rest, in.most = o.spare, int(o.k.MaxRecord)
	if in.rows, err = o.k.newRows(o.scanned()); err == nil {
		in.cut, err = in.rows.begin(in)
	}
	if err != nil {
		in.end()
		return named(in.name, err)
	}
	o.in = in
	return nil
}

// newWorker scans chunks. It keeps a scanner for each file, for the files of a
// pattern may order their columns differently.
func (o *readOp) newWorker(context.Context) (nodes.Worker, error) {
	var last rows
	var scan scanner
	return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
		p := in.Made.(*chunk)
		if p.wrong != nil {
			return nil, out.Bad(nodes.BadItem{Err: p.badFile(), File: p.file.name, Line: p.line})
		}
		if p.long != nil {
			bad := o.k.tooLong(p.long)
			return nil, out.Bad(p.badRow(bad, bad, p.line))
		}
		defer p.arena.Release()
		if last != p.rows {
			var err error
			if scan, err = p.rows.scanner(); err != nil {
				return nil, err
			}
			last = p.rows
		}
		defer o.count(scan)
		if o.placed() {
			return nil, o.scanPlaced(p, scan, out)
		}
		return nil, o.scan(p, scan, out)
	}), nil
}

// badRow is a row that could not be read.
func (p *chunk) badRow(bad *text.RowError, err error, line int) nodes.BadItem {
	item := nodes.BadItem{Err: err, Raw: bad.Raw, File: p.file.name, Line: line}
	if r, ok := p.rows.(*csvRows); ok {
		item.Shown = r.shown(bad.Raw)
	}
	return item
}

// scan turns the rows of a chunk into batches.
func (o *readOp) scan(p *chunk, scan scanner, out nodes.Out) error {
	line, counted := p.line, 0
	for at := 0; at < len(p.text); {
		b := record.NewNeeded(o.t, o.needed)
		b.Adopt(p.arena.Retain())
		for b.Rows < record.MaxRows && at < len(p.text) {
			next, bad := scan.Scan(p.text, at, b, record.MaxRows)
			if bad == nil {
				at = next
				break
			}
			line += bytes.Count(p.text[counted:bad.Offset], newline)
			counted = bad.Offset
			at = next
			if err := out.Bad(p.badRow(bad, o.k.explain(bad), line)); err != nil {
				b.Release()
				return err
			}
		}
		if err := out.Emit(0, b); err != nil {
			return err
		}
	}
	return nil
}

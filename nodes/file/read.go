package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// reader is the kind file.read.
type reader struct {
	Path     []config.Name `yaml:"path,required" lone:"true" doc:"Files to read, one after the other: paths, patterns such as data/**/*.csv, or - for standard input."`
	Format   string        `yaml:"format" enum:"csv|tsv|jsonl|json|lines" doc:"How rows stand in the file; by default what its name says (.csv, .tsv, .jsonl, .ndjson, .json, .txt, .log). json is an array, or values one after the other."`
	As       graph.TypeRef `yaml:"as" doc:"The type of the rows: a declared one, or written out. By default it is inferred from the beginning of the first file."`
	Compress string        `yaml:"compress" enum:"none|gzip|zstd" doc:"How the file is packed; by default what its name says (.gz, .zst)."`
	Extra    string        `yaml:"extra" enum:"drop|error" doc:"What to do with fields that the type does not list: leave them out, or take the row for a bad item."`

	Delimiter string   `yaml:"delimiter" doc:"Of csv: the character between two fields; by default a comma, for tsv a tab."`
	Header    bool     `yaml:"header" doc:"Of csv: the first row names the fields. Without it, fields come in the order of the type."`
	Comment   string   `yaml:"comment" doc:"Of csv: lines that begin with this character are skipped."`
	Nulls     []string `yaml:"nulls" lone:"true" doc:"Of csv: texts that mean null, besides nothing at all."`

	files  []string
	format format
	packed compression
	rowsOf *types.Type
}

var readDecl = nodes.Kind("file.read", "Reads rows from files or standard input.", &reader{Header: true, Extra: "drop"},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The rows."}),
	nodes.Workers(graph.PerCore),
	nodes.Lines("rows have been read", "its output is full, or standard input is silent", "all files have been read, or the flow is stopped",
		"a file cannot be read, or a row is bad and on_error says fail"),
	nodes.Doc(`
Reads csv, tsv, jsonl, json and lines, plain or packed with gzip or zstd, with as many workers as there are cores; rows keep their order.

Only the fields that later nodes use are turned into values, but every row is checked as a whole. A row that is not what it
should be is a bad item: `+"`on_error`"+` decides, and on the port `+"`errors`"+` it carries its file, its line, the reason and its text.

A type that is not declared is inferred from the first rows, as narrow as they allow: whole numbers, numbers, true and false, RFC 3339
times, else text; a field that is empty or missing somewhere gets a `+"`?`"+`. `+"`flowrun types`"+` prints the result; paste it under
`+"`types:`"+` to pin it. Rows of format lines are `+"`{line: string}`"+`.`),
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
)

// Infer finds the files and the type of their rows.
func (k *reader) Infer(c *graph.Inference) {
	k.checkSettings(c)
	k.files = find(c, k.Path)
	if len(k.Path) == 0 {
		return
	}
	var err error
	first := k.Path[0]
	if len(k.files) > 0 && isPattern(first.Value) {
		first.Value = nodes.ShortPath(k.files[0])
	}
	k.format, k.packed, err = formatOf(first.Value, format(k.Format), compression(k.Compress))
	if err != nil {
		c.List().Add(diag.MissingKey, first.At, "%s", err).WithHint("add `format: csv` (or tsv, jsonl, json, lines)")
		return
	}
	k.rowsOf = k.typeOf(c, first)
	if k.rowsOf == nil {
		return
	}
	if _, err := k.newRows(k.rowsOf); err != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, err)
	} else if !k.As.Node.IsNull() {
		k.checkHeader(c, k.rowsOf)
	}
	c.Out("out", k.rowsOf)
}

// typeOf is the declared type, or that of a sample.
func (k *reader) typeOf(c *graph.Inference, first config.Name) *types.Type {
	declared := c.Type(k.As)
	switch {
	case declared != nil && declared.Kind == types.KindError:
		return nil
	case k.format == formatLines:
		if declared != nil {
			c.List().Add(diag.Conflict, k.As.Node.Span, "rows of format lines are {line: string}, they take no `as`")
		}
		return lineType(c)
	case declared != nil:
		if !declared.IsRecord() && (k.format == formatCSV || k.format == formatTSV) {
			c.List().Add(diag.WrongType, k.As.Node.Span, "rows of a csv file are records, got %s", declared)
			return nil
		}
		return declared
	case len(k.files) == 0:
		return nil
	}
	return k.sample(c, first)
}

// sampleSize is how much of a file is looked at to infer its type, in bytes.
const sampleSize = 1 << 20

// sample infers the type of the rows from the beginning of the first file.
func (k *reader) sample(c *graph.Inference, first config.Name) *types.Type {
	at := first.At
	text, whole, err := k.beginning(c)
	if err != nil {
		c.List().Add(diag.NoSchema, at, "the type of %s cannot be inferred: %s", first.Value, err).WithHint("declare it by `as:`")
		return nil
	}
	if text == nil { // standard input, before the run
		c.List().Warn(diag.NoSchema, at, "what comes from standard input is known only when the flow runs").WithHint("declare it by `as:` to have it checked before")
		return nil
	}
	origin := types.Origin{Node: c.Node.ID, How: "sampled from " + first.Value, At: at}
	if first.Value == "-" {
		origin.How = "sampled from standard input"
	}
	t, warnings, err := k.sampleRows(text, whole, origin)
	if err != nil {
		c.List().Add(diag.NoSchema, at, "the type of %s cannot be inferred: %s", first.Value, err).WithHint("declare it by `as:`")
		return nil
	}
	for _, w := range warnings {
		c.List().Warn(diag.MixedTypes, at, "%s: %s", first.Value, w)
	}
	return t
}

// beginning reads the first part of the first file, unpacked, cut at the end of a
// line; whole says that it is all of it. A nil text is that of a standard input
// that is not there yet.
func (k *reader) beginning(c *graph.Inference) (text []byte, whole bool, err error) {
	if k.files[0] == "-" {
		in := c.Stdin()
		if in == nil {
			return nil, false, nil
		}
		if k.packed != plain {
			return nil, false, errors.New("standard input is packed")
		}
		text, whole = peekLines(in)
		return nothingIn(text, whole)
	}
	src, err := os.Open(k.files[0])
	if err != nil {
		return nil, false, errors.New(reason(err))
	}
	defer src.Close()
	r, end, err := unpack(src, k.packed)
	if err != nil {
		return nil, false, fmt.Errorf("not a %s file: %w", k.packed, err)
	}
	defer end()
	for size := int64(sampleSize); ; size *= 4 { // a row may be longer than a sample should be
		more, err := io.ReadAll(io.LimitReader(r, size-int64(len(text))))
		if err != nil {
			return nil, false, err
		}
		text = append(text, more...)
		if whole = int64(len(text)) < size; whole || size > maxRow || bytes.IndexByte(text, '\n') >= 0 {
			return nothingIn(text, whole)
		}
	}
}

// nothingIn refuses a text that has no rows, and takes off a byte order mark.
func nothingIn(text []byte, whole bool) ([]byte, bool, error) {
	text = bytes.TrimPrefix(text, bom)
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, false, errors.New("there is nothing in it")
	}
	return text, whole, nil
}

// peekLines looks ahead into standard input without taking anything: as far as
// what came with its first line.
func peekLines(in *bufio.Reader) (text []byte, whole bool) {
	for want := 1; ; {
		text, err := in.Peek(want)
		if err != nil { // the end, or a line longer than the buffer
			return text, true
		}
		text, _ = in.Peek(in.Buffered())
		if bytes.IndexByte(text, '\n') >= 0 {
			return text, false
		}
		want = len(text) + 1
	}
}

// checkSettings reports settings of csv that stand beside another format, and
// delimiters that are none.
func (k *reader) checkSettings(c *graph.Inference) {
	for _, s := range []struct{ name, value string }{{"delimiter", k.Delimiter}, {"comment", k.Comment}} {
		if s.value != "" && (len(s.value) != 1 || s.value == "\"" || s.value == "\n" || s.value == "\r") {
			c.List().Add(diag.WrongValue, c.Node.At, "%s: %s must be one ASCII character, got %q", c.Node.ID, s.name, s.value)
		}
	}
	if k.Format != "" && k.Format != "csv" && k.Format != "tsv" && (k.Delimiter != "" || k.Comment != "" || len(k.Nulls) > 0 || !k.Header) {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: delimiter, header, comment and nulls are for csv", c.Node.ID)
	}
}

// Program reads pieces in order and scans them on all workers.
func (k *reader) Program(env *nodes.Env) (*nodes.Program, error) {
	r := &reading{k: k, env: env, t: env.Out("out"), needed: env.Needed("out")}
	for _, f := range k.files {
		if info, err := os.Stat(f); err == nil && f != "-" {
			r.total += info.Size()
		}
	}
	env.Progress = func() (int64, int64) { return r.read.Load(), r.total }
	return &nodes.Program{
		Stages: []nodes.Stage{{Next: r.next, Worker: r.worker}},
		Settle: func(bool) error {
			if r.in != nil {
				r.in.end()
			}
			return nil
		},
	}, nil
}

// reading is a running file.read. Its fields but read belong to next.
type reading struct {
	k      *reader
	env    *nodes.Env
	t      *types.Type
	needed []bool
	in     *input
	at     int // which file comes next
	read   atomic.Int64
	total  int64
}

// next gives the next piece of the next file.
func (r *reading) next(ctx context.Context) (any, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.in == nil {
			if r.at == len(r.k.files) {
				return nil, io.EOF
			}
			if err := r.open(ctx); err != nil {
				return nil, err
			}
		}
		p, err := r.in.next()
		if err != io.EOF {
			return p, err
		}
		r.in.end()
		r.in = nil
	}
}

// open opens the next file and reads its header.
func (r *reading) open(ctx context.Context) error {
	path := r.k.files[r.at]
	r.at++
	_, packed, err := formatOf(path, r.k.format, compression(r.k.Compress))
	if err != nil {
		return err
	}
	in, err := open(ctx, path, packed, r.env.Stdin, &r.read)
	if err != nil {
		return err
	}
	if in.rows, err = r.k.newRows(r.t); err == nil {
		in.cut, err = in.rows.begin(in)
	}
	if err != nil {
		in.end()
		return fmt.Errorf("%s: %w", in.name(), err)
	}
	r.in = in
	return nil
}

// worker scans pieces. It keeps a scanner for each file, for the files of a
// pattern may order their columns differently.
func (r *reading) worker(context.Context) (nodes.Work, error) {
	var last rows
	var scan scanner
	return func(ctx context.Context, _ record.Data, made any, out nodes.Out) (any, error) {
		p := made.(*piece)
		defer p.arena.Release()
		if last != p.rows {
			var err error
			if scan, err = p.rows.scanner(); err != nil {
				return nil, err
			}
			last = p.rows
		}
		return nil, r.scan(p, scan, out)
	}, nil
}

// scan turns the rows of a piece into batches.
func (r *reading) scan(p *piece, scan scanner, out nodes.Out) error {
	line, counted := p.line, 0
	for at := 0; at < len(p.text); {
		b := record.NewNeeded(r.t, r.needed)
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
			if err := out.Bad(nodes.BadItem{Err: bad, Raw: bad.Raw, File: p.file.name(), Line: line}); err != nil {
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

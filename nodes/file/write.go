package file

import (
	"fmt"
	"os"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record/avro"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/record/parquet"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// writer is the kind file.write.
type writer struct {
	Path   config.Name `yaml:"path,required" doc:"The file, or - for standard output, or the address of an object, such as s3://bucket/out.jsonl. Folders are made as needed. With split, it contains a * for each value."`
	Append bool        `yaml:"append" doc:"Add to a file that is there, or create it: all rows in one step at the end, those of a run that fails or is stopped too; every second if a source has no end of its own; and before they are acknowledged if a source acknowledges. With rotate, to the last of its files until it is complete. A csv file must have the same columns."`
	Writing

	stores map[string]nodes.StoreOpener // by the scheme of addresses
}

// A Writing is how rows are written: the settings that file.write has in common with kinds
// that write the same elsewhere; see ObjectWriter.
type Writing struct {
	Format   string        `yaml:"format" enum:"csv|tsv|jsonl|json|lines|parquet|avro" doc:"How rows are written; by default what its name says (.csv, .tsv, .jsonl, .ndjson, .json, .txt, .log, .parquet, .avro)."`
	Compress string        `yaml:"compress" enum:"none|gzip|snappy|zstd" doc:"How the file is compressed; by default what its name says (.gz, .zst). Of parquet and avro it is how blocks are: by default zstd in parquet, gzip, which Avro calls deflate, in avro; snappy is for these two."`
	Split    []config.Text `yaml:"split" lone:"true" doc:"Expressions of type string, int, bool or an enum: rows with the same values go to the same file, whose path has the values in place of the stars, one each, also in names of folders."`
	MaxFiles int           `yaml:"max_files" min:"1" max:"10000" doc:"How many files split may make at most. With rotate, how many are written at once: for one more, the one that was begun first ends."`

	Rotate *rotate `yaml:"rotate" doc:"End the file and begin another one, after so many bytes or so much time. The files have numbers in their names, as out-000001.jsonl; each gets its name when it is complete."`

	Delimiter string `yaml:"delimiter" doc:"Of csv: the character between two fields; by default a comma, for tsv a tab."`
	Header    bool   `yaml:"header" doc:"Of csv: write the names of the fields first. With append, only if the file is empty."`

	format format
	packed compression
	split  []*expr.Expr

	// Of tables.
	codec  block.Codec
	schema *parquet.Schema
	avro   *avro.Encoder
}

// UsualWriting has the defaults.
var UsualWriting = Writing{Header: true, MaxFiles: 500}

var writeDecl = nodes.Kind("file.write", "Writes rows to a file or to standard output.", &writer{Writing: UsualWriting},
	nodes.InPort(graph.Port{Name: "in", Doc: "The rows."}),
	nodes.Workers(graph.PerCore), nodes.Untried("writes whole batches, and what is half written is not written again"),
	nodes.Lines("never", "the disk, or the reader of standard output, is slow", "its input has ended and the file is closed",
		"the file cannot be written, or a row has a value of split that names no file and on_error says fail"),
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
		k.checkPath(c)
		k.checkSplit(c, t)
		return
	}
	k.checkPath(c)
	if !k.settleCodec(c) {
		return
	}
	if k.format.isCSV() {
		if !checkDialect(c, k.format, k.Delimiter, "", nil) {
			return
		}
	} else if k.Delimiter != "" || !k.Header {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: delimiter and header are for csv, not for %s", c.Node.ID, k.format)
	}
	k.checkSplit(c, t)
	k.checkTarget(c, t)
	if t.Flawed() {
		return
	}
	if why := k.refuses(t); why != "" {
		edge := c.Node.Input("in").Edges[0]
		c.List().Add(diag.TypeMismatch, edge.At, "%s cannot be written as %s: %s", t, k.format, why).
			WithHint("take the field apart or leave it out with a map, or write jsonl")
	}
}

// checkSplit checks the expressions of split.
func (k *writer) checkSplit(c *graph.Inference, t *types.Type) {
	k.split = nil
	for _, text := range k.Split {
		e := c.Expr(text, t)
		k.split = append(k.split, e)
		if st := e.Type(); st.Kind != types.KindError && (!st.IsText() && st.Kind != types.KindInt && st.Kind != types.KindBool || st.Nullable) {
			c.List().Add(diag.WrongType, text.YAML.At(0, len([]rune(text.Value))), "split must be string, int, bool or an enum and never null, got %s", st).
				WithHint("%s", splitHint(text.Value, st))
		}
	}
}

// splitHint says what to write where an expression of another type names no file.
func splitHint(text string, t *types.Type) string {
	instead := `"unknown"`
	switch {
	case t.Kind == types.KindInt:
		instead = "0"
	case t.Kind == types.KindBool:
		instead = "false"
	case !t.IsText():
		text = "string(" + text + ")"
	}
	if !t.Nullable {
		return "convert it: " + text
	}
	return fmt.Sprintf("say what null stands for: '%s ?? %s'", text, instead)
}

// refuses says why the format cannot hold items of a type, "" if it can.
func (k *writer) refuses(t *types.Type) string {
	switch {
	case t.Kind == types.KindOpaque:
		return "it is a Go type that no file can hold"
	case k.format == formatParquet:
		var err error
		if k.schema, err = parquet.NewSchema(t); err != nil {
			return err.Error()
		}
	case k.format == formatAvro:
		var err error
		if k.avro, err = avro.NewEncoder(t, k.codec); err != nil {
			return err.Error()
		}
	case k.format == formatLines:
		if !t.IsRecord() || len(t.Fields) != 1 || !t.Fields[0].Type.IsText() {
			return "lines takes records of one text field"
		}
	case k.format.isCSV():
		if !t.IsRecord() {
			return "its rows are no records"
		}
		for _, f := range t.Fields {
			if !f.Type.IsScalar() && !f.Type.IsReply() { // no format can write a reply, which is told elsewhere
				return fmt.Sprintf("field %q is %s", f.Name, f.Type)
			}
		}
	}
	return ""
}

// Acting implements graph.Acter: by nothing but its value of split can a row fail.
func (k *writer) Acting(on graph.EngineSettings) graph.EngineSettings {
	if len(k.Split) == 0 {
		return on &^ (graph.SettingOnError | graph.SettingBreaker)
	}
	return on
}

// endsAlone reports whether a file is there, for good, as soon as it is complete.
func (k *writer) endsAlone() bool { return k.Rotate.on() && !k.Append }

// Withholds implements graph.Withholder: what gets its name when the run has ended, a kill
// before that loses.
func (k *writer) Withholds(abs func(path string) string) (remedy string, withholds bool) {
	if k.Path.Value == "-" || k.Append || k.endsAlone() {
		return "", false
	}
	if !k.isObject() {
		if info, err := os.Stat(abs(k.Path.Value)); err == nil && len(k.Split) == 0 && !info.Mode().IsRegular() {
			return "", false // it is written to directly
		}
		if k.format != formatJSON && !k.format.isTable() {
			return "`append: true`", true
		}
	}
	return "`rotate: {every: 10m}`", true
}

func (k *writer) checkPath(c *graph.Inference) {
	at := k.Path.At
	stars := strings.Count(k.Path.Value, "*")
	switch {
	case k.isObject() && k.stores[nodes.Scheme(k.Path.Value)] == nil:
		refuseAddress(c, k.Path.Value, "file.write", at)
		return
	case k.isObject() && k.Append:
		c.List().Add(diag.Conflict, at, "%s cannot be appended to: an object is written as a whole", k.Path.Value).WithHint("write several, by `rotate: {every: 10m}`")
		return
	case len(k.Split) > 0 && stars != len(k.Split):
		what := "one *"
		hint := "such as out/part-*.jsonl"
		if n := len(k.Split); n > 1 {
			what, hint = fmt.Sprintf("%d stars, one for each value", n), "such as out/*/part-*.jsonl"
		}
		c.List().Add(diag.WrongValue, at, "with split, the path must contain %s, got %q", what, k.Path.Value).WithHint("%s", hint)
	case len(k.Split) == 0 && stars > 0:
		c.List().Add(diag.WrongValue, at, "%q has a *, but no split says what goes there", k.Path.Value).WithHint("add `split: FIELD`")
	case k.Rotate != nil && !k.Rotate.on():
		c.List().Add(diag.MissingKey, at, "%s: rotate says neither how large a file gets nor how long it is written to, so none would ever end", c.Node.ID).
			WithHint("write rotate: {bytes: 100MB} or rotate: {every: 1h}, or leave it out")
	case k.Path.Value == "-" && k.Rotate.on():
		c.List().Add(diag.Conflict, at, "%s: standard output has no name that rotate could number", c.Node.ID).WithHint("write a file, or leave `rotate` out")
	case k.Append && k.format.isTable():
		c.List().Add(diag.Conflict, at, "a %s file cannot be appended to: what it has of its rows is written at its end", k.format).WithHint("write one file a run, or several with `rotate`, and read them together by a pattern; or write jsonl")
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
		if other, ok := n.Config.(*writer); ok && sameTarget(c, other.Path.Value, k.Path.Value) && !(k.mixes() && other.mixes()) {
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

package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// This file infers the type of rows that nobody has declared.

// sample infers the type of the rows from excerpts of all files, as far as they can be
// looked at before the run; nil after a problem.
func (k *reader) sample(c *graph.Inference) *types.Type {
	s := k.newSurvey()
	budget := max(int(k.Sample)/len(k.files), leastExcerpt)
	last := k.files[len(k.files)-1]
	for i, f := range k.files {
		if isStream(c.Flow, f.path) && (s.rows() > 0 || i < len(k.files)-1) {
			s.left++
			continue // to look into it would wait for it, and lose what it gives
		}
		begun := s.files
		err := k.survey(c, s, f, budget)
		switch {
		case err == errLater:
			if s.rows() == 0 {
				c.List().Warn(diag.NoSchema, f.at, "the type of standard input is known only when the flow runs").WithHint("declare it with `as:` to have it checked before")
				return nil
			}
			s.left++
		case errors.Is(err, errNothing) && (begun > 0 || i < len(k.files)-1):
			s.empty++
		case err != nil:
			d := c.List().Add(diag.NoSchema, f.at, "the type of %s cannot be inferred: %s", called(f.path), reason(err))
			if _, packed, _ := formatOf(f.path, k.format, compression(k.Compress)); !unreadable(err, packed) || isStream(c.Flow, f.path) {
				d.WithHint("declare it with `as:`")
			}
			return nil
		}
	}
	if s.files == 0 {
		c.List().Add(diag.NoSchema, last.at, "the type of %s cannot be inferred: %s", called(last.path), errNothing).WithHint("declare it with `as:`")
		return nil
	}
	k.sampled = s.String()
	t, warnings, err := s.typ(types.Origin{Node: c.Node.ID, How: "sampled from " + s.name(), At: s.from.at})
	if err != nil {
		c.List().Add(diag.NoSchema, s.from.at, "the type of %s cannot be inferred: %s", called(s.from.path), err).WithHint("declare it with `as:`")
		return nil
	}
	for _, w := range append(s.warnings, warnings...) {
		c.List().Warn(diag.MixedTypes, s.from.at, "%s: %s", s.name(), redact.Text(w))
	}
	if s.odd != 0 {
		c.List().Warn(diag.OneColumn, s.oddFile.at, "%s has one column, %q", called(s.oddFile.path), redact.Text(s.oddName)).
			WithHint("if it has several: `delimiter: %s`; if it has one: `delimiter: %s`", written(s.odd), written(k.dialect().Comma))
	}
	c.Node.Sample = &graph.Sample{Rows: k.sampled, Whole: s.whole && s.left == 0}
	return t
}

// unreadable reports whether an error of a sample is that of a file that no type makes
// readable.
func unreadable(err error, packed compression) bool {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return true
	}
	return packed != plain && !errors.Is(err, errNothing)
}

// errLater is that of a standard input that is not there before the run.
var errLater = errors.New("it is there only when the flow runs")

// survey adds the excerpts of a file.
func (k *reader) survey(c *graph.Inference, s *survey, f sourceFile, budget int) error {
	text, whole, err := k.beginning(c, f.path, max(budget/2, leastExcerpt))
	if err != nil {
		return err
	}
	if text == nil {
		return errLater
	}
	before := s.rows()
	columns, err := s.begin(f, excerpt{text: text, whole: whole})
	if err != nil {
		return err
	}
	if s.files++; s.files == 1 || before == 0 && s.rows() > 0 {
		s.from = f
	}
	if s.whole = s.whole && whole; whole {
		return nil
	}
	parts, err := k.behind(c, f.path, len(text), budget/2)
	for _, e := range parts {
		s.spread = s.add(f, e, columns) || s.spread
	}
	return err
}

// A survey is what was looked at to infer a type.
type survey struct {
	k *reader

	// One of them sees the rows, by the format.
	json *jsonl.Sampler
	csv  *csv.Sampler

	from   sourceFile // the first file with rows, or the first at all
	files  int        // that were looked at
	empty  int        // that had nothing
	left   int        // that were not looked at: streams
	whole  bool       // all rows of those files were seen
	spread bool       // rows behind the beginning of a file were seen
	first  []string   // the columns of the first csv file
	told   bool       // that a file has others

	odd     byte // what seems to be the delimiter of a file that has one column; 0: none has
	oddName string
	oddFile sourceFile

	warnings []string
}

func (k *reader) newSurvey() *survey {
	s := &survey{k: k, whole: true}
	if k.format.isCSV() {
		s.csv = csv.NewSampler(k.dialect())
	} else {
		s.json = jsonl.NewSampler(jsonl.Options{Values: k.format == formatJSON})
	}
	return s
}

func (s *survey) rows() int {
	if s.csv != nil {
		return s.csv.Rows()
	}
	return s.json.Rows()
}

// begin looks at the beginning of a file and gives its columns, if it has some.
func (s *survey) begin(f sourceFile, e excerpt) (columns []string, err error) {
	if s.csv == nil {
		cut, err := (&jsonRows{options: jsonl.Options{Values: s.k.format == formatJSON}}).begin(&input{most: int(s.k.MaxRecord)})
		if err != nil {
			return nil, err
		}
		from, to, _, err := cut.cut(e.text, e.whole)
		switch {
		case err != nil:
			return nil, err
		case from == to && e.whole:
			return nil, errNothing
		case from == to:
			return nil, errors.New("its first row is too long")
		}
		e.line = bytes.Count(e.text[:from], newline)
		e.text = e.text[from:to]
		s.json.Add(e.text, s.at(f, e))
		return nil, nil
	}
	d := s.k.dialect()
	e.text = e.text[:d.Split(e.text, e.whole)]
	next := 0
	if s.k.Header {
		columns, next, err = d.Header(e.text)
	} else {
		columns, err = d.ColumnNames(e.text)
	}
	if err != nil {
		return nil, err
	}
	s.compare(f, columns)
	if c := d.OtherDelimiter(columns); c != 0 && s.k.Delimiter == "" && s.odd == 0 {
		s.odd, s.oddName, s.oddFile = c, columns[0], f
	}
	e.line = bytes.Count(e.text[:next], newline)
	e.text = e.text[next:]
	s.csv.Add(e.text, columns, s.at(f, e))
	return columns, nil
}

// written is a delimiter as it stands in a flow.
func written(delimiter byte) string {
	if delimiter == '\t' {
		return `"\t"`
	}
	return "'" + string(delimiter) + "'"
}

// compare warns of a header that is not that of the first file: what only some files
// have is null in the rows of the others.
func (s *survey) compare(f sourceFile, columns []string) {
	if s.files == 0 {
		s.first = columns
		return
	}
	lacks, adds := without(s.first, columns), without(columns, s.first)
	if s.told || len(lacks)+len(adds) == 0 {
		return
	}
	s.told = true
	var what []string
	if len(lacks) > 0 {
		what = append(what, "lacks "+quoted(lacks))
	}
	if len(adds) > 0 {
		what = append(what, "has "+quoted(adds)+" besides")
	}
	s.warnings = append(s.warnings, fmt.Sprintf("%s %s; a column that some files lack is null in their rows", called(f.path), strings.Join(what, " and ")))
}

// without gives the names that are not among others.
func without(names, others []string) (rest []string) {
	has := map[string]bool{}
	for _, n := range others {
		has[n] = true
	}
	for _, n := range names {
		if !has[n] {
			rest = append(rest, n)
		}
	}
	return rest
}

// maxNamed is how many columns a message names.
const maxNamed = 5

// quoted names columns in a message.
func quoted(names []string) string {
	what, more := "column", ""
	if len(names) > 1 {
		what = "columns"
	}
	if len(names) > maxNamed {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return fmt.Sprintf("%s %q", what, names[0]) + func() (list string) {
		for _, n := range names[1:] {
			list += fmt.Sprintf(", %q", n)
		}
		return list
	}() + more
}

// add looks at an excerpt from behind the beginning of a file, and reports whether there
// was a row in it. Where a row begins is known of no line, but of the text behind a line
// end in jsonl, and as good as known where all rows have the right number of cells.
func (s *survey) add(f sourceFile, e excerpt, columns []string) bool {
	before := s.rows()
	e, ok := e.behindLine()
	if !ok {
		return false
	}
	if s.csv == nil {
		var err error
		if !e.whole {
			e.text = e.text[:bytes.LastIndexByte(e.text, '\n')+1]
		}
		if e.text, err = s.k.leaveOut(e.text, nil, io.EOF); err == io.EOF {
			s.json.Add(e.text, s.at(f, e))
		}
		return s.rows() > before
	}
	d := s.k.dialect()
	for range maxTries {
		rows := e.text[:d.Split(e.text, e.whole)]
		if len(rows) > 0 && s.csv.Fits(rows, columns) {
			s.csv.Add(rows, columns, s.at(f, e))
			break
		}
		if e, ok = e.behindLine(); !ok {
			break
		}
	}
	return s.rows() > before
}

// maxTries is how many lines of an excerpt of a csv file are taken for the beginning of
// a row.
const maxTries = 50

// at names places of an excerpt.
func (s *survey) at(f sourceFile, e excerpt) func(line int) string {
	of := ""
	if len(s.k.files) > 1 {
		of = " of " + called(f.path)
	}
	if e.offset > 0 {
		return func(int) string { return fmt.Sprintf("a line behind byte %d%s", e.offset, of) }
	}
	return func(line int) string { return fmt.Sprintf("line %d%s", line+e.line, of) }
}

// typ gives the type of the rows.
func (s *survey) typ(origin types.Origin) (t *types.Type, warnings []string, err error) {
	if s.csv == nil {
		return s.json.Type(origin)
	}
	t, warnings = s.csv.Type(origin)
	return t, warnings, nil
}

// name names the files that were looked at, for the origin of fields.
func (s *survey) name() string {
	if s.files > 1 {
		return fmt.Sprintf("%d files", s.files)
	}
	return called(s.from.path)
}

// String says which rows were looked at: "all 3 rows of a.csv".
func (s *survey) String() string {
	rows := fmt.Sprintf("%d rows", s.rows())
	if s.rows() == 1 {
		rows = "1 row"
	}
	switch {
	case s.rows() == 0:
		return "the header of " + s.name()
	case s.whole && s.rows() == 1:
		rows = "the only row"
	case s.whole:
		rows = "all " + rows
	case s.spread:
		rows += " at the beginning, in the middle and at the end"
	default:
		rows += " at the beginning"
	}
	text := rows + " of " + s.name()
	if s.left > 0 {
		text += fmt.Sprintf(", %d more not looked at", s.left)
	}
	return text
}

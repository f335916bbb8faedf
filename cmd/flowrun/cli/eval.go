package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// An evalCall is a call of the verb eval.
type evalCall struct {
	*call
	typ   string
	row   string
	check bool
	raw   bool

	text    *argument
	sampled bool // the type of the rows was inferred
}

func evalVerb(c *call) *cobra.Command {
	e := &evalCall{call: c}
	verb := &cobra.Command{
		Use:     "eval EXPR [FILE]",
		GroupID: groupLook,
		Short:   "Evaluate an expression over rows of JSON",
		Long: `Evaluates an expression, as flows have them, for each line of a JSONL file or of
standard input, and prints a line of JSON for each. Without --type the type of the
rows is inferred from the first of them. An expression that reads no field needs
no rows.`,
		Example: `  flowrun eval 'round(100 * 2.5 / 3, 1)'
  flowrun eval 'upper(name) + "!"' --row '{"name": "ada"}'
  flowrun eval 'delay > 15 && origin == "SFO"' flights.jsonl
  flowrun eval 'a / b' --type '{a: int, b: int?}' --check`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return misuse("eval needs an expression").or("%s eval '1 + 2'", c.command)
			case len(args) > 2:
				return misuse("eval takes an expression and a file, got %q too", args[2]).or("put the expression in quotes")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			e.text = &argument{diag.NewSource("expression", []byte(args[0]))}
			return e.eval(args[1:])
		},
	}
	f := verb.Flags()
	f.StringVar(&e.typ, "type", "", "the `TYPE` of the rows, such as '{a: int, b: string?}'")
	f.StringVar(&e.row, "row", "", "evaluate for this one row of `JSON`")
	f.BoolVar(&e.check, "check", false, "print the type of the result only")
	f.BoolVarP(&e.raw, "raw", "r", false, "print texts without quotes")
	return verb
}

// An argument is an expression from the command line. It implements expr.Text.
type argument struct{ src *diag.Source }

func (a *argument) Source() string { return string(a.src.Text) }

func (a *argument) At(offset, width int) diag.Span {
	before := []rune(a.Source())
	before = before[:min(offset, len(before))]
	line, col := 1, 1
	for _, r := range before {
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return diag.Span{Source: a.src, Line: line, Col: col, Width: width}
}

func (e *evalCall) eval(files []string) error {
	if e.row != "" && len(files) > 0 {
		return misuse("--row and a file cannot be used together")
	}
	var declared *types.Type
	if e.typ != "" {
		t, err := types.Parse(bareTypes(e.typ), nil)
		if err != nil {
			return e.badType(err)
		}
		declared = t
	}
	if declared == nil && e.row == "" && len(files) == 0 || declared != nil && e.check {
		done, err := e.withoutRows(declared)
		if done || err != nil {
			return err
		}
	}
	rows, name, err := e.open(files)
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := e.overRows(rows, declared); err != nil {
		if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Op == "read" {
			return &ending{code: codeFailed, err: fmt.Errorf("%s: %w", name, failed.Err)}
		}
		return err
	}
	return nil
}

// bareTypes takes the quotes from around types: in a flow YAML needs them, as in
// {a: "decimal(12,2)"}. Names of fields keep theirs, and every place stays.
func bareTypes(text string) string {
	out := []byte(text)
	for i := 0; i < len(out); i++ {
		quote := out[i]
		if quote != '"' && quote != '\'' {
			continue
		}
		end := i + 1
		for end < len(out) && out[end] != quote && out[end] != '\\' {
			end++
		}
		if end == len(out) || out[end] == '\\' {
			return string(out)
		}
		if rest := bytes.TrimLeft(out[end+1:], " \t\r\n"); len(rest) == 0 || rest[0] != ':' {
			out[i], out[end] = ' ', ' '
		}
		i = end
	}
	return string(out)
}

// badType shows where the text of a type is wrong.
func (e *evalCall) badType(err error) error {
	wrong, ok := errors.AsType[*types.SyntaxError](err)
	if !ok {
		return misuse("--type: %w", err)
	}
	var list diag.List
	src := &argument{diag.NewSource("--type", []byte(e.typ))}
	list.Add(wrong.Code, src.At(wrong.Offset, wrong.Width), "%s", wrong.Message).WithHint("%s", wrong.Hint)
	e.print(list)
	return said(codeMisuse)
}

// withoutRows checks an expression without looking at rows, and evaluates it if
// it reads no field. It is not done if there is nothing wrong but that fields are
// not known.
func (e *evalCall) withoutRows(declared *types.Type) (done bool, err error) {
	env := declared
	if env == nil {
		env = types.Record()
	}
	var list diag.List
	x := expr.Check(e.text, env, &list)
	if list.HasErrors() {
		switch needed := declared == nil && mayNeedRows(list); {
		case needed && e.fromTerminal(): // somebody would have to type them
			return true, e.noRows()
		case needed:
			return false, nil
		}
		e.print(list)
		return true, said(codeMisuse)
	}
	e.print(list)
	if e.check {
		_, err := fmt.Fprintln(e.data(), x.Type())
		return true, err
	}
	b := record.New(types.Record())
	defer b.Release()
	b.Rows = 1
	text, err := e.evaluator(x).value(b)
	if err != nil {
		return true, &ending{code: codeFailed, err: err}
	}
	_, err = e.data().Write(text)
	return true, err
}

func (e *evalCall) noRows() error {
	return misuse("there are no rows to read fields from").or("give a FILE of JSON lines, - for standard input, or --row '{...}'")
}

// mayNeedRows reports whether rows could cure what is wrong.
func mayNeedRows(list diag.List) bool {
	for _, d := range list {
		if d.Code == diag.UnknownField {
			return true
		}
	}
	return false
}

// fromTerminal reports whether standard input is a terminal.
func (e *evalCall) fromTerminal() bool {
	_, tty := terminal(e.stdin)
	return tty
}

// open finds the rows, and what to call them.
func (e *evalCall) open(files []string) (rows io.ReadCloser, name string, err error) {
	switch {
	case e.row != "":
		var line bytes.Buffer // rows are lines
		if json.Compact(&line, []byte(e.row)) != nil {
			line.WriteString(e.row)
		}
		return io.NopCloser(&line), "--row", nil
	case len(files) == 0 || files[0] == "-":
		return io.NopCloser(e.stdin), "standard input", nil
	}
	f, err := os.Open(files[0])
	if err != nil {
		return nil, "", misuse("%s: %s", files[0], reason(err))
	}
	return f, files[0], nil
}

// How many rows a type is inferred from at most, and how many bytes.
const (
	sampledRows  = 1000
	sampledBytes = 1 << 20
)

// overRows evaluates the expression for each row.
func (e *evalCall) overRows(in io.Reader, t *types.Type) error {
	rows := &rowReader{r: bufio.NewReaderSize(in, 64<<10)}
	e.sampled = t == nil
	if e.sampled {
		sample, err := rows.ahead()
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(sample)) == 0 {
			return e.noRows()
		}
		t, _, err = jsonl.Sample(sample, jsonl.Options{}, types.Origin{How: "sampled from the rows"})
		if err != nil {
			return misuse("the rows are not JSON lines: %w", err)
		}
	}
	var list diag.List
	x := expr.Check(e.text, t, &list)
	if list.HasErrors() {
		e.print(list)
		return said(codeMisuse)
	}
	e.print(list)
	if e.check {
		_, err := fmt.Fprintln(e.data(), x.Type())
		return err
	}
	return e.printRows(rows, x, t)
}

// printRows prints a value for each row. What is wrong with a row does not stop
// those after it.
func (e *evalCall) printRows(rows *rowReader, x *expr.Expr, t *types.Type) error {
	scanner, err := jsonl.New(t, jsonl.Options{})
	if err != nil {
		return misuse("--type: %w", err)
	}
	out := bufio.NewWriter(e.data())
	eval := e.evaluator(x)
	failed, unlike := false, false
	for n := 1; ; n++ {
		if rows.mustWait() { // whoever gives rows slowly sees the values at once
			if err := out.Flush(); err != nil {
				return err
			}
		}
		line, err := rows.next()
		if len(line) == 0 && err == io.EOF {
			break
		}
		if err != nil && err != io.EOF {
			return errors.Join(err, out.Flush())
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		text, wrong := eval.line(scanner, t, line)
		if wrong != nil {
			failed = true
			if _, ok := wrong.(misfit); ok && e.sampled {
				unlike = true
			}
			fmt.Fprintf(e.stderr, "row %d: %v\n", n, wrong)
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if unlike {
		fmt.Fprintf(e.stderr, "  %s the type was inferred from the first rows, %d at most; --type '%s' is that type, to be changed\n", e.ink(e.stderr).blue("hint:"), sampledRows, t)
	}
	if failed {
		return said(codeFailed)
	}
	return nil
}

// A rowReader reads lines.
type rowReader struct {
	r    *bufio.Reader
	held []byte // lines that were read ahead
}

// ahead reads the lines from which a type is inferred; next gives them again.
func (r *rowReader) ahead() ([]byte, error) {
	for n := 0; n < sampledRows && len(r.held) < sampledBytes; n++ {
		line, err := r.r.ReadBytes('\n')
		r.held = append(r.held, line...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return r.held, nil
}

// next gives a line with its end, which the last one may lack.
func (r *rowReader) next() (line []byte, err error) {
	if len(r.held) == 0 {
		return r.r.ReadBytes('\n')
	}
	end := bytes.IndexByte(r.held, '\n') + 1
	if end == 0 {
		end = len(r.held)
	}
	line, r.held = r.held[:end:end], r.held[end:]
	return line, nil
}

// mustWait reports whether next may take its time.
func (r *rowReader) mustWait() bool { return len(r.held) == 0 && r.r.Buffered() == 0 }

// An evaluator computes an expression for one row at a time.
type evaluator struct {
	program *expr.Program
	typ     *types.Type
	raw     bool
	errs    expr.RowErrors
	buf     []byte
}

func (e *evalCall) evaluator(x *expr.Expr) *evaluator {
	return &evaluator{program: x.Compile(), typ: x.Type(), raw: e.raw}
}

// A misfit is why a row is not of the type of the rows.
type misfit struct{ error }

// line evaluates for a line of JSON. The text is valid until the next call.
func (v *evaluator) line(scanner *jsonl.Scanner, t *types.Type, line []byte) (text []byte, err error) {
	b := record.New(t)
	defer b.Release()
	if _, bad := scanner.Scan(line, 0, b, 1); bad != nil {
		return nil, misfit{bad}
	}
	return v.value(b)
}

// value evaluates for the only row of a batch.
func (v *evaluator) value(b *record.Batch) (text []byte, err error) {
	if v.typ.Kind == types.KindNull {
		return []byte("null\n"), nil
	}
	v.errs.Reset()
	col := record.NewColumn(v.typ)
	col.Resize(b.Rows)
	arena := record.NewArena(0)
	defer arena.Release()
	v.program.Eval(b, col, arena, &v.errs)
	if v.errs.Len() > 0 {
		_, err := v.errs.At(0)
		return nil, err
	}
	v.buf = jsonl.AppendValue(v.buf[:0], v.typ, col, 0)
	if v.raw && v.buf[0] == '"' {
		var plain string
		if err := json.Unmarshal(v.buf, &plain); err != nil {
			return nil, err
		}
		v.buf = append(v.buf[:0], plain...)
	}
	v.buf = append(v.buf, '\n')
	return v.buf, nil
}

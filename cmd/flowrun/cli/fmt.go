package cli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph/config"
)

// A fmtCall is a call of the verb fmt.
type fmtCall struct {
	*call
	write bool
	check bool
}

func fmtVerb(c *call) *cobra.Command {
	f := &fmtCall{call: c}
	verb := &cobra.Command{
		Use:     "fmt FLOW...",
		GroupID: groupFlow,
		Short:   "Lay out flow files in the standard form",
		Long: `Prints flows in the standard form; comments and meaning stay. Mappings in {} are
written {a: 1, b: 2}; items of a list below each other that have the same keys are
a table. A folder, or dir/..., stands for all flows below it, and - for standard
input.`,
		Example: `  flowrun fmt -w flow.yaml
  flowrun fmt --check ./...
  flowrun fmt - < flow.yaml`,
		Args:              wantFlow(true),
		ValidArgsFunction: completeFlows,
	}
	verb.Flags().BoolVarP(&f.write, "write", "w", false, "write the files instead of printing them")
	verb.Flags().BoolVarP(&f.check, "check", "l", false, "only list the files that are not in the standard form; ends with 1 if there are any")
	verb.RunE = func(_ *cobra.Command, args []string) error {
		if f.write && f.check {
			return misuse("--write and --check cannot be used together")
		}
		paths, err := expand(args)
		if err != nil {
			return err
		}
		worst := 0
		for _, path := range paths {
			code, err := f.format(path)
			if err != nil {
				return err
			}
			worst = max(worst, code)
		}
		if worst > 0 {
			return said(worst)
		}
		return nil
	}
	return verb
}

// format lays out one file. The code is that of what was wrong with it.
func (f *fmtCall) format(path string) (code int, err error) {
	if f.write && path == "-" {
		return 0, misuse("standard input cannot be written: -w needs files")
	}
	src, list := f.loader().source(path)
	if src != nil {
		config.Parse(src, &list)
	}
	if list.HasErrors() {
		f.print(list)
		return codeMisuse, nil
	}
	text, err := config.Format(src.Text)
	if err != nil {
		return 0, &ending{code: codeMisuse, err: fmt.Errorf("%s: %w", src.Name, err)}
	}
	same := bytes.Equal(text, src.Text)
	switch {
	case same && (f.check || f.write):
		return 0, nil
	case f.check:
		_, err := fmt.Fprintln(f.stdout, src.Name)
		return codeFailed, err
	case f.write:
		return 0, writeText(path, text)
	}
	_, err = f.data().Write(text)
	return 0, err
}

package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/scheduler/history"
)

// A runsCall is a call of the verb runs.
type runsCall struct {
	*call
	json bool
}

func runsVerb(c *call) *cobra.Command {
	r := &runsCall{call: c}
	verb := &cobra.Command{
		Use:     "runs [DIR]",
		GroupID: groupFlow,
		Short:   "List the runs that were kept beside the flows of a folder",
		Long: `Lists the runs of the flows below a folder (the one you are in, if none is named)
that were kept in .flowrun/runs beside them: those of run --keep, of run --ui, and
those that serve started. The last 50 of each folder stay. ` + c.command + ` serve shows them
as pages, with their course and two side by side.`,
		Example: `  flowrun runs
  flowrun runs flows --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return noFolder("runs", dir, err == nil)
			}
			heads, err := r.find(dir)
			if err != nil {
				return err
			}
			if r.json {
				return writeJSON(r.stdout, heads)
			}
			return r.list(heads)
		},
	}
	verb.Flags().BoolVar(&r.json, "json", false, "print the list as JSON")
	return verb
}

// find finds the runs of all flows below a folder, the newest first. Files that
// cannot be read are told of.
func (r *runsCall) find(dir string) ([]history.Head, error) {
	paths, err := flowsIn(dir)
	if err != nil {
		return nil, misuse("%w", err)
	}
	heads, notes := history.ListAll(history.StoresOf(append(paths, filepath.Join(dir, "-"))))
	for _, note := range notes {
		fmt.Fprintln(r.stderr, note)
	}
	if heads == nil {
		heads = []history.Head{} // a list in JSON, not null
	}
	return heads, nil
}

// list prints them.
func (r *runsCall) list(heads []history.Head) error {
	if len(heads) == 0 {
		_, err := fmt.Fprintf(r.stdout, "no run has been kept; %s run FLOW --keep keeps one\n", r.command)
		return err
	}
	on := r.ink(r.stdout)
	t := &table{heads: []head{
		{text: "flow"}, {text: "started"}, {text: "outcome"}, {text: "took", right: true}, {text: "read", right: true},
		{text: "a second", right: true}, {text: "errors", right: true}, {text: "id"},
	}}
	for _, h := range heads {
		row := plainRow(h.Flow, h.Started.Local().Format("2006-01-02 15:04:05"), h.Outcome, span(h.Took), count(h.Items), short(perSecond(h.Items, h.Took)), count(h.Errors), h.ID)
		switch h.Outcome {
		case "done":
			row[2].paint = on.green
		case "failed":
			row[2].paint = on.red
		}
		if h.Errors > 0 {
			row[6].paint = on.red
		}
		t.add(row...)
	}
	for _, line := range t.lines("", 0, on) {
		if _, err := fmt.Fprintln(r.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

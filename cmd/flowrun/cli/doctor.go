package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the verb doctor.

// doctorPatience is how long the doctor waits for one peer.
const doctorPatience = 10 * time.Second

func doctorVerb(c *call) *cobra.Command {
	d := &doctorCall{call: c}
	verb := &cobra.Command{
		Use:     "doctor FLOW",
		GroupID: groupFlow,
		Short:   "Look whether the peers of a flow are there: databases, servers, programs",
		Long: `Reaches every peer that a flow talks to and says of each whether it answers, which
version it is, whether it takes the login, whether the table, the path or the queue
is there, and how far its clock is off. It changes nothing there.

Ends with 3 if a peer does not have what the flow needs, with 2 if the flow is
wrong.`,
		Example: `  flowrun doctor flow.yaml
  flowrun doctor flow.yaml --json | jq '.[] | select(.error)'`,
		Args:              wantFlow(false),
		ValidArgsFunction: completeFlows,
	}
	d.set = settable(verb)
	verb.Flags().BoolVar(&d.json, "json", false, "print the findings as a JSON array on standard output")
	verb.RunE = func(_ *cobra.Command, args []string) error { return d.examine(args[0]) }
	return verb
}

type doctorCall struct {
	*call
	set  *assignments
	json bool
}

// A found is a finding as JSON.
type found struct {
	Node  string  `json:"node"`
	Kind  string  `json:"kind"`
	Peer  string  `json:"peer"`
	What  string  `json:"what"`
	Told  string  `json:"told,omitempty"`
	Took  float64 `json:"took_seconds,omitempty"`
	Skew  float64 `json:"skew_seconds,omitempty"`
	Error string  `json:"error,omitempty"`
	Hint  string  `json:"hint,omitempty"`
}

// examine looks at the peers of all nodes, in the order of the flow.
func (d *doctorCall) examine(path string) error {
	flow, list := d.asking().load(path, *d.set)
	if list.HasErrors() && codeOfProblems(list) != codeUnreachable { // those are what is to be found here
		d.print(list)
		fmt.Fprintln(d.stderr, tally(path, list))
		return said(codeMisuse)
	}
	all, failed := []found{}, map[string]bool{}
	for _, n := range flow.Nodes {
		for _, f := range d.findings(flow, n) {
			if f.Error != "" {
				failed[f.Node+" "+f.Peer] = true
			}
			all = append(all, f)
		}
	}
	if err := d.tell(flow, all); err != nil {
		return err
	}
	if len(failed) > 0 {
		return &ending{code: codeUnreachable, err: fmt.Errorf("%s: %s not as the flow needs it", path, peers(len(failed)))}
	}
	return nil
}

func peers(n int) string {
	if n == 1 {
		return "a peer is"
	}
	return fmt.Sprintf("%d peers are", n)
}

// findings are those of one node.
func (d *doctorCall) findings(flow *graph.Flow, n *graph.Node) (all []found) {
	examiner, ok := n.Config.(nodes.Examiner)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), doctorPatience)
	defer cancel()
	env := &nodes.Env{Node: n, Flow: flow, Workers: 1, Stdin: strings.NewReader(""), Stdout: io.Discard, Log: slog.New(slog.DiscardHandler), Shared: &nodes.Resources{}}
	defer env.Shared.Close()
	for _, f := range examiner.Examine(ctx, env) {
		as := found{Node: n.ID, Kind: n.Kind, Peer: f.Peer, What: f.What, Told: f.Told, Took: f.Took.Seconds(), Skew: f.Skew.Seconds()}
		if f.Err != nil {
			as.Error = f.Err.Error()
			as.Hint = diag.HintOf(f.Err).For(d.command)
		}
		all = append(all, as)
	}
	return all
}

// tell prints the findings: a line each, below a line for the peer of a node.
func (d *doctorCall) tell(flow *graph.Flow, all []found) error {
	if d.json {
		return writeJSON(d.stdout, all)
	}
	var text strings.Builder
	if len(all) == 0 {
		fmt.Fprintf(&text, "%s talks to no peer: it needs files alone, which check looks at\n", flow.Name)
	}
	ink, last := d.ink(d.stdout), ""
	for _, f := range all {
		if head := fmt.Sprintf("%s (%s)  %s\n", f.Node, f.Kind, f.Peer); head != last {
			text.WriteString(head)
			last = head
		}
		switch {
		case f.Error != "":
			fmt.Fprintf(&text, "  %s  %s: %s\n", ink.red("failed"), f.What, f.Error)
			if f.Hint != "" {
				fmt.Fprintf(&text, "          hint: %s\n", f.Hint)
			}
		default:
			told := f.Told
			if f.Took > 0 {
				told = strings.TrimPrefix(told+", ", ", ") + "answers in " + time.Duration(f.Took*float64(time.Second)).Round(100*time.Microsecond).String()
			}
			fmt.Fprintf(&text, "  %s      %s: %s\n", ink.green("ok"), f.What, told)
		}
	}
	_, err := io.WriteString(d.stdout, text.String())
	return err
}

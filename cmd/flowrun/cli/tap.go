package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// This file is the verb tap, and the flags that allow it.

// tapFlags say what a page may show of items.
type tapFlags struct {
	allow bool
	hide  []string
}

func (t *tapFlags) flags(f *pflag.FlagSet, command string) {
	f.BoolVar(&t.allow, "ui-tap", false, "the page and "+command+" tap may show items that go over edges; values of fields that sound like secrets are hidden")
	f.StringSliceVar(&t.hide, "ui-tap-hide", nil, "more `FIELDS` whose values are hidden, such as email,iban (with --ui-tap)")
}

// rules gives what the page may show; nil: no items.
func (t *tapFlags) rules(s *secrets) *web.TapRules {
	if !t.allow {
		return nil
	}
	return &web.TapRules{Hide: t.hide, Secrets: s.all()}
}

// A tapCall is a call of the verb tap.
type tapCall struct {
	*call
	token string
	count int
	rate  int
	json  bool
}

func tapVerb(c *call) *cobra.Command {
	t := &tapCall{call: c}
	verb := &cobra.Command{
		Use:     "tap ADDR [EDGE]",
		GroupID: groupFlow,
		Short:   "Show items that go over an edge of a running flow",
		Long: `Connects to the page of a running flow and prints samples of the items that go over
one of its edges, a line each, as JSON. The flow is not slowed down: at most ten items
a second are looked at, and a reader that is too slow loses samples. The run must
allow it: ` + c.command + ` run FLOW --ui --ui-tap. Values of fields that sound like secrets are
hidden, and items longer than 4 KB are cut. Fields that no later node reads are not
there: sources do not even read them.

ADDR is what ` + c.command + ` run printed when it opened the page. EDGE is written as
from.port->to.port. Less will do if it fits one edge only: a node, a port, from->to,
->to, or the number of the edge. Without EDGE all edges are listed.`,
		Example: `  flowrun tap 127.0.0.1:8790 'decode.out->clean.in'
  flowrun tap :8790 decode -n 20
  flowrun tap :8790 'clean->' | jq .price`,
		Args: wantAddress(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if t.count < 0 {
				return misuse("-n %d: want 0 or more", t.count)
			}
			if t.rate < 1 || t.rate > 10 {
				return misuse("--rate %d: want 1 to 10 items a second", t.rate)
			}
			edge := ""
			if len(args) == 2 {
				edge = args[1]
			}
			return t.run(args[0], edge)
		},
	}
	f := verb.Flags()
	f.IntVarP(&t.count, "count", "n", 0, "end after this many items (0: when the flow does)")
	f.IntVar(&t.rate, "rate", 10, "items a second at most")
	f.BoolVar(&t.json, "json", false, "print each sample as an object: time, item (a text), cut, passed, lost")
	tokenFlag(f, &t.token)
	return verb
}

func tokenFlag(f *pflag.FlagSet, token *string) {
	f.StringVar(token, "token", os.Getenv(tokenVariable), "the token of the page (or "+tokenVariable+")")
	f.Lookup("token").DefValue = ""
}

// wantAddress takes an address and what may follow it.
func wantAddress(most int) cobra.PositionalArgs {
	return func(verb *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && most == 2:
			return misuse("%s needs the address of a page", verb.Name()).
				orCall(diag.Hint{Verb: "run", Args: []string{"FLOW", "--ui", "--ui-tap"}, Rest: " opens one at " + pageAddr})
		case len(args) > most:
			return misuse("%s takes %s at most, not %d", verb.Name(), plural(most, "argument"), len(args)).or("an edge with blanks or > needs quotes: 'a.out->b.in'")
		}
		return nil
	}
}

func (t *tapCall) run(addr, wanted string) error {
	ctx, stop := t.signals().context()
	defer stop()
	from, err := newRemote(addr, t.token)
	if err != nil {
		return err
	}
	var flow remoteFlow
	if err := from.get(ctx, "/api/v1/flow", &flow); err != nil {
		return err
	}
	if wanted == "" {
		for i := range flow.Edges {
			fmt.Fprintf(t.stdout, "%s\n", flow.Edges[i].words())
		}
		return nil
	}
	edge, err := flow.find(wanted)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stderr, "%s: %s, at most %d items a second\n", flow.Name, flow.Edges[edge].words(), t.rate)
	return t.follow(ctx, from, edge)
}

// errEnough ends the reading of events.
var errEnough = errors.New("enough")

// follow prints samples until there are enough, the edge has ended or a signal comes.
func (t *tapCall) follow(ctx context.Context, from *remote, edge int) error {
	shown, lost := 0, int64(0)
	why := ""
	err := from.events(ctx, "/api/v1/edges/"+strconv.Itoa(edge)+"/tap?rate="+strconv.Itoa(t.rate), func(event string, data []byte) error {
		switch event {
		case "sample":
			var s scheduler.Sample
			if err := json.Unmarshal(data, &s); err != nil {
				return fmt.Errorf("this is not a sample: %w", err)
			}
			lost = s.Lost
			line := s.Item
			if t.json {
				line = string(data)
			}
			if _, err := io.WriteString(t.stdout, printable(line)+"\n"); err != nil {
				return err
			}
			if shown++; shown == t.count {
				return errEnough
			}
		case "end":
			var end struct{ Why string }
			if err := json.Unmarshal(data, &end); err != nil {
				return fmt.Errorf("this is not an end: %w", err)
			}
			why = end.Why
			return errEnough
		}
		return nil
	})
	if lost > 0 {
		fmt.Fprintf(t.stderr, "%s lost: this reader was too slow for them\n", plural(int(lost), "sample"))
	}
	if why != "" {
		fmt.Fprintf(t.stderr, "%s\n", why)
	}
	if errors.Is(err, errEnough) || err != nil && ctx.Err() != nil {
		return nil
	}
	if err == nil {
		return &ending{code: codeFailed, err: errors.New("the page has gone")}
	}
	return err
}

// printable keeps items of strangers from moving the cursor of a terminal: JSON
// escapes control characters below a space, but not those from 127 on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// A remoteFlow is what a page tells of its flow.
type remoteFlow struct {
	Name  string
	Nodes []struct{ ID string }
	Edges []remoteEdge
}

// A remoteEdge is an edge in it; Name is "from.port → to.port".
type remoteEdge struct{ Name string }

// ends gives "from.port" and "to.port".
func (e *remoteEdge) ends() (from, to string) {
	from, to, _ = strings.Cut(e.Name, " → ")
	return from, to
}

func (e *remoteEdge) words() string {
	from, to := e.ends()
	return from + "->" + to
}

// find gives the edge that a text means.
func (f *remoteFlow) find(text string) (int, error) {
	if i, err := strconv.Atoi(strings.TrimPrefix(text, "e")); err == nil && i >= 0 && i < len(f.Edges) {
		return i, nil
	}
	text = strings.ReplaceAll(text, "→", "->")
	from, to, both := strings.Cut(text, "->")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	var fits []int
	var names, all []string
	for i := range f.Edges {
		a, b := f.Edges[i].ends()
		all = append(all, f.Edges[i].words())
		if both && isEnd(a, from) && isEnd(b, to) || !both && (isEnd(a, from) || isEnd(b, from)) {
			fits = append(fits, i)
			names = append(names, f.Edges[i].words())
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(fits) > 1:
		return 0, misuse("%q fits %d edges", text, len(fits)).or("%s", strings.Join(quoted(names), "\n        "))
	case len(all) == 0:
		return 0, misuse("the flow %s has no edges", f.Name)
	case len(all) > 20:
		return 0, misuse("the flow %s has no edge %q", f.Name, text).didYouMean(text, all)
	}
	return 0, misuse("the flow %s has no edge %q", f.Name, text).or("it has %s", strings.Join(quoted(all), "\n        "))
}

// quoted makes names of edges ready for a shell.
func quoted(names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, "'"+n+"'")
	}
	return all
}

// isEnd reports whether a text means one end of an edge: "" means any.
func isEnd(end, text string) bool {
	node, _, _ := strings.Cut(end, ".")
	return text == "" || text == end || text == node
}

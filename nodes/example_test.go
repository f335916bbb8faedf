package nodes_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// A pack is a list of declared kinds. The prototype has the defaults.
var pack = []nodes.Decl{
	nodes.Map("text.mask", "Hides the end of a text.", &mask{With: "*"}),
}

// Mask is a kind: its tagged fields are the settings, with their docs and bounds.
type mask struct {
	Keep int    `yaml:"keep,required" min:"0" doc:"How many characters stay."`
	With string `yaml:"with" min:"1" max:"1" doc:"What stands for each of the others."`
}

// An account is what the kind takes and gives. Records are paired with the fields by
// name; what does not fit is an error of the check.
type account struct {
	Owner string
	Card  string
}

// Map implements nodes.Mapper. Several workers may call it at once, each on a copy of
// the settings.
func (m *mask) Map(_ context.Context, a account) (account, error) {
	if len(a.Card) < m.Keep {
		return a, fmt.Errorf("the number of %s is too short", a.Owner)
	}
	a.Card = a.Card[:m.Keep] + strings.Repeat(m.With, len(a.Card)-m.Keep)
	return a, nil
}

const masked = `flow: masked
nodes:
  cards: {use: file.read, with: {path: "-", format: csv}}
  mask:  {use: text.mask, in: cards, with: {keep: 4}, on_error: skip}
  out:   {use: file.write, in: mask, with: {path: "-", format: csv}}
`

// A kind of one's own in a flow beside those that flowrun has. A program that is to be a
// command calls cli.Main(std.Nodes, pack) instead, and has everything flowrun has.
func Example() {
	registry, err := nodes.NewRegistry(std.Nodes, pack)
	if err != nil {
		fmt.Println(err)
		return
	}
	input := bufio.NewReader(strings.NewReader("owner,card\nann,4000-1234-1234\nbob,12\n"))
	flow, problems := graph.Load(diag.NewSource("masked.yaml", []byte(masked)), registry, graph.Options{Stdin: input})
	if problems.Err() != nil {
		fmt.Println(problems)
		return
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{Stdin: input, Stdout: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := run.Run(context.Background())
	fmt.Println(report.Outcome, err)
	// Output:
	// owner,card
	// ann,4000**********
	// done <nil>
}

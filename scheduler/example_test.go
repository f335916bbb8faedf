package scheduler_test

import (
	"context"
	"fmt"
	"os"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

const shop = `flow: shop
nodes:
  orders: {use: generate, with: {count: 5, set: {item: "n % 2 == 0 ? 'tea' : 'cake'", price: 2 + n}}}
  dear:   {use: filter, in: orders, with: {where: price > 2}}
  sums:   {use: group, in: dear, with: {by: item, set: {sum: sum(price)}}}
  out:    {use: file.write, in: sums, with: {path: "-", format: csv}}
`

// From the text of a flow to its report. What is wrong with the text is said all at once,
// as diag.Print shows it.
func Example() {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		fmt.Println(err)
		return
	}
	flow, problems := graph.Load(diag.NewSource("shop.yaml", []byte(shop)), registry, graph.Options{})
	if problems.Err() != nil {
		diag.Print(os.Stdout, problems, diag.Style{})
		return
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{Stdout: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := run.Run(context.Background())
	fmt.Println(report.Outcome, err)
	for _, n := range report.Nodes {
		fmt.Printf("%-6s in %d, out %d, filtered %d\n", n.ID, n.In, n.Out, n.Filtered)
	}
	// Output:
	// item,sum
	// cake,8
	// tea,10
	// done <nil>
	// orders in 0, out 5, filtered 0
	// dear   in 5, out 4, filtered 1
	// sums   in 4, out 2, filtered 0
	// out    in 2, out 0, filtered 0
}

type writer func(line []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// Stop ends the sources and lets what is on its way arrive; a source that would have gone
// on for ever has ended well then. Any goroutine may call it. To kill a run, cancel the
// context of Run.
func ExampleRun_Stop() {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		fmt.Println(err)
		return
	}
	flow, problems := graph.Load(diag.NewSource("numbers.yaml", []byte(`flow: numbers
nodes:
  numbers: {use: generate, with: {set: {n: n}}}
  out:     {use: file.write, in: numbers, with: {path: "-", format: csv}}
`)), registry, graph.Options{})
	if problems.Err() != nil {
		fmt.Println(problems)
		return
	}
	var run *scheduler.Run
	enough := writer(func([]byte) { run.Stop() })
	if run, err = scheduler.New(flow, registry, scheduler.Options{Stdout: enough}); err != nil {
		fmt.Println(err)
		return
	}
	report, err := run.Run(context.Background())
	fmt.Println(report.Outcome, err)
	for _, e := range report.Edges {
		fmt.Println(e.From, "->", e.To, "lost", e.Sent-e.Received)
	}
	// Output:
	// done <nil>
	// numbers.out -> out.in lost 0
}

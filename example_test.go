package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/nodes/std"
)

// Items are any Go values. Order is kept, however many workers there are.
func Example() {
	g := flowrun.New("delays")
	delays := flowrun.Slice(g, "delays", []string{"3", "40", "-5", "soon", "90"})
	minutes := flowrun.Map(delays, "minutes", func(_ context.Context, s string) (int, error) {
		return strconv.Atoi(s)
	}, flowrun.Workers(4), flowrun.OnError(flowrun.Skip))
	late := flowrun.Filter(minutes, "late", func(m int) bool { return m > 15 })
	out := flowrun.Collect(late, "out")

	report, err := g.Run(context.Background())
	fmt.Println(out.Items(), err)
	for _, n := range report.Nodes {
		fmt.Printf("%-8s in %d, out %d, filtered %d, skipped %d\n", n.ID, n.In, n.Out, n.Filtered, n.Skipped)
	}
	// Output:
	// [40 90] <nil>
	// delays   in 0, out 5, filtered 0, skipped 0
	// minutes  in 5, out 4, filtered 0, skipped 1
	// late     in 4, out 2, filtered 2, skipped 0
	// out      in 2, out 0, filtered 0, skipped 0
}

type Flight struct {
	Origin string
	Delay  int
}

type Airport struct {
	Code, City string
}

// Streams of structs are joined by functions that give their keys.
func ExampleJoin() {
	g := flowrun.New("named")
	flights := flowrun.Slice(g, "flights", []Flight{{"LAS", 33}, {"PHL", 2}, {"LAS", -4}, {"XXX", 7}})
	airports := flowrun.Slice(g, "airports", []Airport{{"LAS", "Las Vegas"}, {"PHL", "Philadelphia"}})
	named := flowrun.Join(flights, airports, "named",
		func(f Flight) string { return f.Origin },
		func(a Airport) string { return a.Code },
		func(f Flight, a Airport) string { return fmt.Sprintf("%s %+d", a.City, f.Delay) })
	out := flowrun.Collect(named, "out")
	if _, err := g.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Items())
	// Output: [Las Vegas +33 Philadelphia +2 Las Vegas -4]
}

func ExampleFold() {
	g := flowrun.New("means")
	flights := flowrun.Slice(g, "flights", []Flight{{"LAS", 33}, {"PHL", 2}, {"LAS", 7}})
	type mean struct{ sum, n int }
	means := flowrun.Fold(flights, "means", func(f Flight) string { return f.Origin }, func(m *mean, f Flight) error {
		m.sum += f.Delay
		m.n++
		return nil
	})
	flowrun.Each(means, "print", func(_ context.Context, e flowrun.Entry[string, mean]) error {
		fmt.Println(e.Key, float64(e.Value.sum)/float64(e.Value.n))
		return nil
	})
	if _, err := g.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// LAS 20
	// PHL 2
}

// Kinds of the catalogue work on streams of structs, which are records by the names
// of their fields, and As makes structs of records.
func ExampleGraph_Use() {
	g := flowrun.New("worst", std.Nodes)
	flights := flowrun.Slice(g, "flights", []Flight{{"LAS", 33}, {"PHL", 2}, {"ORD", 70}, {"LAS", 45}})
	late := g.Use("late", "filter", "where: delay > 15", flights, flowrun.Workers(2))
	worst := g.Use("worst", "group", `
		by: origin
		set: {flights: count(), worst: max(delay) ?? 0}
	`, late)
	type Worst struct {
		Origin         string
		Flights, Worst int
	}
	out := flowrun.Collect(flowrun.As[Worst](worst, "typed"), "out")
	if _, err := g.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", out.Items())
	// Output: [{Origin:LAS Flights:2 Worst:45} {Origin:ORD Flights:1 Worst:70}]
}

// Failed items are a stream like any other.
func ExampleErrors() {
	g := flowrun.New("parse")
	texts := flowrun.Slice(g, "texts", []string{"1", "two", "3"})
	numbers := flowrun.Map(texts, "numbers", func(_ context.Context, s string) (int, error) { return strconv.Atoi(s) })
	failed := flowrun.Collect(flowrun.Errors(numbers), "failed")
	good := flowrun.Collect(numbers, "good")
	if _, err := g.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(good.Items())
	for _, e := range failed.Items() {
		fmt.Printf("%s could not take %s: %s\n", e.Node, e.Item, e.Message)
	}
	// Output:
	// [1 3]
	// numbers could not take "two": strconv.Atoi: parsing "two": invalid syntax
}

// Items that fail come by a stream of their own, as Go values with the error itself.
func ExampleFailures() {
	g := flowrun.New("numbers")
	texts := flowrun.Slice(g, "texts", []string{"1", "two", "3"})
	numbers := flowrun.Map(texts, "parse", func(_ context.Context, s string) (int, error) { return strconv.Atoi(s) })
	flowrun.Drop(numbers, "drop")
	flowrun.Each(flowrun.Failures[string](numbers), "failed", func(_ context.Context, f flowrun.Failed[string]) error {
		fmt.Println(f.Item, errors.Is(f, strconv.ErrSyntax))
		return nil
	})
	g.Run(context.Background())
	// Output:
	// two true
}

// A session ends with the item that says so: its entry leaves at once, and nothing of it
// stays in memory.
func ExampleFold_closeKey() {
	type event struct {
		User string
		End  bool
	}
	g := flowrun.New("sessions")
	events := flowrun.Slice(g, "events", []event{{"ann", false}, {"bob", false}, {"ann", true}, {"ann", false}})
	sessions := flowrun.Fold(events, "sessions", func(e event) string { return e.User }, func(n *int, e event) error {
		if *n++; e.End {
			return flowrun.CloseKey
		}
		return nil
	})
	flowrun.Each(sessions, "print", func(_ context.Context, s flowrun.Entry[string, int]) error {
		fmt.Println(s.Key, s.Value)
		return nil
	})
	g.Run(context.Background())
	// Output:
	// ann 2
	// bob 1
	// ann 1
}

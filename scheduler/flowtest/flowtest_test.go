package flowtest

import (
	"strings"
	"testing"
)

const orders = `flow: orders
types: {Order: {id: int, amount: float, place: string?, at: time}}
nodes:
  orders: {use: file.read, with: {path: orders.csv, as: Order}, on_error: dead}
  large:
    use: filter
    in: orders
    with: {where: amount > 100}
  way:
    use: route
    in: large
    with: {cases: {near: place == "here", far: place != null}}
  near: {use: file.write, in: way.near, with: {path: out/near.jsonl}}
  far: {use: file.write, in: way.far, with: {path: out/far.jsonl}}
  nowhere: {use: drop, in: way.else}
  bad: {use: file.write, in: orders.errors, with: {path: ../bad.jsonl}}
`

var ordersFiles = map[string]string{"orders.csv": "id,amount,place,at\n1,5,here,2024-01-01T00:00:00Z\n2,500,here,2024-01-02T00:00:00Z\n3,600,there,2024-01-03T00:00:00Z\n4,700,,2024-01-03T00:00:00Z\nx,1,,\n"}

// What a user writes first, and that nothing is written beside the flow.
func TestCases(t *testing.T) {
	got := outcome(t, orders, `
about: All that a case may say.
tests:
  - name: as it is
    expect:
      large: [{id: 2}, {id: 3}, {id: 4, place: null}]
      near: [{id: 2, amount: 500, at: 2024-01-02}]
      nowhere: [{id: 4}]
      orders.errors: [{item: "x,1,,", line: 6}]
    writes:
      out/near.jsonl: '{"id":2,"amount":500,"place":"here","at":"2024-01-02T00:00:00Z"}'
      out/far.jsonl: {contains: [there, '"id":3']}
      ../bad.jsonl: {contains: "x,1,,"}
      out/other.jsonl: {absent: true}
  - name: fed
    feed:
      orders:
        - {id: 7, amount: 101, place: here, at: 2024-05-05}
        - {id: 8, amount: 1e2, at: 2024-05-05}
        - {bad: nonsense, error: what is this}
    expect:
      large: {count: 1, all: amount > 100}
      orders: {contains: [{id: 8}], lacks: [{id: 9}, {place: there}]}
      orders.errors: [{error: what is this, item: nonsense}]
  - name: fed with the text of a file
    feed:
      orders: {text: "id,amount,place,at\n1,200,here,2024-01-01T00:00:00Z\noops\n"}
    expect:
      large: [{id: 1}]
      orders.errors: {count: {min: 1}}
  - name: from another file
    feed: {orders: {from: more.csv}}
    expect: {large: {from: want.jsonl, order: any}}
  - name: into an input, and the source is cut off
    feed: {way: [{id: 1, amount: 1, at: 2024-01-01}, {id: 2, amount: 1, place: here, at: 2024-01-01}]}
    expect: {way.near: [{id: 2}], way.else: [{id: 1, place: null}]}
  - name: with another setting
    with: {large: {where: amount > 650}}
    expect: {large: [{id: 4}]}
`, map[string]string{
		"orders.csv": ordersFiles["orders.csv"],
		"more.csv":   "id,amount,place,at\n1,200,a,2024-01-01T00:00:00Z\n2,201,b,2024-01-01T00:00:00Z\n",
		"want.jsonl": `{"id":2,"amount":201,"place":"b","at":"2024-01-01T00:00:00Z"}` + "\n" + `{"id":1,"amount":200,"place":"a","at":"2024-01-01T00:00:00Z"}`,
	})
	if strings.Contains(got, "FAIL") || strings.Count(got, "pass") != 6 {
		t.Error(got)
	}
}

// Each expectation can fail, and says how.
func TestDifferences(t *testing.T) {
	for expect, want := range map[string][]string{
		`expect: {large: [{id: 2}, {id: 9}, {id: 4}]}`:                       {"flow_test.yaml:4:36: large: item 2: id is 3, want 9", `got {"id":3`},
		`expect: {large: [{id: 2}, {id: 4}]}`:                                {"flow_test.yaml:4:14: large: item 2 is not expected", `got {"id":3`},
		`expect: {large: [{id: 2}, {id: 3}, {id: 3}, {id: 4}]}`:              {"large: item 3 did not come"},
		`expect: {large: []}`:                                                {"item 1 is not expected", "item 2 is not", "item 3 is not"},
		`expect: {large: {items: [{id: 4}, {id: 2}], order: any}}`:           {"item 2 is not expected", `got {"id":3`},
		`expect: {large: {items: [{id: 4}, {id: 4}, {}], order: any}}`:       {"no such item came", "nearest is item", "id is", "want 4"},
		`expect: {large: {contains: [{id: 4, place: there}]}}`:               {"no such item came", "nearest is item 2", "id is 3, want 4"},
		`expect: {large: {lacks: [{place: there}]}}`:                         {"item 2 must not come"},
		`expect: {large: {count: 4}}`:                                        {"3 items came, want 4"},
		`expect: {large: {count: {min: 1, max: 2}}}`:                         {"3 items came, want 1 to 2"},
		`expect: {large: {all: amount > 550}}`:                               {"4:27: large: this does not hold for item 1", `got {"id":2`},
		`expect: {large: {all: "1 / (amount - 600) < 100"}}`:                 {"for item 2", "division by zero"},
		`expect: {large: {items: [{id: 2}, {id: 3}, {id: 4}], exact: true}}`: {`amount is 500, want null, as it is left out`},
		`writes: {out/near.jsonl: ""}`:                                       {"out/near.jsonl: line 1 differs", "got  {", "want "},
		`writes: {out/neer.jsonl: ""}`:                                       {"out/neer.jsonl is not written", `did you mean "out/near.jsonl"`},
		`writes: {out/near.jsonl: {absent: true}}`:                           {"is written, but should not be"},
		`writes: {out/near.jsonl: {contains: abc}}`:                          {`does not contain "abc"`},
		`fails: too bad`:          {"4:12: the run succeeds, but should fail"},
		`takes: 5s`:               {"the run takes 0s, want 5s"},
		`fail: {large: no power}`: {"the run fails: large (filter): no power", "this node (flow.yaml:5:3)", "fails: MESSAGE"},
		"fail: {large: no power}\n    fails: no money":     {`another message, want "no money"`, "no power"},
		"fail: {large: no power}\n    fails: {node: near}": {"it is not near that fails"},
	} {
		got := outcome(t, orders, "\ntests:\n  - name: one\n    "+expect+"\n", ordersFiles)
		says(t, got, append([]string{"FAIL one"}, want...)...)
	}
}

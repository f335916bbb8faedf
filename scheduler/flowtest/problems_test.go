package flowtest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// Everything that is wrong with a file is said at once, with its place.
func TestProblems(t *testing.T) {
	for test, want := range map[string][]string{
		"tests: []":                       {"1:8: the file has no tests"},
		"test: []":                        {`unknown key "test"`, `did you mean "tests"?`},
		"":                                {`"tests" is required`},
		"flow: other.yaml\ntests: []":     {"1:7: the flow", "other.yaml cannot be read"},
		"tests: [{name: a}, {name: a}]":   {`there are two tests "a"`, "the first one"},
		"tests: [{nam: a}]":               {`unknown key "nam"`},
		"tests: [{name: a, clock: slow}]": {"virtual or real"},
		"tests: [{name: a, feed: {orders: [{id: x, amunt: 1}, 5]}}]": {
			`the field "amount" is missing; it is float`, "1:40: want int, got text \"x\"", `unknown field "amunt"`, `did you mean "amount"?`, "want Order"},
		"tests: [{name: a, feed: {orders: [{id: null, amount: 1, place: 5, at: today}]}}]":   {"1:40: int is never null", `in quotes: "5"`, "write 2006-01-02T15:04:05Z"},
		"tests: [{name: a, feed: {ordrs: []}}]":                                              {`1:26: the flow has no node "ordrs"`, `did you mean "orders"?`},
		"tests: [{name: a, feed: {orders.out2: []}}]":                                        {`orders has no output "out2"`},
		"tests: [{name: a, feed: {large.inn: []}}]":                                          {`large has no input "inn"`},
		"tests: [{name: a, feed: {way.near: []}}]":                                           {"way.near is an output of a node that is no source", "under stub"},
		"tests: [{name: a, feed: {orders: {from: none.jsonl}}}]":                             {"none.jsonl"},
		"tests: [{name: a, feed: {large: {from: none.jsonl}}}]":                              {"none.jsonl: no such file"},
		"tests: [{name: a, feed: {orders: {every: 1s}}}]":                                    {"one of items, from and text"},
		"tests: [{name: a, feed: {large: {text: a}}}]":                                       {"text is for sources that read a file"},
		"tests: [{name: a, feed: {large: [{bad: x}]}}]":                                      {"only sources have bad items"},
		"tests: [{name: a, feed: {large: [{at: 5s, after: 1s, amount: 1}]}}]":                {"want time", `unknown field "after"`},
		"tests: [{name: a, stub: {orders: {give: 1}}}]":                                      {"orders is a source", "under feed"},
		"tests: [{name: a, stub: {near: {give: 1}}}]":                                        {"near is a sink"},
		"tests: [{name: a, stub: {large: {when: amnt > 1, set: {idd: 1, id: place}}}}]":      {`1:40: unknown field "amnt"`, `unknown field "idd"`, "id must be int"},
		"tests: [{name: a, stub: {large: {}}}]":                                              {"does not say what comes out"},
		"tests: [{name: a, stub: {large: {give: {id: 1}}}}]":                                 {`the field "amount" is missing`},
		"tests: [{name: a, stub: {way: {give: [], port: neer}}}]":                            {`way has no output "neer"`, `did you mean "near"?`},
		"tests: [{name: a, fail: {large: {give: 1}}}]":                                       {"give is for stubs"},
		"tests: [{name: a, fail: {large: {item: 0, error: x}}}]":                             {"counted from 1"},
		"tests: [{name: a, fail: {orders: {item: 3, error: x}}}]":                            {"orders is a source: it fails as a whole"},
		"tests: [{name: a, fail: {large: {when: amount, error: x}}}]":                        {"when must be bool"},
		"tests: [{name: a, fail: {large: x}, stub: {large: {pass: true}}}]":                  {"large is a stub"},
		"tests: [{name: a, with: {large: {wher: x}}}]":                                       {`1:34: unknown key "wher"`},
		"tests: [{name: a, with: {large: {where: amnt > 1}}}]":                               {`1:41: unknown field "amnt"`},
		"tests: [{name: a, with: {lage: {}}}]":                                               {`no node "lage"`},
		"tests: [{name: a, real: large}]":                                                    {"large is no sink"},
		"tests: [{name: a, expect: {lage: []}}]":                                             {`1:28: the flow has no node "lage"`},
		"tests: [{name: a, expect: {near: [], near.in: []}}]":                                {"near is expected already", "here"},
		"tests: [{name: a, expect: {way: []}}]":                                              {"1:28: way (route) has several outputs"},
		"tests: [{name: a, expect: {way.neer: []}}]":                                         {`has no output "neer"`},
		"tests: [{name: a, expect: {way.in: []}}]":                                           {"way.in is an input", "expect what large gives"},
		"tests: [{name: a, expect: {large.errors: []}}]":                                     {"large.errors stays empty: large has on_error: fail"},
		"tests: [{name: a, expect: {large: {}}}]":                                            {"nothing is expected"},
		"tests: [{name: a, expect: {large: [{idd: 1}]}}]":                                    {`1:37: unknown field "idd"`},
		"tests: [{name: a, expect: {large: {all: id}}}]":                                     {"all must be bool"},
		"tests: [{name: a, expect: {large: {items: [], order: some}}}]":                      {"strict or any"},
		"tests: [{name: a, clock: real, expect: {large: [{after: 1s}, {id: 1}]}}]":           {"on the virtual clock only"},
		"tests: [{name: a, fails: {node: lage}}]":                                            {`no node "lage"`},
		"tests: [{name: a, takes: soon}]":                                                    {"want a duration"},
		"tests: [{name: a, vars: {x: 1}}]":                                                   {`no variable "x"`},
		"tests:\n  - name: a\n    expect: {large: [{id: 1}]\n":                               {"E001"},
		"tests: [{name: a, feed: {orders: []}, expect: {large: [{id: x}], way.near: [{}]}}]": {"want int"},
	} {
		got := outcome(t, orders, test, ordersFiles)
		if says(t, got, want...); strings.HasPrefix(got, "pass ") || strings.HasPrefix(got, "FAIL ") {
			t.Errorf("%s was run:\n%s", test, got)
		}
	}
}

// What follows from a mistake in a feed has no message of its own.
func TestOneProblemOfAFeed(t *testing.T) {
	for test, want := range map[string]string{
		"tests: [{name: a, feed: {orders: {file: x.csv}}}]":               `unknown key "file"`,
		"tests: [{name: a, feed: {orders: {}}}]":                          "a feed has one of items, from and text",
		"tests: [{name: a, feed: {orders: {every: 1s}}}]":                 "a feed has one of items, from and text",
		"tests: [{name: a, feed: {orders: {items: [], from: gone.csv}}}]": "a feed has one of items, from and text",
	} {
		if got := outcome(t, orders, test, ordersFiles); strings.Count(got, "[E") != 1 || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s", test, got)
		}
	}
}

// A flow that is wrong is said once, however many tests there are.
func TestWrongFlow(t *testing.T) {
	got := outcome(t, strings.Replace(orders, "amount > 100", "amnt > 100", 1), "tests: [{name: a}, {name: b}]", ordersFiles)
	if says(t, got, `flow.yaml:8:19: unknown field "amnt"`); strings.Count(got, "amnt\"") != 1 {
		t.Error(got)
	}
}

// A source that cannot be read here gets its type from the test.
func TestAs(t *testing.T) {
	got := outcome(t, orders, `
tests:
  - name: no file
    feed: {orders: {as: Order, items: [{id: 1, amount: 200, at: 2024-01-01}]}}
    expect: {large: [{id: 1}]}
  - name: wrong
    feed: {orders: {as: "{id: int}", items: [{id: 1}]}}
`, nil)
	says(t, got, `unknown field "amount"`)
}

func TestJSONSchema(t *testing.T) {
	text, err := json.Marshal(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"tests", "feed", "stub", "expect", "give", "tolerance", "absent"} {
		if !strings.Contains(string(text), `"`+key+`"`) {
			t.Errorf("%s is not in %s", key, text)
		}
	}
}

// FuzzLoad looks for test files that break the reader, or that are refused without a
// word. Nothing is run.
func FuzzLoad(f *testing.F) {
	for _, test := range []string{
		"tests: [{name: a, feed: {orders: [{id: 1, amount: 2, at: 2024-01-01}, {after: 5s}, {bad: x}]}, expect: {large: {items: [{id: 1}], order: any}}}]",
		"tests: [{name: a, stub: {large: [{when: id > 1, give: {id: 1, amount: 2, at: 2024-01-01}}, {set: {id: id + 1}}]}, fail: {way: {item: [1, 2], error: x, times: 2}}}]",
		"vars: {a: 1}\ntests: [{name: a, with: {large: {where: id > 1}}, real: near, stop: 5s, takes: {min: 1s}, fails: {node: near, error: x}, writes: {out/near.jsonl: {contains: x}, '-': abc}}]",
		"tests: [{name: a, feed: {orders: {text: 'id,amount'}}}, {name: b, feed: {way.in: {items: [], every: 5s}}, expect: {nowhere: [], orders.errors: {count: {max: 5}}}}]",
	} {
		f.Add(test)
	}
	reg := registry(f)
	dir := folder(f, orders, "", ordersFiles)
	f.Fuzz(func(t *testing.T, test string) {
		if strings.Contains(test, "from") || strings.Contains(test, "flow") || strings.Contains(test, "path") {
			return // files outside of the folder
		}
		file, list := Load(diag.NewSource(dir+"/flow_test.yaml", []byte(test)), reg, Options{})
		if file == nil {
			if !list.HasErrors() {
				t.Fatal("no file and no problem")
			}
			return
		}
		defer file.Close()
		for _, c := range file.Cases {
			if c.flow == nil && !list.HasErrors() {
				t.Fatal("no flow and no problem")
			}
		}
	})
}

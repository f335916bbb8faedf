package cli_test

import (
	"strings"
	"testing"
)

// Mistakes that have nothing to do with each other are all told in one call, and nothing is
// told that is not one: what follows from a mistake has no message of its own.
func TestEveryMistakeInOneCall(t *testing.T) {
	for name, c := range map[string]struct {
		flow string
		want []string // codes and a part of each message, in the order of the file
	}{
		"missing file, declared type": {`
nodes:
  src: {use: file.read, with: {path: none.csv, as: {id: int, t: string}}}
  m: {use: map, in: src, with: {set: {y: idd + 1}}}
  out: {use: file.write, in: m, with: {path: o.jsonl}}
`, []string{`E401 there is no file`, `E301 unknown field "idd"`}},
		"missing file, lines": {`
nodes:
  src: {use: file.read, with: {path: none.log}}
  m: {use: map, in: src, with: {set: {y: lin + "x"}}}
  out: {use: file.write, in: m, with: {path: o.jsonl}}
`, []string{`E401 there is no file`, `E301 unknown field "lin"`}},
		"missing file, wrong type": {`
nodes:
  src: {use: file.read, with: {path: none.csv, as: Ordr}}
  out: {use: file.write, in: src, with: {path: o.jsonl}}
`, []string{`E401 there is no file`, `E305 unknown type "Ordr"`}},
		"missing file, unknown function without a type": {`
nodes:
  src: {use: file.read, with: {path: none.csv}}
  m: {use: map, in: src, with: {set: {y: nosuch(1)}}}
  out: {use: file.write, in: m, with: {path: o.jsonl}}
`, []string{`E401 there is no file`, `E304 unknown function "nosuch"`}},
		"missing file, syntax without a type": {`
nodes:
  src: {use: file.read, with: {path: none.csv}}
  f: {use: filter, in: src, with: {where: "a >"}}
  out: {use: file.write, in: f, with: {path: o.jsonl}}
`, []string{`E401 there is no file`, `E302`}},
		"unknown format, declared type": {`
nodes:
  src: {use: file.read, with: {path: data.bin, as: {id: int}}}
  m: {use: map, in: src, with: {set: {y: idd + 1}}}
  out: {use: file.write, in: m, with: {path: o.jsonl}}
`, []string{`E102 the format of data.bin`, `E301 unknown field "idd"`}},
		"two files missing": {`
nodes:
  src: {use: file.read, with: {path: [none.csv, nope.csv], as: {id: int}}}
  out: {use: file.write, in: src, with: {path: o.jsonl}}
`, []string{`E401 there is no file none.csv`, `E401 there is no file nope.csv`}},
		"unknown kind, unknown source": {`
nodes:
  src: {use: generate, with: {count: 3}}
  m: {use: mapp, in: srcc, with: {set: {y: n}}}
  out: {use: drop, in: src}
`, []string{`E104 unknown kind "mapp"`, `E201 unknown node "srcc"`}},
		"unknown kind, unknown port": {`
nodes:
  src: {use: generate, with: {count: 3}}
  m: {use: mapp, in: {left: src.oout, right: {from: sr}}}
  out: {use: drop, in: src}
`, []string{`E104 unknown kind "mapp"`, `E202 src (generate) has no output "oout"`, `E201 unknown node "sr"`}},
		"no kind, unknown source": {`
nodes:
  src: {use: generate, with: {count: 3}}
  m: {in: [src, srcc]}
`, []string{`E102 node "m" does not say what it is`, `E201 unknown node "srcc"`}},
		"unknown kind, contract": {`
nodes:
  src: {use: generate, with: {count: 3}}
  m: {use: mapp, in: {from: src, capacity: none}}
`, []string{`E104 unknown kind "mapp"`, `E103`}},
		"a duration that is none": {`
nodes:
  src: {use: generate, with: {count: 3}}
  w: {use: window, in: src, with: {size: later, time: timee, set: {c: count()}}}
  out: {use: drop, in: w}
`, []string{`E103`, `E301 unknown field "timee"`}},
		"a duration that is none, alone": {`
nodes:
  src: {use: generate, with: {count: 3}}
  w: {use: window, in: src, with: {size: later, time: 'time("2026-01-01T00:00:00Z")', set: {c: count()}}}
  out: {use: drop, in: w}
`, []string{`E103`}},
		"a count that is none": {`
nodes:
  src: {use: generate, with: {count: 3}}
  w: {use: window, in: src, with: {count: many, set: {c: countt()}}}
  out: {use: drop, in: w}
`, []string{`E103`, `E304 unknown function "countt"`}},
		"a session that is none": {`
nodes:
  src: {use: generate, with: {count: 3}}
  w: {use: window, in: src, with: {session: soon, time: 'time("2026-01-01T00:00:00Z")', set: {c: count()}}}
  out: {use: drop, in: w}
`, []string{`E103`}},
		"unknown setting and expression": {`
nodes:
  src: {use: generate, with: {count: 3, speed: 5}}
  f: {use: filter, in: src, with: {where: m > 1, wehre: true}}
  out: {use: drop, in: f}
`, []string{`E101 unknown key "speed"`, `E301 unknown field "m"`, `E101 unknown key "wehre"`}},
		"missing setting and unknown source": {`
nodes:
  src: {use: generate, with: {count: 3}}
  f: {use: filter, in: srcc}
  out: {use: drop, in: f}
  out2: {use: drop, in: src}
`, []string{`E102 the key "where" is required`, `E201 unknown node "srcc"`}},
		"join without a source": {`
nodes:
  src: {use: generate, with: {count: 3}}
  j: {use: join, in: {left: src, right: srcc}, with: {on: nn, kind: lef}}
  out: {use: drop, in: j}
`, []string{`E201 unknown node "srcc"`, `E301 left has no field "nn"`, `E103`}},
		"two unknown fields of a map": {`
nodes:
  src: {use: generate, with: {count: 3}}
  m: {use: map, in: src, with: {set: {a: x, b: y + 1}, drop: [zz]}}
  out: {use: drop, in: m}
`, []string{`E301 unknown field "x"`, `E301 unknown field "y"`, `E301 unknown field "zz"`}},
		"two mistakes in one expression": {`
nodes:
  src: {use: generate, with: {count: 3}}
  m: {use: map, in: src, with: {set: {a: x + nosuch(n)}}}
  out: {use: drop, in: m}
`, []string{`E301 unknown field "x"`, `E304 unknown function "nosuch"`}},
		"a cycle and an expression": {`
nodes:
  src: {use: generate, with: {count: 3}}
  a: {use: merge, in: [src, b]}
  b: {use: filter, in: a, with: {where: nosuch(1)}}
  out: {use: drop, in: src}
`, []string{`E205 cycle`, `E304 unknown function "nosuch"`}},
		"a type and a variable": {`
types: {R: {id: itn}}
nodes:
  src: {use: file.read, with: {path: "${NOPE}", as: R}}
  out: {use: drop, in: srcc}
`, []string{`E305 unknown type "itn"`, `E004`, `E201 unknown node "srcc"`}},
		"two writers": {`
nodes:
  src: {use: generate, with: {count: 3}}
  a: {use: file.write, in: src, with: {path: "o-*.jsonl"}}
  b: {use: file.write, in: src, with: {path: "o-*.xyz", split: nn}}
`, []string{`E103 "o-*.jsonl" has a *`, `E102 the format of o-*.xyz`, `E301 unknown field "nn"`}},
		"sort and unique": {`
nodes:
  src: {use: generate, with: {count: 3}}
  s: {use: sort, in: src, with: {by: m}}
  u: {use: unique, in: s, with: {by: k}}
  out: {use: drop, in: u}
`, []string{`E301 unknown field "m"`, `E301 unknown field "k"`}},
		"route and what reads it": {`
nodes:
  src: {use: generate, with: {count: 3}}
  r: {use: route, in: src, with: {cases: {big: m > 1}}}
  a: {use: drop, in: r.bigg}
  b: {use: drop, in: r.big}
`, []string{`E301 unknown field "m"`, `E202 r (route) has no output "bigg"`}},
		"route whose settings are wrong": {`
nodes:
  src: {use: generate, with: {count: 3}}
  r: {use: route, in: src, with: {cases: [big]}}
  a: {use: filter, in: r.big, with: {where: nosuch(1)}}
  b: {use: drop, in: a}
`, []string{`E103`, `E304 unknown function "nosuch"`}},
		"a stride that is none": {`
nodes:
  src: {use: generate, with: {count: 3}}
  w: {use: window, in: src, with: {count: 3, every: often, set: {c: count()}}}
  out: {use: drop, in: w}
`, []string{`E103`}},
		"sample": {`
nodes:
  src: {use: generate, with: {count: 3}}
  s: {use: sample, in: src, with: {rate: lots}}
  out: {use: drop, in: s}
`, []string{`E103`}},
		"group by and set": {`
nodes:
  src: {use: generate, with: {count: 3}}
  g: {use: group, in: src, with: {by: k, set: {s: sum(v)}}}
  out: {use: drop, in: g}
`, []string{`E301 unknown field "k"`, `E301 unknown field "v"`}},
		"a clash of six names": {`
nodes:
  src: {use: generate, with: {count: 3}}
  l: {use: map, in: src, with: {set: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6}}}
  j: {use: join, in: {left: l, right: l}, with: {on: n}}
  out: {use: drop, in: j}
`, []string{`E307 left and right both have 6 fields: "a", "b", "c", "d", "e", "f"`}},
		"a clash of six names in time": {`
nodes:
  src: {use: generate, with: {count: 3}}
  l: {use: map, in: src, with: {set: {t: 'time("2026-01-01T00:00:00Z")', a: 1, b: 2}}}
  j: {use: window_join, in: {left: l, right: l}, with: {on: n, time: t, within: 1m}}
  out: {use: drop, in: j}
`, []string{`E307 left and right both have 3 fields: "t", "a", "b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			folder(t, map[string]string{"f.yaml": c.flow, "data.bin": "x"})
			r := call("", "check", "f.yaml", "--json")
			type found struct{ Severity, Code, Message string }
			var got []string
			for _, d := range parse[[]found](t, r.out) {
				if d.Severity == "error" {
					got = append(got, d.Code+" "+d.Message)
				}
			}
			ok := len(got) == len(c.want)
			for i := range min(len(got), len(c.want)) {
				ok = ok && strings.HasPrefix(got[i], c.want[i])
			}
			if !ok {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

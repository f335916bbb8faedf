package window_test

import "testing"

// Ints that no float is stay what they are: as keys they have no partner, and among floats
// their items fail.
func TestLargeIntsBesideFloats(t *testing.T) {
	in := map[string]string{
		"l.jsonl": `{"k":9007199254740993,"at":"2026-01-01T10:00:00Z"}` + "\n" + `{"k":null,"at":"2026-01-01T10:00:01Z"}` + "\n" + `{"k":9007199254740992,"at":"2026-01-01T10:00:02Z"}` + "\n",
		"r.jsonl": `{"k":9007199254740992.0,"at":"2026-01-01T10:00:00Z"}` + "\n" + `{"k":0.5,"at":"2026-01-01T10:00:03Z"}` + "\n",
	}
	const read = `flow: f
types: {L: {k: int?, at: time}, R: {k: float, at: time}}
nodes:
  l: {use: file.read, with: {path: l.jsonl, as: L}}
  r: {use: file.read, with: {path: r.jsonl, as: R}}
  out: {use: file.write, in: it, with: {path: "-", format: jsonl}}
`
	check(t, read+"  it: {use: window_join, in: {left: l, right: r}, with: {on: k, time: at, within: 1m, kind: left, prefix: r_}}\n", in, map[string]string{
		"-": `{"k":9007199254740992,"at":"2026-01-01T10:00:02Z","r_at":"2026-01-01T10:00:00Z"}` + "\n" +
			`{"k":9007199254740993,"at":"2026-01-01T10:00:00Z","r_at":null}` + "\n" + `{"k":null,"at":"2026-01-01T10:00:01Z","r_at":null}` + "\n",
	})
	check(t, read+"  it: {use: window, in: [l, r], on_error: dead, with: {time: at, size: 1h, by: k, set: {n: count()}}}\n"+
		"  why: {use: map, in: it.errors, with: {select: [item]}}\n  dead: {use: file.write, in: why, with: {path: dead.jsonl}}\n", in, map[string]string{
		"-": `{"k":null,"start":"2026-01-01T10:00:00Z","end":"2026-01-01T11:00:00Z","n":1}` + "\n" +
			`{"k":9007199254740992,"start":"2026-01-01T10:00:00Z","end":"2026-01-01T11:00:00Z","n":2}` + "\n" + `{"k":0.5,"start":"2026-01-01T10:00:00Z","end":"2026-01-01T11:00:00Z","n":1}` + "\n",
		"dead.jsonl": `{"item":{"k":9007199254740993,"at":"2026-01-01T10:00:00Z"}}` + "\n",
	})
}

// Package diff says what differs between two versions of a flow, as a good review
// would: which nodes and edges came, went or changed, which settings, from what to
// what, and which types follow.
//
//	d := diff.Compare(before, after)
//	fmt.Println(d.Summary()) // 1 node added, 1 changed; 2 edges added, 1 removed
//
// # Terms
//
// The old and the new flow are compiled flows; they may have errors, and are then
// compared as far as they are known. A pair is a node of both: the one with the
// same id, or one that was renamed. A mark says what became of a node or an edge:
// added, removed, changed, renamed, affected, or nothing.
//
// # Laws
//
//  1. Nodes are the same by their id. A node that went and one that came are one
//     that was renamed if kind, settings and wiring are equal, the wiring up to
//     other renames; twins that cannot be told apart are paired in order.
//  2. Settings are compared as they are written, before variables are filled in: a
//     value of the environment is never shown. A setting that is not written has
//     its default, so writing the default changes nothing. A setting that mentions
//     a variable of the file changes when the variable does. What package redact
//     takes for a secret is hidden.
//  3. Types are those of the compiled flows. A node whose own text is unchanged and
//     whose ports have other types is affected, not changed: it shows how far a
//     change reaches.
//  4. Nothing here reads a file. The same two flows give the same difference, in the
//     order of the new flow, with what was removed behind what it stood behind.
//
// A flow that a program built has no text; its settings cannot be compared, and
// only kinds, edges and types are.
package diff

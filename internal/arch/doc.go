// Package arch says which package of flowrun may import which, and finds imports that no
// rule allows.
//
// Law. What no rule allows is forbidden: a package without a rule, an import that its rule
// does not name, and an import of tests that the rule does not name for tests. The rules
// stand from the ground up, and each may name only what stands before it, so no arrow goes
// up, whatever a rule says. A rule that allows what nobody needs any more is stale, which is
// wrong too: the list is what the house is, not what it may become.
//
// The test of the root package checks the code by it; archdraw makes the table of
// ARCHITECTURE.md of it.
package arch

// Package join is the pack of kinds that put items together by key: join, across
// two inputs, and group, within one.
//
// Laws, beyond those of package nodes.
//  1. The order of what comes out is that of the input: of the left one for join,
//     of the first item of each key for group.
//  2. Keys are computed by all workers at once; what depends on order is done in
//     order.
//  3. What is kept is said in the documentation of the kind.
package join

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes are the kinds of the pack.
var Nodes = nodes.Pack(docs, groupDecl, joinDecl)

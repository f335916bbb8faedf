// Package join is the pack of kinds that put items together by key: join, across
// two inputs, and group, within one.
//
// Laws, beyond those of package nodes.
//  1. The output has the order of the input: for join that of the left one, for group
//     that of the first item of each key.
//  2. Keys are computed by all workers at once; what depends on order is done in order.
//  3. The documentation of a kind says what it keeps.
package join

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes are the kinds of the pack.
var Nodes = nodes.Pack(docs, groupDecl, joinDecl)

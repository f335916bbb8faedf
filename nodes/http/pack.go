package http

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes are the kinds of the pack.
var Nodes = nodes.Pack(docs, callDecl, listenDecl, pollDecl, postDecl, replyDecl)

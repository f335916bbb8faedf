package graph

import (
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
)

// This file warns of secrets that are written in a flow, and keeps them out of excerpts.

// openSecrets looks at the settings of a node.
func (c *compiler) openSecrets(n *Node, with *config.Value) {
	n.Spec.Config.Secrets(with, func(w config.WrittenSecret) {
		told := w.Address || isTold(w)
		if told || w.Free && !w.Unwanted {
			w.Hide(told)
		}
		if !told {
			return
		}
		if w.Unwanted { // there is an error already
			return
		}
		if w.Address {
			c.list.Warn(diag.OpenSecret, w.At, "the password in %s of %s is written in the flow", w.Name, n.ID).
				WithHint("take the whole address from elsewhere: %s: ${env:NAME} for a variable of the environment, %s: ${file:/path} for a file", w.Name, w.Name)
			return
		}
		c.list.Warn(diag.OpenSecret, w.At, "the secret %s of %s is written in the flow", w.Name, n.ID).
			WithHint("take it from elsewhere: %s: ${env:NAME} for a variable of the environment, %s: ${file:/path} for a file", w.Name, w.Name)
	})
}

// isTold reports whether the value of a setting for secrets is one for sure. Headers and
// variables of a command need not be, and a private key may be the name of a file.
func isTold(w config.WrittenSecret) bool {
	if redact.IsSecret(w.Name) {
		return true
	}
	if w.Free {
		return redact.Text(w.Text) != w.Text // such as Bearer ...
	}
	return w.InBlock || !strings.ContainsAny(w.Text, `/\`) && filepath.Ext(w.Text) == ""
}

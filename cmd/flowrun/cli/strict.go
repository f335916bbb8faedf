package cli

import (
	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph/diag"
)

// A strictness says whether warnings are as bad as errors: the flag --strict.
type strictness bool

// flag adds --strict to a verb.
func (s *strictness) flag(verb *cobra.Command) {
	for name, what := range map[string]string{"strict": "treat warnings as errors", "deny-warnings": "the same as --strict"} {
		verb.Flags().BoolVar((*bool)(s), name, false, what)
	}
	verb.Flags().MarkHidden("deny-warnings")
}

// forbids reports whether a list has what must not be.
func (s strictness) forbids(list diag.List) bool {
	return list.HasErrors() || bool(s) && len(list) > 0
}

// codeOfProblems is the code of a call that a list of problems ends: if all errors are
// that a peer does not answer, the flow may be right.
func codeOfProblems(list diag.List) int {
	unreachable := false
	for _, d := range list {
		if d.Severity != diag.Error {
			continue
		}
		if d.Code != diag.Unreachable {
			return codeMisuse
		}
		unreachable = true
	}
	if unreachable {
		return codeUnreachable
	}
	return codeMisuse
}

// errRefused is why a flow is not run.
func (s strictness) errRefused(list diag.List) string {
	if list.HasErrors() {
		return "the flow has errors"
	}
	return "the flow has warnings, which --strict takes for errors"
}

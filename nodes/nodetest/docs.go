package nodetest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/graph"
)

// This file checks that kinds are documented.

// kindName is what a kind may be called: words of lower case, joined by points.
var kindName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// undocumented lists what the declaration of a kind does not say, or not in
// sentences.
func undocumented(spec *graph.Spec) []string {
	var wrong []string
	sentence := func(what, text string) {
		switch text = strings.TrimSpace(text); {
		case text == "":
			wrong = append(wrong, what+" has no documentation")
		case !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "```"):
			wrong = append(wrong, fmt.Sprintf("the documentation of %s does not end with a period: %q", what, text))
		}
	}
	if !kindName.MatchString(spec.Kind) {
		wrong = append(wrong, fmt.Sprintf("%q is no name of a kind", spec.Kind))
	}
	sentence("the kind", spec.Summary)
	if spec.Doc != "" {
		sentence("the kind", spec.Doc)
	}
	for _, p := range spec.In {
		sentence("input "+p.Name, p.Doc)
	}
	for _, p := range spec.Out {
		sentence("output "+p.Name, p.Doc)
	}
	for _, f := range spec.Config.Fields() {
		sentence("setting "+f.Name, f.Doc)
	}
	for _, line := range []struct{ name, text string }{
		{"emits", spec.Lines.Emits}, {"waits", spec.Lines.Waits}, {"ends", spec.Lines.Ends}, {"fails", spec.Lines.Fails},
	} {
		if line.text == "" {
			wrong = append(wrong, "it does not say when it "+line.name)
		} else if strings.HasSuffix(line.text, ".") {
			wrong = append(wrong, fmt.Sprintf("when it %s is a clause without a period, not %q", line.name, line.text))
		}
	}
	if len(spec.Examples) == 0 {
		wrong = append(wrong, "it has no example: declare one with nodes.Example")
	}
	for _, e := range spec.Examples {
		if e.Title == "" {
			wrong = append(wrong, "an example has no title")
		}
	}
	return wrong
}

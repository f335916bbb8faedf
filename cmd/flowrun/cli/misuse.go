package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file puts what is wrong with a command line into words.

// foreignVerbs are what other programs call our verbs.
var foreignVerbs = map[string]string{
	"start": "run", "exec": "run", "execute": "run", "submit": "run", "init": "new", "create": "new", "generate": "new",
	"draw": "render", "dot": "render", "plot": "render", "show": "types", "infer": "types", "describe": "nodes", "kinds": "nodes",
	"explain": "plan", "predict": "plan", "tune": "advise", "optimize": "advise", "profile": "advise",
	"components": "nodes", "format": "fmt", "blobl": "eval", "vrl": "eval", "expr": "eval", "verify": "check", "compile": "check",
}

// fromCobra puts an error of the parser of the command line into our words. All
// of them are misuses: errors of verbs are endings.
func fromCobra(err error, tree *cobra.Command, command string) *ending {
	text, unknown := strings.CutPrefix(err.Error(), "unknown command ")
	if !unknown {
		return misuse("%w", err).or("%s help lists the verbs", command)
	}
	verb := text
	if quoted, qerr := strconv.QuotedPrefix(text); qerr == nil {
		verb, _ = strconv.Unquote(quoted)
	}
	end := misuse("unknown verb %q", verb).or("%s help lists the verbs", command)
	if strings.HasSuffix(verb, ".yaml") || strings.HasSuffix(verb, ".yml") {
		return end.or("to run a flow: %s run %s", command, shellWord(verb))
	}
	if near := foreignVerbs[verb]; near != "" {
		return end.or("did you mean %q?", near)
	}
	if near := diag.Nearest(verb, verbNames(tree)); near != "" {
		return end.or("did you mean %q?", near)
	}
	return end
}

// verbNames lists every verb with its aliases.
func verbNames(tree *cobra.Command) []string {
	var names []string
	for _, verb := range tree.Commands() {
		if !verb.Hidden {
			names = append(append(names, verb.Name()), verb.Aliases...)
		}
	}
	return names
}

// wrongFlag puts an error of the parser of flags into our words.
func wrongFlag(verb *cobra.Command, err error) error {
	if err == pflag.ErrHelp {
		return err
	}
	see := fmt.Sprintf("%s --help lists the flags", verb.CommandPath())
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if other := foreignFlags[unknown.GetSpecifiedName()]; other != "" && strings.Contains(verb.Use, "FLOW") {
			see = fmt.Sprintf("%s: %s", other, verb.UseLine())
		}
		if group := unknown.GetSpecifiedShortnames(); group != "" {
			if verb.Name() == "eval" {
				return misuse("-%s is taken for a flag of eval, and there is none", group).or("what begins with a dash stands behind two of them: %s -- %s", verb.CommandPath(), shellWord("-"+group))
			}
			return misuse("unknown flag -%s of %s", unknown.GetSpecifiedName(), verb.Name()).or("%s", see)
		}
		name := unknown.GetSpecifiedName()
		end := misuse("unknown flag --%s of %s", name, verb.Name()).or("%s", see)
		if near := diag.Nearest(name, flagNames(verb)); near != "" {
			end.or("did you mean --%s?", near)
		}
		return end
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return misuse("%s needs a value", flagWords(missing.GetFlag())).or("%s", see)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := invalid.GetFlag()
		return misuse("%s: want %s, got %q", flagWords(f), valueWords(f), invalid.GetValue()).or("%s", see)
	}
	return misuse("%w", err).or("%s", see)
}

func flagNames(verb *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	verb.LocalFlags().VisitAll(add)
	verb.InheritedFlags().VisitAll(add)
	return names
}

// flagWords names a flag as it is most often written.
func flagWords(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand + ", --" + f.Name
	}
	return "--" + f.Name
}

// valueWords says what a flag takes.
func valueWords(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "bool":
		return "true or false"
	case "duration":
		return "a duration such as 30s or 5m"
	}
	return f.Value.Type()
}

// oneOf wants a flag to be one of a few words.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	end := misuse("--%s %s: want %s", flag, value, strings.Join(words, ", "))
	if near := diag.Nearest(value, words); near != "" {
		end.or("did you mean %q?", near)
	}
	return end
}

// wantFlow gives the arguments of a verb that takes one flow, or at least one.
func wantFlow(several bool) cobra.PositionalArgs {
	return func(verb *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			end := misuse("%s needs a flow", verb.Name()).or("%s flow.yaml; - reads it from standard input", verb.CommandPath())
			if near := flowsHere(); len(near) > 0 {
				end.or("%s %s", verb.CommandPath(), near[0])
			}
			return end
		case strandedValue(verb, args[0]) != "":
			flow := "FLOW"
			if len(args) > 1 {
				flow = args[1]
			}
			name := strandedValue(verb, args[0])
			return misuse("%s is no flow", args[0]).or("the value of --%s stands behind a =: %s %s --%s=%s", name, verb.CommandPath(), shellWord(flow), name, shellWord(args[0]))
		case len(args) > 1 && !several:
			return misuse("%s takes one flow, got %d", verb.Name(), len(args)).or("%s", insteadOf(verb, args))
		}
		return nil
	}
}

// insteadOf says what the second argument of a verb that takes one was meant to be.
func insteadOf(verb *cobra.Command, args []string) string {
	second := args[1]
	if strings.Contains(second, "=") {
		return "a variable is set by -s " + shellWord(second)
	}
	optional := withoutValue(verb)
	switch {
	case optional != "" && !isYAML(second):
		return fmt.Sprintf("the value of --%s stands behind a =: --%s=%s", optional, optional, shellWord(second))
	case verb.Flags().Lookup("output") != nil && !isYAML(second):
		return "the file to write is given by -o " + shellWord(second)
	}
	return "one call for each"
}

// withoutValue gives the flag that was given without the value that it can do without, "" if
// there is none.
func withoutValue(verb *cobra.Command) (name string) {
	verb.Flags().Visit(func(f *pflag.Flag) {
		if f.NoOptDefVal != "" && f.Value.Type() != "bool" && f.Value.String() == f.NoOptDefVal {
			name = f.Name
		}
	})
	return name
}

// strandedValue gives the flag that an argument in the place of a flow was meant for: a port
// or an address; "" if it may be a flow.
func strandedValue(verb *cobra.Command, arg string) (name string) {
	name = withoutValue(verb)
	if _, err := os.Stat(arg); name == "" || err == nil || isYAML(arg) {
		return ""
	}
	port := arg[strings.LastIndexByte(arg, ':')+1:]
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return ""
	}
	return name
}

// foreignFlags are flags that other programs have for what is done otherwise here.
var foreignFlags = map[string]string{
	"c": "a flow is named without a flag", "config": "a flow is named without a flag", "f": "a flow is named without a flag", "file": "a flow is named without a flag",
	"p": "--workers N sets the number of workers", "parallelism": "--workers N sets the number of workers", "threads": "--workers N sets the number of workers",
	"var": "a variable is set by -s NAME=value", "param": "a variable is set by -s NAME=value", "e": "a variable is set by -s NAME=value",
}

// flowsHere lists what looks like flows in the folder the user is in.
func flowsHere() []string {
	entries, _ := os.ReadDir(".")
	var found []string
	for _, e := range entries {
		if !e.IsDir() && isYAML(e.Name()) {
			found = append(found, e.Name())
		}
	}
	return found
}

// atMost wants no more than n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(verb *cobra.Command, args []string) error {
		if len(args) > n {
			return misuse("%s: %q is one argument too many", verb.Name(), args[n]).or("%s --help says what it takes", verb.CommandPath())
		}
		return nil
	}
}

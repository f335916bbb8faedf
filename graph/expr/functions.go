package expr

import (
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph/types"
)

// This file has the list of functions, and how a function is declared.

// A FuncInfo describes a function, for docs and completion.
type FuncInfo struct {
	Name      string
	Group     string // text, number, time, list, null, convert or aggregate
	Signature string // such as "upper(text: string) string"
	Summary   string
	Example   string // an expression that is true, "" for those that depend on the clock or on rows
}

// Functions lists all functions, by group and name. The aggregates of
// CheckAggregate come last.
func Functions() []FuncInfo {
	var infos []FuncInfo
	for _, f := range allFunctions() {
		infos = append(infos, FuncInfo{f.name, f.group, f.sig, f.summary, f.example})
	}
	for _, a := range aggregates {
		infos = append(infos, FuncInfo{a.name, "aggregate", a.sig, a.summary, ""})
	}
	return infos
}

// A call computes a function of arguments that are not null. Optional arguments
// that are not given are not there.
type call func(r *row, args []value) (value, error)

// A function is one that expressions can call. Most are strict: null in an
// argument gives null. Such a function has a signature that the checker reads and
// either eval or bind.
type function struct {
	sig     string // types as in flows; number, ordered, time|date and T stand for any type of that sort
	summary string
	example string
	eval    call
	// bind makes the call for a node: by the types of its arguments and with what
	// can be prepared from those that are constant. An error is a mistake in one
	// of these, an *argError.
	bind   func(n *node) (call, error)
	impure bool // may give something else next time
	// special checks functions that are not strict or that have a body.
	special func(c *checker, s *callSite) *node

	name   string
	group  string
	params []param
	result *types.Type
}

// A param is a parameter of a strict function.
type param struct {
	name     string
	typ      *types.Type
	optional bool
	variadic bool // any number of them, including none
}

// An argError is a constant argument that cannot be used.
type argError struct {
	arg int
	err error
}

func (e *argError) Error() string { return e.err.Error() }

// table is filled when first asked for: the checks of special functions look
// functions up, which the language does not allow in initialisers.
var table struct {
	once   sync.Once
	all    []*function
	byName map[string]*function
}

func allFunctions() []*function {
	table.once.Do(func() {
		table.byName = map[string]*function{}
		for _, g := range []struct {
			name string
			list []function
		}{
			{"text", textFunctions()}, {"number", numberFunctions()}, {"time", timeFunctions()},
			{"list", listFunctions()}, {"null", nullFunctions()}, {"convert", convertFunctions()},
		} {
			slices.SortFunc(g.list, func(a, b function) int { return strings.Compare(a.sig, b.sig) })
			for i := range g.list {
				f := &g.list[i]
				f.group = g.name
				f.parse()
				table.all = append(table.all, f)
				table.byName[f.name] = f
			}
		}
	})
	return table.all
}

// functionNamed finds a function, nil if there is none.
func functionNamed(name string) *function {
	allFunctions()
	return table.byName[name]
}

func functionNames() []string {
	var names []string
	for _, f := range allFunctions() {
		names = append(names, f.name)
	}
	return names
}

// variables are the names that stand for types in signatures.
var variables = map[string]*types.Type{
	"T": types.Variable("T"), "number": types.Variable("number"), "ordered": types.Variable("ordered"),
	timeOrDate: types.Variable(timeOrDate),
}

// timeOrDate stands for either in signatures.
const timeOrDate = "time|date"

// parse reads the signature. Signatures are constants of this package, so a
// mistake in one is a panic that the first test finds.
func (f *function) parse() {
	name, rest, _ := strings.Cut(f.sig, "(")
	f.name = name
	if f.special != nil {
		return
	}
	end := strings.LastIndexByte(rest, ')')
	f.result = signatureType(rest[end+1:])
	if rest[:end] == "" {
		return
	}
	for p := range strings.SplitSeq(rest[:end], ", ") {
		name, text, _ := strings.Cut(p, ": ")
		text, _, optional := strings.Cut(text, " = ")
		text, variadic := strings.CutSuffix(text, "...")
		f.params = append(f.params, param{name, signatureType(text), optional || variadic, variadic})
	}
}

func signatureType(text string) *types.Type {
	if text == timeOrDate {
		return variables[timeOrDate]
	}
	t, err := types.Parse(text, variables)
	if err != nil {
		panic("expr: signature: " + err.Error())
	}
	return t
}

// arity gives how many arguments a strict function takes; most is -1 if there is
// no limit.
func (f *function) arity() (least, most int) {
	for _, p := range f.params {
		if !p.optional {
			least++
		}
		if most++; p.variadic {
			return least, -1
		}
	}
	return least, most
}

// param gives the parameter of argument i.
func (f *function) param(i int) param { return f.params[min(i, len(f.params)-1)] }

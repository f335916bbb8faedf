package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// A testCall is a call of the verb test.
type testCall struct {
	*call
	run      string
	verbose  bool
	json     bool
	coverage bool
	strict   strictness
	limit    time.Duration

	pattern  *regexp.Regexp
	files    []fileResult
	coverOf  map[string]*flowtest.Coverage // by the path of a flow
	coverAll []string                      // the paths, in order
}

// A fileResult is what came of a test file, as --json shows it.
type fileResult struct {
	File     string       `json:"file"`
	Flow     string       `json:"flow,omitempty"`
	Problems diag.List    `json:"problems,omitempty"`
	Tests    []caseResult `json:"tests"`
}

type caseResult struct {
	Name        string        `json:"name"`
	Passed      bool          `json:"passed"`
	Took        time.Duration `json:"took_ns"`
	Virtual     time.Duration `json:"virtual_ns"`
	Differences diag.List     `json:"differences,omitempty"`
}

func testVerb(c *call) *cobra.Command {
	t := &testCall{call: c, coverOf: map[string]*flowtest.Coverage{}}
	verb := &cobra.Command{
		Use:     "test [FILE|FLOW|FOLDER...]",
		GroupID: groupFlow,
		Short:   "Run the tests of flows: *" + flowtest.Suffix,
		Long: `Runs test files, by default all *` + flowtest.Suffix + ` below the folder you are in. A test file
stands beside its flow (shop_test.yaml beside shop.yaml) and feeds it, stubs nodes,
makes nodes fail on purpose, and says what must come out:

  tests:
    - name: late flights only
      feed:
        flights: [{id: 1, delay: 20}, {id: 2, delay: 10}]
      expect:
        late: [{id: 1}]

Time is virtual: hours of waiting pass at once. Sinks write nothing outside of a
folder of the test. docs/testing.md tells the rest.

Ends with 1 if a test fails, with 2 if a test file or its flow is wrong, or with
--strict if the flow has a warning.`,
		Example: `  flowrun test
  flowrun test flows/quickstart_test.yaml -v
  flowrun test flows --run 'late|retry' --coverage`,
		ValidArgsFunction: completeFlows,
		RunE:              func(_ *cobra.Command, args []string) error { return t.test(args) },
	}
	f := verb.Flags()
	f.StringVar(&t.run, "run", "", "run the tests whose name matches the regular `EXPRESSION`")
	f.BoolVarP(&t.verbose, "verbose", "v", false, "name every test")
	f.BoolVar(&t.json, "json", false, "print the results as JSON on standard output")
	f.BoolVar(&t.coverage, "coverage", false, "say which nodes, ports and branches no test went through")
	t.strict.flag(verb)
	durationFlag(f, &t.limit, "limit", 30*time.Second, "how long one test may take by the wall clock")
	return verb
}

func (t *testCall) test(args []string) error {
	var err error
	if t.pattern, err = regexp.Compile(t.run); err != nil {
		return misuse("--run: %w", err)
	}
	if t.limit <= 0 {
		return misuse("--limit %s: want a time such as 30s", t.limit)
	}
	paths, err := testFiles(args)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := t.file(path); err != nil {
			return err
		}
	}
	return t.end()
}

// testFiles finds the test files that the arguments stand for.
func testFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var paths []string
	for _, arg := range args {
		arg = withoutDots(arg)
		info, err := os.Stat(arg)
		if err != nil {
			return nil, misuse("%s: %s", arg, reason(err)).orCall(diag.Hint{Verb: "test", Rest: " takes test files and folders"})
		}
		if !info.IsDir() {
			path, err := testsOf(arg)
			if err != nil {
				return nil, err
			}
			paths = append(paths, path)
			continue
		}
		found, err := filesIn(arg, func(path string) bool { return strings.HasSuffix(path, flowtest.Suffix) })
		if err != nil {
			return nil, misuse("%w", err)
		}
		if len(found) == 0 {
			return nil, misuse("%s: there is no *%s in here", arg, flowtest.Suffix).orCall(diag.Hint{Verb: "test", Args: []string{"--help"}, Rest: " shows one"})
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

// testsOf gives the test file of a flow; a test file stays.
func testsOf(path string) (string, error) {
	if strings.HasSuffix(path, flowtest.Suffix) || !isFlow(path) {
		return path, nil
	}
	tests := strings.TrimSuffix(path, filepath.Ext(path)) + flowtest.Suffix
	if _, err := os.Stat(tests); err != nil {
		return "", misuse("%s has no tests: there is no %s", path, tests).orCall(diag.Hint{Verb: "test", Args: []string{"--help"}, Rest: " shows one"})
	}
	return tests, nil
}

// file runs the tests of a file.
func (t *testCall) file(path string) error {
	begun := time.Now()
	src, list := t.loader().source(path)
	result := fileResult{File: path, Problems: list, Tests: []caseResult{}}
	if src != nil {
		file, problems := flowtest.Load(src, t.registry, flowtest.Options{LookupEnv: lookupVariable, Limit: t.limit, Warnings: bool(t.strict)})
		result.Problems = problems
		if file != nil {
			defer file.Close()
			result.Flow = file.Flow
		}
		if !t.strict.forbids(problems) {
			t.cases(file, &result)
		}
	}
	t.files = append(t.files, result)
	return t.tell(&result, time.Since(begun))
}

func (t *testCall) cases(file *flowtest.File, result *fileResult) {
	cover := t.coverOf[file.Flow]
	if cover == nil {
		cover = &flowtest.Coverage{}
		t.coverOf[file.Flow] = cover
		t.coverAll = append(t.coverAll, file.Flow)
	}
	for _, c := range file.Cases {
		if !t.pattern.MatchString(c.Name) {
			continue
		}
		r := c.Run()
		cover.Add(r.Coverage)
		result.Tests = append(result.Tests, caseResult{c.Name, len(r.Differences) == 0, r.Took, r.Report.Took, r.Differences})
	}
}

// tell prints what came of a file.
func (t *testCall) tell(f *fileResult, took time.Duration) error {
	if t.json {
		return nil
	}
	ink := t.ink(t.stdout)
	if t.strict.forbids(f.Problems) {
		t.print(f.Problems)
		_, err := fmt.Fprintf(t.stdout, "%s  %s: the file cannot be run\n", ink.red("FAIL"), f.File)
		return err
	}
	failed := 0
	for _, c := range f.Tests {
		word := ink.green("pass")
		if !c.Passed {
			failed++
			word = ink.red("FAIL")
		}
		if t.verbose || !c.Passed {
			fmt.Fprintf(t.stdout, "  %s  %s (%s, %s virtual)\n", word, c.Name, shortTime(c.Took), c.Virtual)
		}
		if err := diag.Print(t.stdout, c.Differences, diag.Style{Color: bool(ink)}); err != nil {
			return err
		}
	}
	word := ink.green("ok  ")
	if failed > 0 {
		word = ink.red("FAIL")
	}
	text := plural(len(f.Tests), "test")
	if failed > 0 {
		text = fmt.Sprintf("%d of %s failed", failed, text)
	}
	_, err := fmt.Fprintf(t.stdout, "%s  %s: %s, %s\n", word, f.File, text, shortTime(took))
	return err
}

func shortTime(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// end prints what is said of all files, and gives the code.
func (t *testCall) end() error {
	wrong, failed, run := false, false, 0
	for _, f := range t.files {
		wrong = wrong || t.strict.forbids(f.Problems)
		run += len(f.Tests)
		for _, c := range f.Tests {
			failed = failed || !c.Passed
		}
	}
	if err := t.conclude(); err != nil {
		return err
	}
	switch {
	case wrong:
		return said(codeMisuse)
	case failed:
		return said(codeFailed)
	case run == 0 && t.run != "":
		return misuse("no test has a name that matches %q", t.run)
	}
	return nil
}

// conclude prints the JSON, or the coverage.
func (t *testCall) conclude() error {
	if t.json {
		out := map[string]any{"files": t.files}
		if t.coverage {
			out["coverage"] = t.coverOf
		}
		return writeJSON(t.stdout, out)
	}
	if !t.coverage {
		return nil
	}
	for _, flow := range t.coverAll {
		c := t.coverOf[flow]
		fmt.Fprintf(t.stdout, "coverage of %s: %s\n", flow, c)
		if missing := c.Missing(); len(missing) > 0 {
			fmt.Fprintf(t.stdout, "  nothing went through %s\n", strings.Join(missing, ", "))
		}
	}
	return nil
}

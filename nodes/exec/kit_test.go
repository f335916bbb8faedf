package exec_test

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/exec"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes)

func unix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs of Unix are not there")
	}
}

// The conformance kit runs in virtual time, which does not pass while a program runs: for
// exec.read that is as it should be, but exec.write waits for both.
func TestKinds(t *testing.T) {
	unix(t)
	kit.Conform(t, slices.DeleteFunc(slices.Clone(exec.Nodes), func(d nodes.Decl) bool { return d.Spec.Kind != "exec.read" })...)
}

// run runs a flow, whose books must balance and whose data must come back.
func run(t *testing.T, flow string, files map[string]string, setup nodetest.Setup) nodetest.Result {
	t.Helper()
	unix(t)
	before := record.Live()
	r := kit.Run(t, flow, files, setup)
	if left := record.Live() - before; left != 0 && r.Err == nil {
		t.Errorf("%d batches were not given back", left)
	}
	return r
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`{"n":` + strconv.Itoa(i+1) + "}\n")
	}
	return b.String()
}

const writeFlow = `nodes:
  in:  {use: file.read, with: {path: in.jsonl, as: "{n: int}"}}
  out: {use: exec.write, in: in, with: {format: lines, COMMAND}}
`

func writing(with string) string {
	return strings.Replace(strings.Replace(writeFlow, "format: lines, ", "", 1), "COMMAND", with, 1)
}

// All rows arrive, in order, whatever the batches; and the run waits for the command.
func TestWriteAll(t *testing.T) {
	text := numbers(2000)
	for _, setup := range nodetest.Few() {
		for _, confirm := range []string{`[sh, -c, "cat > all"]`, `[awk, "{print > \"all\"; print NR; fflush()}"], confirm: true`} {
			r := run(t, writing("command: "+confirm), map[string]string{"in.jsonl": text}, setup)
			if r.Err != nil || r.File("all") != text {
				t.Errorf("%s, %s: %v, %d bytes of %d", setup, confirm, r.Err, len(r.File("all")), len(text))
			}
		}
	}
}

// A command that dies in the middle is started again and gets what it had not confirmed:
// no row is missing, and those that were confirmed do not come again.
func TestWriteAgain(t *testing.T) {
	script := `n=0; while read -r line; do echo "$line" >> all; n=$((n+1)); [ $((n % 5)) = 0 ] && echo $n; [ $n = 37 ] && exit 1; done; echo $n`
	with := `command: [sh, -c, '` + script + `'], confirm: true, restart: on_failure, restart_wait: 1ms, max_restarts: 1000`
	r := run(t, writing(with), map[string]string{"in.jsonl": numbers(300)}, nodetest.Setup{Batch: 20})
	if r.Err != nil {
		t.Fatal(r.Told(), r.Log)
	}
	times := map[string]int{}
	for line := range strings.Lines(r.File("all")) {
		times[strings.TrimSpace(line)]++
	}
	twice := 0
	for line := range strings.Lines(numbers(300)) {
		n := times[strings.TrimSpace(line)]
		if n == 0 {
			t.Errorf("%s is missing", line)
		} else if n > 1 {
			twice++
		}
	}
	if twice == 0 || twice > 50 {
		t.Errorf("%d rows came more than once", twice)
	}
}

func TestWriteFaults(t *testing.T) {
	for name, c := range map[string]struct{ with, want string }{
		"not there":     {`command: [no-such-program-here]`, "no-such-program-here"},
		"fails":         {`command: [sh, -c, "cat > /dev/null; echo no room >&2; exit 3"]`, "exit status 3: no room"},
		"dies at once":  {`command: [sh, -c, "exit 7"]`, "exit status 7"},
		"never reads":   {`command: [sh, -c, "exec sleep 1000"], timeout: 50ms, grace: 0s`, "taken nothing for too long"},
		"never ends":    {`command: [sh, -c, "cat > /dev/null; exec sleep 1000"], timeout: 50ms, grace: 0s`, "has not ended"},
		"deaf to TERM":  {`command: [sh, -c, "trap '' TERM; cat > /dev/null; exec sleep 1000"], timeout: 50ms, grace: 20ms`, "has not ended"},
		"dies always":   {`command: [sh, -c, "exit 1"], restart: always, restart_wait: 1ms, max_restarts: 3`, "started again 3 times"},
		"babbles":       {`command: [sh, -c, "read a; echo yes; cat > /dev/null"], confirm: true`, "not by \"yes\""},
		"not confirmed": {`command: [sh, -c, "cat > /dev/null"], confirm: true`, "not confirmed"},
		"goes back":     {`command: [sh, -c, "echo 2; echo 1; cat > /dev/null"], confirm: true`, "and now 1"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := 50000
			if strings.Contains(c.want, "has not ended") { // none waits for its place in the pipe
				rows = 10
			}
			r := run(t, writing(c.with), map[string]string{"in.jsonl": numbers(rows)}, nodetest.Setup{})
			if r.Err == nil || !strings.Contains(r.Told(), c.want) {
				t.Errorf("%v, want %s", r.Err, c.want)
			}
		})
	}
}

// A command that has had enough ends the node.
func TestWriteEnough(t *testing.T) {
	r := run(t, writing(`command: [sh, -c, "head -n 3 > few"]`), map[string]string{"in.jsonl": numbers(200000)}, nodetest.Setup{})
	if r.Err != nil || r.File("few") != numbers(3) {
		t.Errorf("%v: %q", r.Err, r.File("few"))
	}
}

func reading(with string) string {
	return "nodes:\n  in:  {use: exec.read, with: {" + with + "}, on_error: dead}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl, format: jsonl}}\n"
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ with, want, bad, fails string }{
		"csv":          {`command: [printf, 'b,a\n1,x\n2,"y\nz"\n'], format: csv, as: "{a: string, b: int}"`, `{"a":"x","b":1}` + "\n" + `{"a":"y\nz","b":2}` + "\n", "", ""},
		"other header": {`command: [printf, 'b,c\n1,x\n'], format: csv, as: "{a: string, b: int}"`, "", "", "does not fit the type"},
		"bad row":      {`command: [printf, '{"n":1}\n{"n":"x"}\n{"n":3}'], as: "{n: int}"`, "{\"n\":1}\n{\"n\":3}\n", `{\"n\":\"x\"}`, ""},
		"too long":     {`command: [printf, 'a\n%100s\nb\n', x], format: lines, max_record: 10B`, "{\"line\":\"a\"}\n{\"line\":\"b\"}\n", "100 bytes", ""},
		"no end":       {`command: [sh, -c, "head -c 3000000 /dev/zero"], format: lines, max_record: 1kB`, "", "3000000 bytes", ""},
		"dies":         {`command: [sh, -c, "echo a; echo so sad >&2; kill -9 $$$$"], format: lines`, "{\"line\":\"a\"}\n", "", "signal: killed: so sad"},
		"empty":        {`command: ["true"], format: lines`, "", "", ""},
		"not there":    {`command: [./no-such-program], format: lines`, "", "", "cannot be started"},
		"again":        {`command: [sh, -c, "echo x >> runs; cat runs; [ $(wc -l < runs) -ge 3 ]"], format: lines, restart: on_failure, restart_wait: 1ms`, strings.Repeat("{\"line\":\"x\"}\n", 6), "", ""},
		"leftover":     {`command: [sh, -c, "sleep 1000 & echo a"], format: lines`, "{\"line\":\"a\"}\n", "", ""},
		"environment":  {`command: [sh, -c, "echo $SECRET_OF_TEST$GIVEN"], format: lines, env: {GIVEN: yes}`, "{\"line\":\"yes\"}\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SECRET_OF_TEST", "leaked")
			r := run(t, reading(c.with), nil, nodetest.Setup{})
			if c.fails == "" && (r.Err != nil || r.Stdout != c.want || !strings.Contains(r.File("bad.jsonl"), c.bad)) {
				t.Errorf("%v\n%s\n%s\nwant\n%s", r.Err, r.Stdout, r.File("bad.jsonl"), c.want)
			}
			if c.fails != "" && (r.Err == nil || !strings.Contains(r.Told(), c.fails)) {
				t.Errorf("%v, want %s", r.Err, c.fails)
			}
		})
	}
}

// A flood goes through, at the pace of the flow, and what is said on the side is bounded.
func TestReadFlood(t *testing.T) {
	r := run(t, reading(`command: [sh, -c, "seq 300000 >&2; seq 300000"], format: lines`), nil, nodetest.Setup{})
	if n := strings.Count(r.Stdout, "\n"); r.Err != nil || n != 300000 {
		t.Errorf("%v, %d rows", r.Err, n)
	}
	if n := strings.Count(r.Log, "\n"); n > 300 || !strings.Contains(r.Log, "more than is logged") {
		t.Errorf("%d lines of log", n)
	}
}

// A command that is told how far its lines have arrived gets the number of all of them.
func TestReadConfirmed(t *testing.T) {
	script := `seq 1000 | sed "s/.*/{\"n\":&}/"; exec >&-; while read -r n; do echo $n > told; done`
	flow := "nodes:\n  in:  {use: exec.read, with: {command: [sh, -c, '" + script + "'], as: '{n: int}', confirm: true}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n"
	r := run(t, flow, nil, nodetest.Setup{})
	if r.Err != nil || r.Stdout != numbers(1000) || r.File("told") != "1000\n" {
		t.Errorf("%v, told %q", r.Err, r.File("told"))
	}
}

// What a command is given in secret is not in the log, though it says it.
func TestSecretsOfTheEnvironment(t *testing.T) {
	r := run(t, reading(`command: [sh, -c, "echo the key is $KEY >&2; exit 1"], format: lines, env: {KEY: canary-5ab1}`), nil, nodetest.Setup{})
	if told := r.Told() + r.Log; strings.Contains(told, "canary") || !strings.Contains(told, "the key is") {
		t.Error(told)
	}
}

// The report says of how many rows nobody knows what became of them: those that a command
// was given that has failed, or has not confirmed.
func TestWriteUnsure(t *testing.T) {
	const some = `n=0; while read -r line; do n=$((n+1)); [ $n = 35 ] && echo $n; [ $n = 37 ] && exit 1; done; exit `
	for what, c := range map[string]struct {
		with   string
		fails  bool
		unsure func(used int64) int64
	}{
		"all is well":         {`command: [sh, -c, "cat > all"]`, false, func(int64) int64 { return 0 }},
		"it has had enough":   {`command: [sh, -c, "exec <&-; sleep 0.01"]`, false, nil},
		"it fails at its end": {`command: [sh, -c, "cat > all; exit 3"]`, true, func(used int64) int64 { return used }},
		"it fails, and again": {`command: [sh, -c, "[ -f all ] || { head -n 3 > all; exit 3; }; cat > rest"], restart: on_failure, restart_wait: 1ms`, false, nil},
		"not all confirmed":   {`command: [sh, -c, '` + some + `1'], confirm: true`, true, func(used int64) int64 { return max(0, used-35) }},
	} {
		r := run(t, writing(c.with), map[string]string{"in.jsonl": numbers(20_000)}, nodetest.Setup{Batch: 20})
		n := r.Report.Nodes[1]
		if (r.Err != nil) != c.fails || n.NotKept != 0 {
			t.Errorf("%s: %v, %d were not kept", what, r.Err, n.NotKept)
		}
		if c.unsure != nil && n.Unconfirmed < c.unsure(n.Used) || n.Unconfirmed > n.In || what == "it has had enough" && n.Unconfirmed > 0 ||
			what == "it fails, and again" && (n.Unconfirmed == 0 || n.Unconfirmed == n.In) || what == "all is well" && n.Unconfirmed > 0 {
			t.Errorf("%s: of %d rows, %d used, nobody knows of %d", what, n.In, n.Used, n.Unconfirmed)
		}
	}
}

// Package flows_test runs every shipped flow and compares what it writes with the
// files under expected/. `go test ./flows -update` writes them again.
package flows_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

var update = flag.Bool("update", false, "write the expected outputs again")

// runFlow runs a flow of this folder in a folder of its own, beside its data.
func runFlow(t *testing.T, name string, stdin string, options scheduler.Options) map[string]string {
	t.Helper()
	dir := t.TempDir()
	link(t, "data", filepath.Join(dir, "data"))
	return runIn(t, dir, name+".yaml", stdin, options)
}

// link makes a path lead to a folder here.
func link(t *testing.T, folder, path string) {
	t.Helper()
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, path); err != nil {
		t.Fatal(err)
	}
}

// runIn runs the flow of a file as if it lay in dir and gives what it wrote, by path
// below out/; standard output is under "-".
func runIn(t *testing.T, dir, file, stdin string, options scheduler.Options) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	input := bufio.NewReaderSize(strings.NewReader(stdin), 1<<16)
	flow, found := graph.Load(diag.NewSource(filepath.Join(dir, filepath.Base(file)), text), registry, graph.Options{Stdin: input})
	if len(found) > 0 {
		var b strings.Builder
		diag.Print(&b, found, diag.Style{})
		t.Fatalf("%s has diagnostics:\n%s", file, b.String())
	}
	var stdout bytes.Buffer
	options.Stdin, options.Stdout = input, &stdout
	run, err := scheduler.New(flow, registry, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if stdout.Len() > 0 {
		got["-"] = stdout.String()
	}
	files, _ := filepath.Glob(filepath.Join(dir, "out", "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(f)] = string(b)
	}
	return got
}

// inputs are what flows read from standard input: files of data/.
var inputs = map[string]string{"convert": "seattle-weather.csv"}

func TestFlows(t *testing.T) {
	paths, err := filepath.Glob("*.yaml")
	if err != nil || len(paths) < 8 {
		t.Fatal("flows are missing", err, paths)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, flowtest.Suffix) {
			continue
		}
		name := strings.TrimSuffix(path, ".yaml")
		t.Run(name, func(t *testing.T) {
			stdin := ""
			if file, ok := inputs[name]; ok {
				b, err := os.ReadFile(filepath.Join("data", file))
				if err != nil {
					t.Fatal(err)
				}
				stdin = string(b)
			}
			want := readExpected(t, name)
			for _, options := range []scheduler.Options{{Workers: 1}, {Workers: 2}, {Workers: 7}, {Serial: true}, {Workers: 3, Batch: 5}} {
				got := runFlow(t, name, stdin, options)
				if *update && options.Workers == 1 {
					writeExpected(t, name, got)
					want = got
				}
				compare(t, fmt.Sprintf("workers %d, serial %v, batch %d", options.Workers, options.Serial, options.Batch), got, want)
			}
		})
	}
}

func compare(t *testing.T, how string, got, want map[string]string) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("%s: nothing is expected; write expected/ by -update", how)
	}
	for file, text := range want {
		if got[file] != text {
			t.Errorf("%s: %s differs: %s", how, file, firstDifference(got[file], text))
		}
	}
	for file := range got {
		if _, ok := want[file]; !ok {
			t.Errorf("%s: %s was not expected", how, file)
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(end)", "(end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, a, b)
		}
	}
	return "not at all"
}

func readExpected(t *testing.T, name string) map[string]string {
	t.Helper()
	want := map[string]string{}
	files, _ := filepath.Glob(filepath.Join("expected", name, "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(f)
		if base == "stdout" {
			base = "-"
		}
		want[base] = string(b)
	}
	return want
}

func writeExpected(t *testing.T, name string, got map[string]string) {
	t.Helper()
	dir := filepath.Join("expected", name)
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range got {
		if file == "-" {
			file = "stdout"
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The quickstart against a plain program: encoding/csv and maps.
func TestQuickstartAgainstPlainProgram(t *testing.T) {
	states := map[string]string{}
	for i, row := range readCSV(t, "data/airports.csv") {
		if i > 0 {
			states[row[0]] = row[3]
		}
	}
	type line struct {
		flights, worst int
		sum            int
	}
	lines := map[string]*line{}
	var order []string
	for i, row := range readCSV(t, "data/flights.csv") {
		delay, err := strconv.Atoi(row[4])
		if i == 0 || delay <= 15 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		state := states[row[2]]
		l := lines[state]
		if l == nil {
			l = &line{worst: delay}
			lines[state] = l
			order = append(order, state)
		}
		l.flights++
		l.sum += delay
		l.worst = max(l.worst, delay)
	}
	got := strings.Split(strings.TrimSpace(runFlow(t, "quickstart", "", scheduler.Options{Workers: 2})["late.jsonl"]), "\n")
	if len(got) != len(order) {
		t.Fatalf("%d lines, want %d", len(got), len(order))
	}
	for i, state := range order {
		var row struct {
			State     string  `json:"state"`
			Flights   int     `json:"flights"`
			MeanDelay float64 `json:"mean_delay"`
			Worst     int     `json:"worst"`
		}
		if err := json.Unmarshal([]byte(got[i]), &row); err != nil {
			t.Fatal(err)
		}
		l := lines[state]
		if row.State != state || row.Flights != l.flights || row.Worst != l.worst || row.MeanDelay != float64(l.sum)/float64(l.flights) {
			t.Errorf("line %d: got %+v, want %s %+v", i+1, row, state, *l)
		}
	}
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

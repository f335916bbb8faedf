package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/advise"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file is run --compare-serial.

// A comparison is what `run --compare-serial` finds: its JSON.
type comparison struct {
	Flow    string         `json:"flow"`
	Rows    int64          `json:"rows"` // that sources gave
	Cores   int            `json:"cores"`
	Workers int            `json:"workers"` // of all nodes together
	Serial  time.Duration  `json:"serial_ns"`
	All     time.Duration  `json:"pipelined_ns"`
	Times   float64        `json:"speed_up"`
	Ideal   time.Duration  `json:"ideal_ns"`
	Bound   string         `json:"bound"`
	Outputs []outputResult `json:"outputs"`
	Same    bool           `json:"same"`           // every output is what it should be
	Note    string         `json:"note,omitempty"` // why order was not compared
}

// An outputResult says how an output of the second run compares with the first.
type outputResult struct {
	Path   string `json:"path"`   // "-" is standard output
	Result string `json:"result"` // same, reordered, different, missing
}

// A compareCall is a call of the verb run that compares.
type compareCall struct{ *runCall }

// compare runs the flow serially and on all cores. The serial run goes first, so
// what stays in the files is what a usual run leaves. Each run has a flow of its own,
// for kinds keep state in their settings.
func (r compareCall) compare() error {
	src, list := r.loader().source(r.path)
	if src == nil {
		return r.refuse(list)
	}
	once := &unreadInput{}
	load := func() (*graph.Flow, diag.List) {
		r.stdin = bytes.NewReader(src.Text) // of a flow that is read from there
		return r.asking().loadWith(r.path, *r.set, bufio.NewReader(once))
	}
	flow, list := load()
	switch {
	case once.wanted:
		return errOnce
	case r.strict.forbids(list):
		return r.refuse(list)
	}
	if !r.quiet && r.report != "json" {
		r.print(list)
	}
	if id := appending(src); id != "" {
		return misuse("%s appends to a file: two runs would append twice", id).or("leave out `append` to compare")
	}
	for _, n := range flow.Nodes {
		if n.Acknowledges() {
			return misuse("%s acknowledges what it takes: the second run would get something else", n.ID).or("put the data into a file and read that")
		}
	}
	first, files, err := r.attempt(flow, scheduler.Options{Serial: true, Stdin: once}, io.Discard)
	if err != nil {
		return err
	}
	flow, _ = load()
	second, again, err := r.attempt(flow, scheduler.Options{Workers: r.workers, Stdin: once}, r.data())
	if err != nil {
		return err
	}
	c := newComparison(flow, &first, &second)
	c.match(flow, files, again)
	if err := r.say(c); err != nil {
		return err
	}
	if !c.Same {
		return said(codeFailed)
	}
	return nil
}

// errOnce refuses a flow whose data can be read only once.
var errOnce = misuse("the flow reads standard input, which only one of two runs could").or("put the data into a file and read that")

// An unreadInput is the standard input of two runs: nobody may want it.
type unreadInput struct{ wanted bool }

func (o *unreadInput) Read([]byte) (int, error) {
	o.wanted = true
	return 0, errors.New("standard input can be read once, and there are two runs")
}

// appending finds a node that adds to what is there.
func appending(src *diag.Source) string {
	var list diag.List
	nodes := config.Parse(src, &list).Get("nodes")
	if nodes == nil {
		return ""
	}
	for _, e := range nodes.Entries {
		if v := e.Value.Get("with").Get("append"); v != nil && v.Text == "true" {
			return e.Key
		}
	}
	return ""
}

// attempt runs a flow to its end and gives digests of what it wrote, by path. The
// error has been reported.
func (r compareCall) attempt(flow *graph.Flow, o scheduler.Options, stdout io.Writer) (metrics.Report, map[string]*digest, error) {
	r.flow = flow
	data := newDigest()
	out := newPipe(io.MultiWriter(stdout, data))
	show := newProgress(r.runCall, out)
	o.Stdout, o.Log = show.through(out), r.logger(show)
	run, err := scheduler.New(flow, r.registry, o)
	if err != nil {
		return metrics.Report{}, nil, r.failure(err)
	}
	report, err := r.drive(run, show, out)
	show.end()
	if err == nil && report.Outcome != "done" {
		err = errors.New("the run was stopped, so there is nothing to compare")
	}
	if once, ok := o.Stdin.(*unreadInput); ok && once.wanted {
		return report, nil, errOnce
	}
	if err != nil {
		end := r.ending(err)
		if terr := r.tell(run, report, nil, end); terr != nil {
			return report, nil, terr
		}
		return report, nil, end
	}
	digests := map[string]*digest{}
	if data.bytes > 0 {
		digests["-"] = data
	}
	for _, path := range report.Files {
		d := newDigest()
		if err := d.file(path); err != nil {
			return report, nil, err
		}
		digests[path] = d
	}
	return report, digests, nil
}

// say prints a comparison, if that is wanted.
func (r compareCall) say(c *comparison) error {
	switch {
	case r.report == "json":
		return writeJSON(r.stderr, c)
	case r.report == "none" || r.quiet && c.Same:
		return nil
	}
	return c.write(r.stderr, r.ink(r.stderr))
}

// newComparison puts the figures of two runs side by side. What would be ideal is told from
// the costs in the second run.
func newComparison(flow *graph.Flow, serial, all *metrics.Report) *comparison {
	c := &comparison{Flow: flow.Name, Cores: all.Cores, Serial: serial.Took, All: all.Took, Rows: summarize(*all).Rows}
	c.Times = float64(serial.Took) / float64(max(all.Took, 1))
	for i := range all.Nodes {
		c.Workers += all.Nodes[i].Workers
	}
	m, err := advise.New(flow, advise.Options{Report: all, Cores: runtime.GOMAXPROCS(0)})
	if err != nil || m.Items == 0 {
		return c
	}
	c.Ideal, c.Bound = min(time.Duration(m.Ideal(m.Items)), all.Took), m.Say() // costs are rounded: a short run may beat its ideal
	return c
}

// match compares what two runs wrote. In a flow with nodes that interleave the order
// of the lines does not count.
func (c *comparison) match(flow *graph.Flow, first, second map[string]*digest) {
	var loose []string
	for _, n := range flow.Nodes {
		if n.Spec.Interleaves || n.Engine.Order != "strict" && n.Workers().Max > 1 {
			loose = append(loose, n.ID)
		}
	}
	for _, e := range flow.Edges {
		if e.Contract.Priority.Value != "" { // what overtakes depends on what waits
			loose = append(loose, "the priority of "+e.String())
		}
	}
	c.Same = true
	seen := map[string]bool{}
	for path := range first {
		seen[path] = true
	}
	for path := range second {
		seen[path] = true
	}
	for path := range seen {
		result := first[path].against(second[path])
		c.Outputs = append(c.Outputs, outputResult{path, result})
		if result == "reordered" && len(loose) == 0 || result == "missing" || result == "different" && len(loose) == 0 {
			c.Same = false
		}
	}
	slices.SortFunc(c.Outputs, func(a, b outputResult) int { return strings.Compare(a.Path, b.Path) })
	switch {
	case len(loose) > 0:
		c.Note = strings.Join(loose, ", ") + " may change the order of items, so lines are compared without their order"
	case !c.Same:
		c.Note = "kinds that look at the clock, or at something outside, and edges that drop may give something else in two runs; all others must not"
	}
}

// write prints a comparison for people.
func (c *comparison) write(w io.Writer, on ink) error {
	t := &table{heads: make([]head, 3)}
	add := func(what, value, note string) {
		t.add(cell{what, on.dim}, cell{value, nil}, cell{note, on.dim})
	}
	add("serial", span(c.Serial), "one goroutine, one item at a time")
	add("pipelined", span(c.All), fmt.Sprintf("%s, %s", plural(c.Cores, "core"), plural(c.Workers, "worker")))
	if c.Times >= 1 {
		add("speed-up", timesFaster(c.Times), "")
	} else {
		add("speed-up", timesFaster(c.Times), "too little data to make up for the queues")
	}
	if c.Ideal > 0 {
		add("ideal", span(c.Ideal), fmt.Sprintf("%s at the pace of the slowest part; %s", plural(int(c.Rows), "item"), c.Bound))
	}
	lines := append([]string{on.bold(c.Flow) + ": serial against all cores", ""}, t.lines("  ", 0, on)...)
	words := map[string]string{"same": on.green("the same"), "reordered": on.green("the same lines, in another order"), "different": on.red("different"), "missing": on.red("written by one run only")}
	for i, o := range c.Outputs {
		what := "outputs"
		if i > 0 {
			what = ""
		}
		path := o.Path
		if path == "-" {
			path = "standard output"
		}
		if o.Result == "different" && c.Same {
			words["different"] = on.yellow("different")
		}
		lines = append(lines, fmt.Sprintf("  %s  %s: %s", on.dim(fmt.Sprintf("%-9s", what)), path, words[o.Result]))
	}
	if c.Note != "" {
		lines = append(lines, "             "+on.dim(c.Note))
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// timesFaster writes a speed-up.
func timesFaster(x float64) string { return fmt.Sprintf("%.2f times", x) }

// A digest stands for a text: its bytes in their order, and its lines in any.
type digest struct {
	whole hash.Hash
	bytes int64
	lines uint64 // the sum of the hashes of its lines
	count int64
	line  maphash.Hash
	open  bool // a line has begun
}

var lineSeed = maphash.MakeSeed()

func newDigest() *digest {
	d := &digest{whole: sha256.New()}
	d.line.SetSeed(lineSeed)
	return d
}

// Write implements io.Writer.
func (d *digest) Write(b []byte) (int, error) {
	d.whole.Write(b)
	d.bytes += int64(len(b))
	for part := range bytes.Lines(b) {
		text, ended := bytes.CutSuffix(part, []byte("\n"))
		d.line.Write(text)
		if d.open = !ended; ended {
			d.endLine()
		}
	}
	return len(b), nil
}

func (d *digest) endLine() {
	d.lines += d.line.Sum64()
	d.count++
	d.line.Reset()
	d.open = false
}

func (d *digest) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(d, f)
	return err
}

// against compares a digest of the first run with one of the second; nil is an output
// that is not there.
func (d *digest) against(o *digest) string {
	if d == nil || o == nil {
		return "missing"
	}
	for _, one := range []*digest{d, o} {
		if one.open {
			one.endLine()
		}
	}
	switch {
	case bytes.Equal(d.whole.Sum(nil), o.whole.Sum(nil)):
		return "same"
	case d.count == o.count && d.lines == o.lines:
		return "reordered"
	}
	return "different"
}

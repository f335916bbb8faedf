package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file has what a run says when it is over, as JSON and as text.

// A summary is what a run leaves to say: the JSON of `run --report json`.
type summary struct {
	metrics.Report
	Rows       int64                            `json:"rows"` // that sources gave
	RowsPerSec float64                          `json:"rows_per_second"`
	Balanced   bool                             `json:"balanced"`
	Unfinished *unfinished                      `json:"unfinished,omitempty"`    // nil: all that was taken has arrived
	Acks       map[string]string                `json:"acknowledges,omitempty"`  // by source: its setting ack
	Failures   map[string][]scheduler.ItemError `json:"recent_errors,omitempty"` // by node, of items that did not stop the flow
	Problems   diag.List                        `json:"diagnostics,omitempty"`
	Exit       int                              `json:"exit"`

	path    string // of the flow as the user named it
	command string // how the program was called
}

// An unfinished is the items that are accounted for and have not arrived: how many of them
// were where when the run ended.
type unfinished struct {
	OnEdges     int64 `json:"on_edges"`    // waiting
	InNodes     int64 `json:"in_nodes"`    // in work
	NotKept     int64 `json:"not_kept"`    // taken by sinks that have not kept them
	Unconfirmed int64 `json:"unconfirmed"` // given by sinks to peers that have not said what became of them
}

func unfinishedOf(r *metrics.Report) *unfinished {
	var u unfinished
	for _, n := range r.Nodes {
		u.InNodes, u.NotKept, u.Unconfirmed = u.InNodes+n.Held, u.NotKept+n.NotKept, u.Unconfirmed+n.Unconfirmed
	}
	for _, e := range r.Edges {
		u.OnEdges += e.Items
	}
	if u == (unfinished{}) {
		return nil
	}
	return &u
}

// summarize closes the books of a run.
func summarize(r metrics.Report) *summary {
	s := &summary{Report: r, Balanced: len(r.Unbalanced) == 0, Unfinished: unfinishedOf(&r)}
	for _, n := range r.Nodes {
		if n.Source {
			s.Rows += n.Out
		}
	}
	s.RowsPerSec = perSecond(s.Rows, r.Took)
	return s
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func (s *summary) writeJSON(w io.Writer) error { return writeJSON(w, s) }

// writeJSON writes a value for machines that people can read too.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(b.Bytes()))
	return err
}

// maxReported is how many nodes a report for people shows: those with errors and
// the busiest.
const maxReported = 100

// writeText writes the report for people.
func (s *summary) writeText(w io.Writer, on ink) error {
	lines := []string{s.headline(on), ""}
	shown, rest := foremost(s.Nodes, maxReported, func(a, b *metrics.NodeReport) int {
		return cmp.Or(cmp.Compare(b.Errors(), a.Errors()), cmp.Compare(b.Busy, a.Busy))
	})
	lines = append(lines, nodeTable(shown, on).lines("  ", 0, on)...)
	if len(rest) > 0 {
		lines = append(lines, on.dim(fmt.Sprintf("  and %s more; --report run.json has them all", plural(len(rest), "node"))))
	}
	lines = append(lines, "")
	say := func(what, text string) {
		lines = append(lines, fmt.Sprintf("  %s %s", on.dim(fmt.Sprintf("%-11s", what)), text))
	}
	if s.Rows > 0 {
		say("rows", fmt.Sprintf("%s read, %s a second", count(s.Rows), short(s.RowsPerSec)))
	}
	if s.PausedFor > 0 {
		say("paused", span(s.PausedFor)+" in all")
	}
	if s.Bottleneck != "" {
		say("bottleneck", s.Bottleneck)
	}
	for _, n := range shown {
		if n.Openings > 0 {
			say("breaker", fmt.Sprintf("%s: opened %s, %s now", n.ID, plural(int(n.Openings), "time"), n.Breaker))
		}
	}
	s.sayAcks(say)
	s.sayBrokers(say)
	s.sayLeftOut(say)
	s.sayNotes(say)
	s.sayBooks(say, on)
	s.sayFailures(say, on)
	for _, w := range s.Warnings {
		say("warning", strings.Replace(w, "warning: ", "", 1))
	}
	s.saySources(say)
	sayFiles(say, "wrote", s.Files, on.bold)
	sayFiles(say, "not written", s.Unwritten, on.yellow)
	if s.Outcome == "done" && s.path != "" && s.path != "-" {
		say("draw it", fmt.Sprintf("%s render %s -o %s.svg", s.command, shellWord(s.path), shellWord(s.Flow)))
	}
	_, err := io.WriteString(w, cleanText(strings.Join(lines, "\n")+"\n", bool(on)))
	return err
}

// headline says how the run ended.
func (s *summary) headline(on ink) string {
	outcome := s.Outcome
	switch outcome {
	case "done":
		outcome = on.green("done")
	case "stopped":
		outcome = on.yellow("stopped")
	case "failed":
		outcome = on.red("failed")
	}
	took := "in " + span(s.Took)
	if s.Outcome != "done" {
		took = "after " + span(s.Took)
	}
	return fmt.Sprintf("%s: %s %s", on.bold(s.Flow), outcome, took)
}

// sayBrokers says how nodes stood with their brokers at the end.
func (s *summary) sayBrokers(say func(what, text string)) {
	for i := range s.Nodes {
		b := s.Nodes[i].Standing
		if b == nil {
			continue
		}
		var parts []string
		add := func(n int64, format string) {
			if n > 0 {
				parts = append(parts, fmt.Sprintf(format, count(n)))
			}
		}
		add(b.Lag, "%s wait at the broker")
		add(b.Pending, "%s pending")
		add(b.Redelivered, "%s came again")
		add(b.Missed, "%s could not be acknowledged and come again")
		add(b.Resent, "%s were sent again")
		add(b.Reconnects, "%s times connected again")
		if len(parts) > 0 {
			say("broker", s.Nodes[i].ID+": "+strings.Join(parts, ", "))
		}
	}
}

// maxLeftOut is how many fields a report for people names as left out.
const maxLeftOut = 8

// sayLeftOut says which fields sources have left out because their types do not have them.
func (s *summary) sayLeftOut(say func(what, text string)) {
	for i := range s.Nodes {
		if text := leftOutWords(&s.Nodes[i]); text != "" {
			say("left out", text)
		}
	}
}

// leftOutWords says which fields a source has left out, "" if none.
func leftOutWords(n *metrics.NodeReport) string {
	if len(n.FieldsDropped) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(n.FieldsDropped), func(a, b string) int {
		return cmp.Or(cmp.Compare(n.FieldsDropped[b], n.FieldsDropped[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(len(names), maxLeftOut)] {
		parts = append(parts, fmt.Sprintf("%s (%s)", name, plural(int(n.FieldsDropped[name]), "value")))
	}
	if more := len(names) - len(parts); more > 0 {
		parts = append(parts, plural(more, "more field"))
	}
	return fmt.Sprintf("%s: fields that its type does not have: %s", n.ID, strings.Join(parts, ", "))
}

// maxNotes is how many notes of a node a report for people has.
const maxNotes = 8

// sayNotes says what has befallen nodes and is no failure of an item.
func (s *summary) sayNotes(say func(what, text string)) {
	for i := range s.Nodes {
		n := &s.Nodes[i]
		for _, note := range n.Notes[:min(len(n.Notes), maxNotes)] {
			text := n.ID + ": " + note.Text
			switch {
			case note.Times > 1 && note.Last != "":
				text += fmt.Sprintf(" (%s, the last: %s)", plural(int(note.Times), "time"), note.Last)
			case note.Times > 1:
				text += fmt.Sprintf(" (%s)", plural(int(note.Times), "time"))
			case note.Last != "":
				text += fmt.Sprintf(" (%s)", note.Last)
			}
			say("noted", text)
		}
		if more := len(n.Notes) - maxNotes; more > 0 {
			say("noted", fmt.Sprintf("%s: %s", n.ID, plural(more, "more note")))
		}
	}
}

// saySources says how far the sources of a run came that did not come to its end.
func (s *summary) saySources(say func(what, text string)) {
	if s.Outcome != "stopped" && s.Outcome != "failed" {
		return
	}
	what := "came to"
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if !n.Source {
			continue
		}
		text := fmt.Sprintf("%s: %s", n.ID, plural(int(n.Out), "item"))
		switch {
		case n.Total > 0:
			text += fmt.Sprintf(", %s of %s bytes read (%s)", count(min(n.Done, n.Total)), count(n.Total), percent(float64(min(n.Done, n.Total))/float64(n.Total)))
		case n.Done > 0:
			text += fmt.Sprintf(", %s bytes read", count(n.Done))
		}
		say(what, text)
		what = ""
	}
}

// maxFiles is how many files a report for people lists; of more it gives the number and the
// first few.
const (
	maxFiles = 20
	fewFiles = 5
)

func sayFiles(say func(what, text string), what string, files []string, paint func(string) string) {
	shown := files
	if len(files) > maxFiles {
		say(what, plural(len(files), "file")+", all of which --report run.json lists; the first are")
		shown, what = files[:fewFiles], ""
	}
	for _, f := range shown {
		say(what, paint(f))
		what = ""
	}
}

// nodeTable has a line for each node.
func nodeTable(shown []*metrics.NodeReport, on ink) *table {
	t := &table{heads: []head{
		{text: "node"}, {text: "kind"}, {text: "workers", right: true}, {text: "in", right: true}, {text: "out", right: true},
		{text: "left out", right: true}, {text: "errors", right: true}, {text: "held", right: true},
		{text: "busy", right: true}, {text: "blocked", right: true}, {text: "starved", right: true},
	}}
	some := func(n int64) string { // a column of zeros says nothing
		if n == 0 {
			return ""
		}
		return count(n)
	}
	for _, n := range shown {
		in, failed := count(n.In), cell{count(n.Errors()), nil}
		if n.Source {
			in = ""
		}
		if n.Errors() > 0 {
			failed.paint = on.red
		}
		row := plainRow(n.ID, n.Kind, fmt.Sprint(n.Workers), in, count(n.Out), some(n.Filtered), "", some(n.Held), percent(n.Busy), percent(n.Blocked), percent(n.Starved))
		row[6] = failed
		t.add(row...)
	}
	return t
}

// sayAcks says when sources acknowledged what they gave, and how the cuts went by which
// they did.
func (s *summary) sayAcks(say func(what, text string)) {
	what, byCuts := "ack", false
	for i := range s.Nodes {
		if ack, ok := s.Acks[s.Nodes[i].ID]; ok {
			say(what, s.Nodes[i].ID+": "+ackWords(ack))
			what, byCuts = "", byCuts || ack != graph.AckEarly
		}
	}
	if s.Cuts != nil && byCuts {
		say("cuts", cutWords(s.Cuts))
	}
}

// maxDrops is how many edges that dropped items a report for people names.
const maxDrops = 8

// sayBooks says whether every item is accounted for, and which of them nobody got.
func (s *summary) sayBooks(say func(what, text string), on ink) {
	switch {
	case len(s.Unbalanced) > 0:
		say("books", on.red("do not balance: "+s.Unbalanced[0]))
		for _, more := range s.Unbalanced[1:] {
			say("", more)
		}
	case s.Unfinished != nil:
		say("books", "balance, but "+strings.Join(s.unfinishedWords(), "; "))
	case len(s.Drops()) > 0:
		s.sayDrops(say, on)
	default:
		say("books", "balance: every item is accounted for")
	}
	if s.Unfinished != nil || len(s.Unbalanced) > 0 {
		s.sayDrops(say, on)
	}
	what := "unwanted"
	unwanted := s.Unwanted()
	for _, d := range unwanted[:min(len(unwanted), maxDrops)] {
		say(what, fmt.Sprintf("%s sent on %s -> %s: %s", plural(int(d.Items), "item"), d.From, d.To, d.Why))
		what = ""
	}
	if more := len(unwanted) - maxDrops; more > 0 {
		say("", "and on "+plural(more, "more edge"))
	}
}

// sayDrops says what full edges have dropped.
func (s *summary) sayDrops(say func(what, text string), on ink) {
	what, begin := "books", "balance, but "
	if s.Unfinished != nil || len(s.Unbalanced) > 0 { // the books were spoken of
		what, begin = "dropped", ""
	}
	drops := s.Drops()
	for _, d := range drops[:min(len(drops), maxDrops)] {
		say(what, on.yellow(begin+dropWords(d)))
		what, begin = "", ""
	}
	if more := len(drops) - maxDrops; more > 0 {
		say("", on.yellow("and on "+plural(more, "more edge")+"; --report run.json has them all"))
	}
}

// dropWords says what an edge dropped, and why.
func dropWords(d metrics.Drop) string {
	return fmt.Sprintf("%s of %s dropped on %s -> %s: %s", count(d.Items), plural(int(d.Of), "item"), d.From, d.To, d.Why)
}

// dropTotal says in one clause what full edges have dropped: the edge with the most, and
// how many others there are; "" if nothing was dropped.
func dropTotal(drops []metrics.Drop) string {
	if len(drops) == 0 {
		return ""
	}
	text := dropWords(drops[0])
	if more := len(drops) - 1; more > 0 {
		text += fmt.Sprintf(", and more on %s", plural(more, "other edge"))
	}
	return text
}

// unfinishedWords says where the items were that have not arrived: on edges, in work, and
// with each sink that cannot vouch for them.
func (s *summary) unfinishedWords() (words []string) {
	u := s.Unfinished
	if u == nil {
		return nil
	}
	switch {
	case u.OnEdges > 0 && u.InNodes > 0:
		words = append(words, fmt.Sprintf("%s got no further than edges, and %s no further than nodes", plural(int(u.OnEdges), "item"), count(u.InNodes)))
	case u.OnEdges > 0:
		words = append(words, plural(int(u.OnEdges), "item")+" got no further than edges")
	case u.InNodes > 0:
		words = append(words, plural(int(u.InNodes), "item")+" got no further than nodes")
	}
	more := 0
	for i := range s.Nodes {
		n := &s.Nodes[i]
		switch {
		case n.NotKept+n.Unconfirmed == 0:
			continue
		case len(words) > maxDrops:
			more++
			continue
		}
		if n.NotKept > 0 {
			words = append(words, fmt.Sprintf("%s has not kept %s", n.ID, plural(int(n.NotKept), "item")))
		}
		if n.Unconfirmed > 0 {
			words = append(words, fmt.Sprintf("%s cannot say what became of %s", n.ID, plural(int(n.Unconfirmed), "item")))
		}
	}
	if more > 0 {
		words = append(words, fmt.Sprintf("and %s alike", plural(more, "more node")))
	}
	return words
}

// sayFailures says what became of items that failed, with the last one of each
// node.
func (s *summary) sayFailures(say func(what, text string), on ink) {
	what := "failed"
	for i := range s.Nodes {
		n := &s.Nodes[i]
		var fates []string
		if n.Skipped > 0 {
			fates = append(fates, plural(int(n.Skipped), "item")+" skipped")
		}
		if n.Dead > 0 {
			fates = append(fates, plural(int(n.Dead), "item")+" sent to "+n.ID+".errors")
		}
		if len(fates) == 0 {
			continue
		}
		text := n.ID + ": " + strings.Join(fates, ", ")
		if recent := s.Failures[n.ID]; len(recent) > 0 {
			last := recent[len(recent)-1]
			text += "; the last: " + on.red(last.Error) + " on " + fit(itemWords(last.Item), 100)
			if from := last.From(); from != "" {
				text += " (" + from + ")"
			}
		}
		say(what, text)
		what = ""
		if recent := s.Failures[n.ID]; len(recent) > 0 {
			s.sayPlace(say, &recent[len(recent)-1])
		}
	}
}

// sayPlace says where in the flow an item failed, and what its error knows of a remedy.
func (s *summary) sayPlace(say func(what, text string), e *scheduler.ItemError) {
	if e.Excerpt != "" {
		say("", "at "+e.At)
		for line := range strings.Lines(e.Excerpt) {
			say("", strings.TrimRight(line, "\n"))
		}
	}
	if !e.Hint.IsZero() {
		say("", "hint: "+e.Hint.For(s.command))
	}
}

// itemWords is an item as it came: a row that could not be read is a text, shown
// without the quotes of JSON if it stays one line.
func itemWords(item string) string {
	var row string
	if json.Unmarshal([]byte(item), &row) != nil || strings.ContainsFunc(row, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return item
	}
	return row
}

// shellWord quotes a text for a shell if it must.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./+:,@%=", r) || r > 127
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file shows how a run goes, in the way that suits standard error.

// A progress shows how a run goes. One goroutine uses it; what it gave by through
// may be written to by any.
type progress interface {
	next() time.Duration // until show is wanted again
	show(now metrics.Report)
	say(line string)
	through(w io.Writer) io.Writer // for whoever writes while the run goes on
	end()
}

// newProgress chooses by what standard error is. data is where the flow writes.
func newProgress(r *runCall, data io.Writer) progress {
	if !r.forPeople() {
		return silentProgress{}
	}
	fd, ok := terminal(r.stderr)
	if !ok {
		return &sparseProgress{out: r.stderr}
	}
	l := &liveProgress{screen: screen{out: bare(r.stderr)}, ink: r.ink(r.stderr), size: func() (int, int) { return size(fd) }}
	if _, ok := terminal(r.stdout); !ok {
		l.apart = data // what goes into a file or a pipe does not disturb the view
	}
	return l
}

// silentProgress shows nothing.
type silentProgress struct{}

func (silentProgress) next() time.Duration           { return time.Hour }
func (silentProgress) show(metrics.Report)           {}
func (silentProgress) say(string)                    {}
func (silentProgress) through(w io.Writer) io.Writer { return w }
func (silentProgress) end()                          {}

// sparseProgress prints a line now and then: for logs.
type sparseProgress struct {
	out    io.Writer
	before metrics.Report
	lines  int
}

func (s *sparseProgress) next() time.Duration {
	if s.lines == 0 {
		return 2 * time.Second
	}
	return 10 * time.Second
}

func (s *sparseProgress) show(now metrics.Report) {
	fmt.Fprintln(s.out, sparseLine(&s.before, &now))
	s.before = now
	s.lines++
}

func (s *sparseProgress) through(w io.Writer) io.Writer { return w }
func (s *sparseProgress) say(line string)               { fmt.Fprintln(s.out, line) }
func (s *sparseProgress) end()                          {}

// liveProgress redraws a view on a terminal.
type liveProgress struct {
	screen
	ink    ink
	size   func() (width, height int)
	apart  io.Writer // a writer that is not this terminal
	before metrics.Report
	note   string
}

func (l *liveProgress) next() time.Duration { return 200 * time.Millisecond }

func (l *liveProgress) show(now metrics.Report) {
	width, height := l.size()
	v := view{before: &l.before, now: &now, note: l.note, width: width - 1, height: height - 1, ink: l.ink}
	l.draw(v.lines())
	l.before = now
}

// say stays in the view until its end.
func (l *liveProgress) say(line string) { l.note = line }

func (l *liveProgress) through(w io.Writer) io.Writer {
	if l.apart != nil && w == l.apart {
		return w
	}
	return l.screen.through(w)
}

func (l *liveProgress) end() { l.clear() }

// sparseLine says in one line how a run goes.
func sparseLine(before, now *metrics.Report) string {
	rows, was, errs := int64(0), int64(0), int64(0)
	earlier := nodesByID(before)
	busiest := ""
	most := 0.0
	for i := range now.Nodes {
		n := &now.Nodes[i]
		errs += n.Errors()
		b := earlier[n.ID]
		if n.Source {
			rows += n.Out
			was += b.Out
		}
		if busy := busyShare(before, now, &b, n); busy > most {
			busiest, most = n.ID, busy
		}
	}
	parts := []string{fmt.Sprintf("%s %s", now.Flow, clock(now.Took))}
	if done, whole := bytesRead(now); whole > 0 {
		parts = append(parts, fmt.Sprintf("%s read, %s left", percent(float64(done)/float64(whole)), timeLeft(done, whole, now.Took)))
	}
	parts = append(parts, fmt.Sprintf("%s rows, %s a second", count(rows), short(perSecond(rows-was, now.Took-before.Took))))
	if errs > 0 {
		parts = append(parts, plural(int(errs), "error"))
	}
	if dropped := dropTotal(now.Drops()); dropped != "" {
		parts = append(parts, dropped)
	}
	if busiest != "" {
		parts = append(parts, fmt.Sprintf("%s is busy %s", busiest, percent(most)))
	}
	if e := fullest(now.Edges); e != nil && fill(e) >= 0.5 {
		parts = append(parts, fmt.Sprintf("%s is %s full", edgeWords(e), percent(fill(e))))
	}
	return strings.Join(parts, "; ")
}

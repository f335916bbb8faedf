package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web/assist"
)

// This file is the page to write flows on, and its API.

// A Playground says what flows may do that are written in the browser. Whoever can
// open the page writes them, so they see the files below one folder and nothing else:
// no variable of the environment, and nothing is written.
type Playground struct {
	// Root is the folder whose files flows may read. It stays open as long as the
	// server.
	Root *os.Root
	// Try runs a flow on a sample, such as the Run of a trial.Child; nil: nothing is
	// run.
	Try func(context.Context, trial.Job) trial.Result
	// Limits bound such a run.
	Limits trial.Limits
}

// Limits of what the playground does for strangers.
const (
	checksAtOnce   = 2 // compilations, and answers to the editor
	drawingsAtOnce = 1
	trialsAtOnce   = 1               // flows that run
	turnTime       = 2 * time.Second // to wait for a place among them
	checkTime      = 5 * time.Second // of one compilation, after which the answer is given up
	graceTime      = 5 * time.Second // of a trial, beyond its limit: a child needs some to start and to end
	maxProblems    = 200             // in an answer
	maxMessage     = 2000            // bytes of a message
	maxText        = 256 << 10       // bytes of a flow; far more than any that somebody writes
	maxNodes       = 1500
	maxEdges       = 5000 // in a drawing
	starterFlow    = "flow: new-flow\n\nnodes:\n  numbers:\n    use: generate\n    with: {count: 20, set: {id: n, square: n * n}}\n\n  even:\n    use: filter\n    in: numbers\n    with: {where: id % 2 == 0}\n\n  out:\n    use: file.write\n    in: even\n    with: {path: out/even.jsonl}\n"
)

//go:embed playground.html.tmpl
var playgroundText embed.FS

var playgroundTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.ParseFS(folderText, "folder.html.tmpl")).ParseFS(playgroundText, "playground.html.tmpl"))
})

// A playground is the page to write and try flows on.
type playground struct {
	*Folder
	*Playground
	checks, drawings, trials chan struct{} // places
	turn                     time.Duration
}

func newPlayground(f *Folder) *playground {
	return &playground{f, f.options.Playground, make(chan struct{}, checksAtOnce), make(chan struct{}, drawingsAtOnce), make(chan struct{}, trialsAtOnce), turnTime + f.options.leeway}
}

func (p *playground) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /playground", p.page)
	mux.HandleFunc("POST /api/v1/check", p.check)
	mux.HandleFunc("POST /api/v1/render", p.render)
	mux.HandleFunc("POST /api/v1/complete", p.complete)
	mux.HandleFunc("POST /api/v1/explain", p.explain)
	mux.HandleFunc("POST /api/v1/try", p.try)
}

// page serves the editor with one of the folder's flows, or a new one.
func (p *playground) page(w http.ResponseWriter, r *http.Request) {
	paths, err := p.options.Paths()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	asked, text, hidden := r.URL.Query().Get("flow"), starterFlow, false
	if asked != "" {
		name, ok := p.source(asked)
		if !ok {
			refuse(w, http.StatusNotFound, "there is no such flow here")
			return
		}
		file, err := p.Root.ReadFile(name)
		if err != nil {
			refuse(w, http.StatusNotFound, "this flow cannot be read")
			return
		}
		src := diag.NewSource(name, file)
		graph.Load(src, p.options.Catalog, graph.Options{Root: p.Root, MaxNodes: maxNodes}) // finds the secrets that only their kinds know of
		text = redact.Source(src.MaskedText())
		hidden = text != strings.ReplaceAll(string(file), "\r\n", "\n")
	}
	// The editor makes its style sheets itself; the policy knows them by this.
	nonce := rand.Text()
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, "style-src 'self'", "style-src 'self' 'nonce-"+nonce+"'", 1))
	data := struct {
		Nonce, Flow, Text string
		Paths             []string
		CanRun, Masked    bool
		Rows              int
	}{nonce, asked, text, paths, p.Try != nil, hidden, p.rows()}
	showIn(playgroundTemplate(), w, r, "playground", data)
}

func (p *playground) rows() int {
	if p.Limits.Rows > 0 {
		return p.Limits.Rows
	}
	return trial.Rows
}

// source gives a flow of the folder the name under which the root has it.
func (p *playground) source(path string) (name string, ok bool) {
	paths, err := p.options.Paths()
	if err != nil || !slices.Contains(paths, path) {
		return "", false
	}
	name, err = filepath.Rel(p.Root.Name(), path)
	return name, err == nil && filepath.IsLocal(name)
}

// A draft is a flow that somebody writes.
type draft struct {
	Flow   string `json:"flow"` // the one of the folder that it began as; "" for a new one
	Text   string `json:"text"`
	Line   int    `json:"line"`   // of the cursor, from 1
	Column int    `json:"column"` // in characters, from 1

	name string // of the source
}

// read takes a draft from a request, or answers why not.
func (p *playground) read(w http.ResponseWriter, r *http.Request) (d draft, ok bool) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "want application/json")
		return d, false
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a request has %d bytes at most", tooLarge.Limit))
		return d, false
	}
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		refuse(w, http.StatusBadRequest, "want a JSON object with the texts flow and text and the numbers line and column, got "+wrong.Value+" as "+cmp.Or(wrong.Field, "the whole"))
		return d, false
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "want a JSON object with text: "+err.Error())
		return d, false
	}
	if len(d.Text) > maxText {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a flow has %d KB at most here", maxText>>10))
		return d, false
	}
	d.name = "playground.yaml"
	if d.Flow != "" {
		if d.name, ok = p.source(d.Flow); !ok {
			refuse(w, http.StatusNotFound, "there is no such flow here")
			return d, false
		}
	}
	return d, true
}

// load compiles a draft: nothing is known to it but the files of the folder.
func (p *playground) load(name, text string) (*graph.Flow, diag.List) {
	return graph.Load(diag.NewSource(name, []byte(text)), p.options.Catalog, graph.Options{Root: p.Root, MaxNodes: maxNodes})
}

// work does something for a request when there is a place, and gives up waiting after
// a time; the place stays taken until the work has ended, so that no more than there
// are places is ever done at once. It answers the request if it fails.
func work[T any](w http.ResponseWriter, r *http.Request, places chan struct{}, turn, most time.Duration, do func(context.Context) T) (result T, ok bool) {
	wait := time.NewTimer(turn)
	defer wait.Stop()
	select {
	case places <- struct{}{}:
	case <-wait.C:
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusTooManyRequests, "too many requests at once")
		return result, false
	case <-r.Context().Done():
		return result, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), most)
	done := make(chan T, 1)
	failed := make(chan any, 1)
	go func() {
		defer func() { <-places }()
		defer cancel()
		defer func() {
			if v := recover(); v != nil {
				failed <- v
			}
		}()
		done <- do(ctx)
	}()
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case result = <-done:
		return result, true
	case <-failed:
		refuse(w, http.StatusInternalServerError, "this text breaks the checker; please report it")
	case <-late.C:
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("this takes longer than %s", most))
	case <-r.Context().Done():
	}
	return result, false
}

// A draftVerdict is the answer of check.
type draftVerdict struct {
	OK       bool      `json:"ok"`
	Flow     string    `json:"flow,omitempty"`
	Nodes    int       `json:"nodes"`
	Edges    int       `json:"edges"`
	Problems diag.List `json:"diagnostics"`
	More     int       `json:"more,omitempty"` // problems that are left out
}

func newDraftVerdict(flow *graph.Flow, list diag.List) draftVerdict {
	v := draftVerdict{OK: flow != nil && !list.HasErrors(), Problems: diag.List{}}
	if flow != nil {
		v.Flow, v.Nodes, v.Edges = short(flow.Name), len(flow.Nodes), len(flow.Edges)
	}
	for i, d := range list {
		if i == maxProblems {
			v.More = len(list) - i
			break
		}
		d.Message, d.Hint = short(d.Message), diag.Hint{Text: short(d.Hint.String())}
		for j := range d.Notes {
			d.Notes[j].Message = short(d.Notes[j].Message)
		}
		v.Problems = append(v.Problems, d)
	}
	return v
}

// short bounds a text that may quote what somebody wrote.
func short(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	end := maxMessage
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// check says everything that is wrong with a draft.
func (p *playground) check(w http.ResponseWriter, r *http.Request) {
	d, ok := p.read(w, r)
	if !ok {
		return
	}
	answer, ok := work(w, r, p.checks, p.turn, checkTime+p.options.leeway, func(context.Context) draftVerdict { return newDraftVerdict(p.load(d.name, d.Text)) })
	if ok {
		sendJSON(w, r, answer)
	}
}

// A sketch is the answer of render.
type sketch struct {
	SVG     string   `json:"svg,omitempty"`
	Outline *outline `json:"outline,omitempty"`
	err     string
}

// render draws a draft that has no errors.
func (p *playground) render(w http.ResponseWriter, r *http.Request) {
	d, ok := p.read(w, r)
	if !ok {
		return
	}
	// Positions may take as long as the layout's own deadline.
	answer, ok := work(w, r, p.drawings, p.turn, drawTime+p.options.leeway, func(ctx context.Context) sketch {
		flow, list := p.load(d.name, d.Text)
		switch {
		case flow == nil || list.HasErrors():
			return sketch{err: "a flow with errors is not drawn; check tells them"}
		case len(flow.Edges) > maxEdges:
			return sketch{err: fmt.Sprintf("flows of more than %d edges are not drawn here; flowrun render draws them", maxEdges)}
		}
		svg, err := p.draw(ctx, flow, true, true)
		if err != nil {
			return sketch{err: "it cannot be drawn: " + err.Error()}
		}
		return sketch{SVG: string(svg), Outline: newOutline(flow)}
	})
	switch {
	case !ok:
	case answer.err != "":
		refuse(w, http.StatusUnprocessableEntity, answer.err)
	default:
		sendJSON(w, r, answer)
	}
}

// question is what the editor asks about a place of a draft.
func (p *playground) question(d draft) assist.Question {
	return assist.Question{
		Text: d.Text, Line: d.Line, Column: d.Column, Catalog: p.options.Catalog,
		Load: func(text string) *graph.Flow {
			flow, _ := p.load(d.name, text)
			return flow
		},
	}
}

// complete tells what can stand at the cursor.
func (p *playground) complete(w http.ResponseWriter, r *http.Request) {
	d, ok := p.read(w, r)
	if !ok {
		return
	}
	answer, ok := work(w, r, p.checks, p.turn, checkTime+p.options.leeway, func(context.Context) assist.Completions { return assist.Complete(p.question(d)) })
	if ok {
		sendJSON(w, r, answer)
	}
}

// explain tells what stands at the cursor.
func (p *playground) explain(w http.ResponseWriter, r *http.Request) {
	d, ok := p.read(w, r)
	if !ok {
		return
	}
	answer, ok := work(w, r, p.checks, p.turn, checkTime+p.options.leeway, func(context.Context) *assist.Explanation {
		if e, known := assist.Explain(p.question(d)); known {
			return &e
		}
		return nil
	})
	switch {
	case !ok:
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		sendJSON(w, r, answer)
	}
}

// try runs a draft on the first rows of its sources.
func (p *playground) try(w http.ResponseWriter, r *http.Request) {
	if p.Try == nil {
		refuse(w, http.StatusForbidden, "nothing is run here; flowrun serve --allow-run allows it")
		return
	}
	d, ok := p.read(w, r)
	if !ok {
		return
	}
	type answer struct {
		trial.Result
		wrong bool
	}
	limit := p.Limits.Time
	if limit <= 0 {
		limit = trial.Time
	}
	result, ok := work(w, r, p.trials, p.turn, limit+graceTime+p.options.leeway, func(ctx context.Context) answer {
		if flow, list := p.load(d.name, d.Text); flow == nil || list.HasErrors() {
			return answer{wrong: true}
		}
		return answer{Result: p.Try(ctx, trial.Job{Dir: p.Root.Name(), Name: d.name, Text: d.Text, Limits: p.Limits})}
	})
	switch {
	case !ok:
	case result.wrong:
		refuse(w, http.StatusUnprocessableEntity, "a flow with errors cannot run; check tells them")
	default:
		result.Error = redact.Text(result.Error) // the values have none left
		for i := range result.Nodes {
			result.Nodes[i].Recent = redactItems(result.Nodes[i].Recent)
		}
		sendJSON(w, r, result.Result)
	}
}

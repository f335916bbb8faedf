package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/render"
)

// A Folder serves the flows of a folder: what is in them, what is wrong with them,
// their drawings, and the catalogue of kinds. With a Runner, readers run them. It is an
// http.Handler; Serve adds the limits of a server that faces strangers.
type Folder struct {
	options FolderOptions
	host
	flows   *flowCache
	manager *runManager
	layouts chan struct{} // one drawing at a time: a layout can take seconds
}

// FolderOptions say where flows come from.
type FolderOptions struct {
	// Token, if set, must come with every request.
	Token string
	// Paths lists the flows. It is asked for every request, so new files appear.
	Paths func() ([]string, error)
	// Load compiles one of them; the flow is nil if its text cannot be read at all. Its
	// result is kept until a file changes that the flow is made from; several
	// goroutines call it at once.
	Load func(path string) (*graph.Flow, diag.List)
	// Catalog has the kinds that flows may use.
	Catalog graph.Catalog
	// Layout gives a scene its positions, as in Options.
	Layout func(context.Context, *render.Scene) error
	// Playground, if set, is the page to write and try flows on.
	Playground *Playground
	// Runner, if set, lets readers run the flows.
	Runner *Runner

	leeway time.Duration // beyond every limit of time: only tests have some
}

// Limits of the wait for flows that are being compiled.
const (
	listTime = 2 * time.Second  // of the list
	pageTime = 20 * time.Second // of a page of one flow; less than answerTime
)

//go:embed folder.html.tmpl openapi_folder.json
var folderText embed.FS

var folderTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(folderText, "folder.html.tmpl"))
})

// NewFolder makes the server of a folder.
func NewFolder(o FolderOptions) *Folder {
	if o.Layout == nil {
		o.Layout = func(_ context.Context, s *render.Scene) error { return render.LayoutBuiltin(s) }
	}
	f := &Folder{options: o, flows: newFlowCache(o.Load, cachedWeight), layouts: make(chan struct{}, 1)}
	f.manager = newRunManager(f)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.list)
	mux.HandleFunc("GET /flow", f.flow)
	mux.HandleFunc("GET /graph.svg", f.graph)
	mux.HandleFunc("GET /nodes", f.nodes)
	mux.HandleFunc("GET /static/{name}", static)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /api/v1/openapi.json", f.openAPI)
	if o.Playground != nil {
		newPlayground(f).routes(mux)
	}
	comparer{f}.routes(mux)
	runPages{f}.routes(mux)
	f.manager.routes(mux)
	f.handler = gate{o.Token, o.Playground == nil && o.Runner == nil}.guard(mux)
	return f
}

// ServeHTTP answers one request.
func (f *Folder) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

// Serve answers on a listener until Close, and returns nil then.
func (f *Folder) Serve(l net.Listener) error { return f.serve(l) }

// Close ends the server, and at once what runs; Drain ends that in good order. It
// takes some seconds at most.
func (f *Folder) Close() {
	f.flows.close()
	f.manager.close()
	f.shut()
}

// Running is how many flows run.
func (f *Folder) Running() int { return f.manager.running() }

// Drain stops all runs: what is on its way is worked off, for as long as the Runner
// allows, and nothing new is started. The channel is closed when they are over.
func (f *Folder) Drain() (over <-chan struct{}) { return f.manager.drain() }

// A folderFlow is a flow as the pages show it.
type folderFlow struct {
	Path     string
	Name     string
	About    string
	Pending  bool // it is still being checked, and nothing else is known
	Nodes    int
	Edges    int
	Errors   int
	Warnings int
	Problems string        // printed as the command prints them
	Lines    []string      // of the file
	Drawing  template.HTML // of the flow, if there is anything to draw
}

// Large is a flow whose drawing would be too much for a page that shows more.
func (p folderFlow) Large() bool { return p.Nodes > maxNodes || p.Edges > maxEdges }

// newFolderFlow says what is known of a flow that was loaded, which may be nil.
func newFolderFlow(path string, flow *graph.Flow, list diag.List) folderFlow {
	page := folderFlow{Path: path, Name: path}
	for _, d := range list {
		if d.Severity == diag.Error {
			page.Errors++
		} else {
			page.Warnings++
		}
	}
	var b bytes.Buffer
	diag.Print(&b, list[:min(len(list), maxProblems)], diag.Style{}) // a buffer takes everything
	if more := len(list) - maxProblems; more > 0 {
		fmt.Fprintf(&b, "\nand %d more: flowrun check %s\n", more, path)
	}
	page.Problems = redact.Source(b.String())
	if flow != nil {
		page.About, page.Nodes, page.Edges = redact.Text(flow.About), len(flow.Nodes), len(flow.Edges)
		if flow.Name != "" {
			page.Name = flow.Name
		}
		if src := flow.At.Source; src != nil {
			page.Lines = strings.Split(redact.Source(strings.TrimRight(src.MaskedText(), "\n")), "\n")
		}
	}
	return page
}

// draw gives the drawing of a flow, as part of a page or as a file; nothing of one
// without nodes. A bare one has no title, where the page says it already.
func (f *Folder) draw(ctx context.Context, flow *graph.Flow, inline, bare bool) ([]byte, error) {
	if flow == nil || len(flow.Nodes) == 0 {
		return nil, nil
	}
	scene := render.FromFlow(flow)
	if bare {
		scene.Title, scene.About = "", ""
	}
	return f.picture(ctx, scene, inline)
}

// picture lays a scene out and draws it, when it is its turn.
func (f *Folder) picture(ctx context.Context, scene *render.Scene, inline bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, drawTime+f.options.leeway)
	defer cancel()
	select {
	case f.layouts <- struct{}{}:
		defer func() { <-f.layouts }()
	case <-ctx.Done():
		return nil, errors.New("too many drawings are being made just now")
	}
	if err := f.options.Layout(ctx, scene); err != nil {
		if err := render.LayoutBuiltin(scene); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := render.SVG(&b, scene, render.SVGOptions{Inline: inline})
	return b.Bytes(), err
}

// list shows all flows. One that takes long to compile is told to be on its way.
func (f *Folder) list(w http.ResponseWriter, r *http.Request) {
	paths, err := f.options.Paths()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), listTime+f.options.leeway)
	defer cancel()
	f.flows.begin(paths)
	var page struct {
		Flows   []folderFlow
		Pending int
	}
	for _, path := range paths {
		look := folderFlow{Path: path, Name: path, Pending: true}
		if e, err := f.flows.get(ctx, path, false); err == nil {
			look = e.page
		} else {
			page.Pending++
		}
		page.Flows = append(page.Flows, look)
	}
	show(w, r, "list", page)
}

// asked finds the flow that a request names; it must be one of the list.
func (f *Folder) asked(w http.ResponseWriter, r *http.Request) (path string, ok bool) {
	path = r.URL.Query().Get("path")
	paths, err := f.options.Paths()
	if err != nil || !slices.Contains(paths, path) {
		refuse(w, http.StatusNotFound, "there is no such flow here")
		return "", false
	}
	return path, true
}

// checking is what a page says while its flow is compiled.
const checking = "this flow is still being checked; ask again in a moment"

// checked finds a flow for a page of its own, or answers that it is not there yet.
func (f *Folder) checked(w http.ResponseWriter, r *http.Request, path string) (*compiledFlow, bool) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTime+f.options.leeway)
	defer cancel()
	e, err := f.flows.get(ctx, path, true)
	if err != nil {
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, checking)
		return nil, false
	}
	return e, true
}

// flow shows one flow with its problems.
func (f *Folder) flow(w http.ResponseWriter, r *http.Request) {
	path, ok := f.asked(w, r)
	if !ok {
		return
	}
	e, ok := f.checked(w, r, path)
	if !ok {
		return
	}
	page := e.page
	if !page.Large() {
		drawing, err := f.draw(r.Context(), e.flow, true, true)
		if err != nil {
			page.Problems += "\nit cannot be drawn: " + err.Error()
		}
		page.Drawing = template.HTML(drawing)
	}
	show(w, r, "flow", page)
}

// graph serves the drawing of a flow as a file.
func (f *Folder) graph(w http.ResponseWriter, r *http.Request) {
	path, ok := f.asked(w, r)
	if !ok {
		return
	}
	e, ok := f.checked(w, r, path)
	if !ok {
		return
	}
	drawing, err := f.draw(r.Context(), e.flow, false, r.URL.Query().Has("bare"))
	if err != nil || drawing == nil {
		refuse(w, http.StatusNotFound, "there is nothing to draw")
		return
	}
	w.Header().Set("Content-Security-Policy", filePolicy)
	send(w, r, "image/svg+xml", drawing)
}

// openAPI describes what is here for programs.
func (f *Folder) openAPI(w http.ResponseWriter, r *http.Request) {
	text, err := folderText.ReadFile("openapi_folder.json")
	if err != nil {
		panic(err) // it is embedded
	}
	send(w, r, "application/json", text)
}

// A kindPage is a kind in the catalogue.
type kindPage struct {
	*graph.Spec
	Settings []config.FieldInfo
}

// nodes shows the catalogue.
func (f *Folder) nodes(w http.ResponseWriter, r *http.Request) {
	var kinds []kindPage
	for _, name := range f.options.Catalog.Kinds() {
		if spec, ok := f.options.Catalog.Spec(name); ok {
			kinds = append(kinds, kindPage{spec, spec.Config.Fields()})
		}
	}
	show(w, r, "nodes", kinds)
}

// show answers with a page of the folder.
func show(w http.ResponseWriter, r *http.Request, name string, data any) {
	showIn(folderTemplate(), w, r, name, data)
}

// showIn answers with a page made from a template.
func showIn(t *template.Template, w http.ResponseWriter, r *http.Request, name string, data any) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	send(w, r, "text/html; charset=utf-8", b.Bytes())
}

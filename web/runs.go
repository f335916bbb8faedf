package web

import (
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
)

// This file has the pages of runs that are over.

//go:embed runs.html.tmpl
var runsText embed.FS

var runsTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.ParseFS(folderText, "folder.html.tmpl")).ParseFS(runsText, "runs.html.tmpl"))
})

// runPages are those of a folder.
type runPages struct{ *Folder }

func (p runPages) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /runs", p.list)
	mux.HandleFunc("GET /runs/{id}", p.report)
	mux.HandleFunc("GET /runs/compare", p.compare)
	mux.HandleFunc("GET /api/v1/runs", p.listJSON)
	mux.HandleFunc("GET /api/v1/runs/{id}", p.reportJSON)
}

// stores are where the records of the folder's flows are: beside each.
func (p runPages) stores() ([]*history.Store, error) {
	paths, err := p.options.Paths()
	return history.StoresOf(paths), err
}

// records lists those of all stores, the newest first.
func (p runPages) records() (heads []history.Head, notes []string, err error) {
	stores, err := p.stores()
	heads, notes = history.ListAll(stores)
	for i := range heads {
		heads[i].Error = redact.Text(heads[i].Error)
	}
	return heads, notes, err
}

// record finds a record by its id; it answers the request if there is none.
func (p runPages) record(w http.ResponseWriter, id string) (*history.Run, bool) {
	stores, err := p.stores()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return nil, false
	}
	for _, s := range stores {
		run, err := s.Load(id)
		switch {
		case err == nil:
			return redactRun(run), true
		case !errors.Is(err, fs.ErrNotExist):
			refuse(w, http.StatusInternalServerError, "this run cannot be read: "+err.Error())
			return nil, false
		}
	}
	refuse(w, http.StatusNotFound, "there is no such run here")
	return nil, false
}

// redactRun hides secrets in a record, which may be older than what hides them when it is
// made.
func redactRun(run *history.Run) *history.Run {
	run.Head.Error, run.Report.Error = redact.Text(run.Head.Error), redact.Text(run.Report.Error)
	for node, all := range run.Failures {
		run.Failures[node] = redactItems(all)
	}
	return run
}

// redactItems hides secrets in items that failed, and in what is said of them.
func redactItems(all []scheduler.ItemError) []scheduler.ItemError {
	all = slices.Clone(all)
	for i := range all {
		all[i].Item, all[i].Error = redact.JSON(all[i].Item), redact.Text(all[i].Error)
		all[i].Hint.Text = redact.Text(all[i].Hint.String())
		all[i].Hint.Verb = ""
	}
	return all
}

// list lists the runs.
func (p runPages) list(w http.ResponseWriter, r *http.Request) {
	heads, notes, err := p.records()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	showIn(runsTemplate(), w, r, "runs", struct {
		Runs  []runHead
		Notes []string
	}{runHeads(heads), notes})
}

// report shows one run.
func (p runPages) report(w http.ResponseWriter, r *http.Request) {
	if run, ok := p.record(w, r.PathValue("id")); ok {
		page := newRunPage(run)
		page.Before = p.before(run.Head)
		showIn(runsTemplate(), w, r, "run", page)
	}
}

// before is the id of the run of the same flow before this one, "" if there is
// none.
func (p runPages) before(run history.Head) string {
	heads, _, _ := p.records() // what cannot be read is told of in the list
	for _, h := range heads {
		if h.Flow == run.Flow && h.File == run.File && h.Started.Before(run.Started) {
			return h.ID
		}
	}
	return ""
}

// compare shows two runs side by side.
func (p runPages) compare(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("a") == "" || q.Get("b") == "" {
		refuse(w, http.StatusBadRequest, "choose two runs to compare")
		return
	}
	a, ok := p.record(w, q.Get("a"))
	if !ok {
		return
	}
	if b, ok := p.record(w, q.Get("b")); ok {
		showIn(runsTemplate(), w, r, "compare", newPairPage(a, b))
	}
}

// listJSON lists the runs for programs.
func (p runPages) listJSON(w http.ResponseWriter, r *http.Request) {
	heads, notes, err := p.records()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	if heads == nil {
		heads = []history.Head{} // a list, not null
	}
	sendJSON(w, r, struct {
		Runs  []history.Head `json:"runs"`
		Notes []string       `json:"notes,omitempty"`
	}{heads, notes})
}

// reportJSON gives one run with its timeline to programs.
func (p runPages) reportJSON(w http.ResponseWriter, r *http.Request) {
	if run, ok := p.record(w, r.PathValue("id")); ok {
		sendJSON(w, r, run)
	}
}

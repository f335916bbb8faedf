package web

import (
	"encoding/json"
	"net/http"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file answers what programs ask of the page: the API but for its streams.

// An api answers for a page.
type api struct{ *Server }

func (a api) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/openapi.json", a.openAPI)
	mux.HandleFunc("GET /api/v1/flow", a.describe)
	mux.HandleFunc("GET /api/v1/state", a.state)
	mux.HandleFunc("GET /api/v1/nodes/{id}", a.node)
}

// openAPI describes what is here for programs.
func (a api) openAPI(w http.ResponseWriter, r *http.Request) {
	text, err := files.ReadFile("openapi.json")
	if err != nil {
		panic(err) // it is embedded
	}
	send(w, r, "application/json", text)
}

// describe gives the outline.
func (a api) describe(w http.ResponseWriter, r *http.Request) { sendJSON(w, r, a.outline) }

func sendJSON(w http.ResponseWriter, r *http.Request, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	send(w, r, "application/json", append(text, '\n'))
}

// A nodeState is a node in the answer of /api/v1/state: with names and units, for
// scripts and for people.
type nodeState struct {
	State    string  `json:"state"`
	InRate   float64 `json:"in_per_second"`
	OutRate  float64 `json:"out_per_second"`
	Busy     float64 `json:"busy"` // shares of the last two seconds
	Blocked  float64 `json:"blocked"`
	Starved  float64 `json:"starved"`
	P50      float64 `json:"p50_seconds"` // of a task in the last ten seconds
	P99      float64 `json:"p99_seconds"`
	Progress float64 `json:"progress,omitempty"` // of a source that knows

	Total metrics.NodeReport `json:"total"` // since the start
}

func newNodeState(s *snapshot, i int) nodeState {
	row := s.nodes[i]
	n := nodeState{
		State: row.State.String(), InRate: float64(row.In) / 10, OutRate: float64(row.Out) / 10,
		Busy: float64(row.Busy) / 100, Blocked: float64(row.Blocked) / 100, Starved: float64(row.Starved) / 100,
		P50: float64(row.P50) / 1e6, P99: float64(row.P99) / 1e6,
		Total: s.report.Nodes[i],
	}
	if row.Progress >= 0 {
		n.Progress = float64(row.Progress) / 1000
	}
	return n
}

// An edgeState is an edge there.
type edgeState struct {
	Rate  float64            `json:"per_second"`
	Fill  float64            `json:"fill"`             // share of capacity or bytes, whichever is fuller
	Wait  float64            `json:"wait_p99_seconds"` // of batches in the last ten seconds
	Total metrics.EdgeReport `json:"total"`
}

// state gives the newest snapshot.
func (a api) state(w http.ResponseWriter, r *http.Request) {
	defer a.sampler.look()()
	now := a.sampler.latest.Load()
	answer := struct {
		Flow    string             `json:"flow"`
		Hash    string             `json:"hash"`
		Outcome string             `json:"outcome"`
		Paused  bool               `json:"paused,omitempty"`
		Error   string             `json:"error,omitempty"`
		Seconds float64            `json:"seconds"`
		Verdict verdict            `json:"verdict"`
		Cuts    *metrics.CutReport `json:"cuts,omitempty"` // of a run that has some
		Nodes   []nodeState        `json:"nodes"`
		Edges   []edgeState        `json:"edges"`
	}{a.flow.Name, a.outline.Hash, now.outcome, now.report.Paused, now.report.Error, now.at.Seconds(), now.verdict, now.report.Cuts, nil, nil}
	for i := range now.nodes {
		answer.Nodes = append(answer.Nodes, newNodeState(now, i))
	}
	for i, e := range now.edges {
		answer.Edges = append(answer.Edges, edgeState{float64(e.Rate) / 10, float64(e.Fill) / 100, float64(e.Wait) / 1e6, now.report.Edges[i]})
	}
	sendJSON(w, r, answer)
}

// node gives one node with its last errors.
func (a api) node(w http.ResponseWriter, r *http.Request) {
	now := a.sampler.latest.Load()
	for i, n := range a.flow.Nodes {
		if n.ID == r.PathValue("id") {
			sendJSON(w, r, struct {
				nodeState
				Errors []scheduler.ItemError `json:"errors"` // the last ones, the newest last
			}{newNodeState(now, i), redactItems(a.run.RecentErrors(n.ID))})
			return
		}
	}
	refuse(w, http.StatusNotFound, "the flow has no such node")
}

package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/scheduler"
)

// This file shows items on edges, to those who may see them.

// TapRules say what a page may show of the items on edges.
type TapRules struct {
	// Hide names fields that nobody is to see, besides those that package redact hides.
	Hide []string
	// Secrets are texts that nobody is to see.
	Secrets []string
}

// Limits of a tap on the page.
const (
	maxTapRate = 10              // samples a second
	tapTime    = 5 * time.Minute // then the reader asks again
	tapBeat    = 15 * time.Second
)

// A tapStream shows the items of an edge to a reader of a page.
type tapStream struct{ *Server }

// serve sends samples of the items of an edge as server-sent events: sample, and end
// with the reason. Between them idle says that the line is alive.
func (s tapStream) serve(w http.ResponseWriter, r *http.Request) {
	if !streams(w, r) {
		return
	}
	t, ok := s.open(w, r)
	if !ok {
		return
	}
	defer t.Close()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	out := newEventWriter(w, r)
	defer out.close()
	ctx, cancel := context.WithTimeout(r.Context(), tapTime)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if out.send("idle", []byte("{}")) != nil { // so that the reader knows it is open
		return
	}
	for {
		wait, stop := context.WithTimeout(ctx, tapBeat)
		sample, err := t.Next(wait)
		stop()
		event, what := "sample", any(sample)
		switch {
		case errors.Is(err, io.EOF):
			event, what = "end", why("nothing more goes over this edge")
		case err != nil && s.ctx.Err() != nil:
			event, what = "end", why("the page is closing")
		case err != nil && ctx.Err() != nil:
			event, what = "end", why("this was open for "+tapTime.String())
		case err != nil:
			event, what = "idle", struct{}{}
		}
		text, jerr := json.Marshal(what)
		if jerr != nil {
			panic(jerr) // strings and numbers
		}
		if out.send(event, text) != nil || event == "end" {
			return
		}
	}
}

func why(text string) any { return map[string]string{"why": text} }

// open opens the tap that a request asks for, or answers why not.
func (s tapStream) open(w http.ResponseWriter, r *http.Request) (*scheduler.Tap, bool) {
	edge, err := strconv.Atoi(r.PathValue("id"))
	rate := maxTapRate
	if asked := r.URL.Query().Get("rate"); asked != "" && err == nil {
		if rate, err = strconv.Atoi(asked); err == nil && (rate < 1 || rate > maxTapRate) {
			err = strconv.ErrRange
		}
	}
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case s.options.Tap == nil:
		refuse(w, http.StatusForbidden, "items are not shown here: flowrun run FLOW --ui --ui-tap allows it")
	case site != "" && site != "same-origin" && site != "none":
		refuse(w, http.StatusForbidden, "this request came from another site")
	case err != nil:
		refuse(w, http.StatusBadRequest, "want the number of an edge, and a rate of 1 to 10 items a second")
	case edge < 0 || edge >= len(s.flow.Edges):
		refuse(w, http.StatusNotFound, "the flow has no such edge")
	default:
		t, err := s.run.Tap(edge, scheduler.TapOptions{PerSecond: rate, Hide: s.options.Tap.Hide, Secrets: s.options.Tap.Secrets})
		if err != nil {
			w.Header().Set("Retry-After", "10")
			refuse(w, http.StatusServiceUnavailable, err.Error())
			return nil, false
		}
		return t, true
	}
	return nil, false
}

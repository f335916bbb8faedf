package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file has what can go wrong with a request, and which of it is tried again.

// A requestError is that of a request, with what was asked.
type requestError struct {
	method, url string
	err         error
}

func (e *requestError) Error() string {
	if e.url == "" {
		return e.method + ": " + e.err.Error()
	}
	return e.method + " " + e.url + ": " + e.err.Error()
}

func (e *requestError) Unwrap() error { return e.err }

// A longError is that of an answer which is longer than it may be.
type longError struct{ most config.Size }

func (e *longError) Error() string { return fmt.Sprintf("the answer is longer than %s", e.most) }

// Hint says what to do.
func (e *longError) Hint() diag.Hint { return diag.Hint{Text: "raise max_body if that is intended"} }

// A statusError is an answer that says that the request did not succeed.
type statusError struct {
	status  int
	text    string        // the beginning of the answer
	wait    time.Duration // what Retry-After asks for
	to      string        // of a redirect that was not followed
	secured bool          // the request had credentials
	retries bool          // the policy has more tries than one
	batch   bool          // the request had several items, which bisect could tell apart
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("the answer is %d", e.status)
	if name := nethttp.StatusText(e.status); name != "" {
		s += " " + name
	}
	switch {
	case e.to != "":
		return s + ", to " + e.to
	case e.text != "":
		return s + ": " + e.text
	}
	return s
}

// Hint says what to do.
func (e *statusError) Hint() diag.Hint {
	switch {
	case e.to != "":
		return diag.Hint{Text: "write that address as the url"}
	case (e.status == 401 || e.status == 403) && !e.secured:
		return diag.Hint{Text: "token, basic or headers say who asks"}
	case e.status == 401 || e.status == 403:
		return diag.Hint{Text: "the server does not accept the credentials of the settings"}
	case e.batch && e.speaksOfItems():
		return diag.Hint{Text: "if only some of the items are refused, `bisect: true` finds them, and sends the others"}
	case e.status == 429 && e.retries:
		return diag.Hint{Text: "`rate: 10/s` on the node asks less often"}
	case e.passing() && !e.retries:
		return diag.Hint{Text: "`retry: {attempts: 5}` on the node tries again"}
	}
	return diag.Hint{}
}

// passing reports whether the status may be another one soon.
func (e *statusError) passing() bool {
	switch e.status {
	case 408, 425, 429, 500, 502, 503, 504:
		return true
	}
	return e.status >= 520 // what proxies in front of a server say
}

// speaksOfItems reports whether the server may take some of the items of a batch that it
// refuses: it speaks of what was sent, and not of who asks or where.
func (e *statusError) speaksOfItems() bool {
	return slices.Contains([]int{400, 406, 409, 413, 422}, e.status)
}

// refused reports whether the server has not begun with the request, so that even one that
// may not be made twice is tried again.
func (e *statusError) refused() bool { return e.status == 425 || e.status == 429 || e.status == 503 }

// A finalError is one that no further try can mend, whatever was asked.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func final(err error) error { return &finalError{err} }

// maxPostponed is how long a server may ask to wait: one that asks for more gets no
// further try.
const maxPostponed = 10 * time.Minute

// A postponedError is one after which the next try waits.
type postponedError struct {
	error
	wait time.Duration
}

func (e *postponedError) Unwrap() error             { return e.error }
func (e *postponedError) RetryAfter() time.Duration { return e.wait }

// verdict decides whether a request that failed is tried again, and when.
func (c *client) verdict(ctx context.Context, r *request, err error) error {
	if err == nil {
		return nil
	}
	var wait time.Duration
	status, answered := errors.AsType[*statusError](err)
	_, ended := errors.AsType[*finalError](err)
	switch {
	case ended || errors.Is(err, nodes.ErrEnclosed):
		return nodes.Permanent(err)
	case answered && (!status.passing() || !r.again && !status.refused()):
		return nodes.Permanent(err)
	case answered && status.wait > maxPostponed:
		return nodes.Permanent(fmt.Errorf("%w; it asks to come back in %s", err, status.wait.Round(time.Second)))
	case answered:
		r.answered++
		wait = max(status.wait, leave(c.env.Node.Engine.Retry, r.answered))
	case !r.again && !unsent(err):
		return nodes.Permanent(err)
	}
	if c.env.Node.Engine.Retry.Attempts > 1 {
		told := err
		if errors.Is(err, context.DeadlineExceeded) { // in words of the flow
			told = r.failed(c.shownText(r.url), fmt.Errorf("no answer within %s", c.env.Node.Engine.Timeout))
		}
		c.log.ill(told)
	}
	return &postponedError{err, max(wait, c.budget.wait())}
}

// unsent reports whether a request has failed before anything of it was sent.
func unsent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// retryAfter reads what an answer asks to wait: seconds, or the time of a date.
func retryAfter(h nethttp.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if s, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(s)*time.Second)
	}
	at, err := nethttp.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := nethttp.ParseTime(h.Get("Date")); err == nil {
		now = date // by the clock of the server
	}
	return max(0, at.Sub(now))
}

// A budget bounds how many tries after the first there are, so that a server which is in
// trouble is not asked many times as much: a share of the requests, and always ten a
// second. What is above waits.
type budget struct {
	share float64

	mu     sync.Mutex
	tokens float64 // below zero: tries that wait
	at     time.Time
}

const (
	budgetRate  = 10  // tries a second that are always there
	budgetSaved = 100 // tokens at most
)

func newBudget(share float64) *budget { return &budget{share: share, tokens: budgetSaved} }

// asked counts a request.
func (b *budget) asked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+b.share, budgetSaved)
}

// wait takes a try and says how long it has to wait.
func (b *budget) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.at.IsZero() {
		b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*budgetRate, budgetSaved)
	}
	b.at = now
	b.tokens--
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / budgetRate * float64(time.Second))
}

// health tells in the log that a server is asked again, and that it answers again: not for
// each request.
type health struct {
	log *slog.Logger

	mu    sync.Mutex
	since time.Time // of the first failure in a row; zero: all is well
	told  time.Time
	tries int
}

// toldEvery is how often a failure that goes on is told.
const toldEvery = 30 * time.Second

func newHealth(log *slog.Logger) *health {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &health{log: log}
}

// ill is told of a failure that is tried again.
func (h *health) ill(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.since.IsZero() {
		h.since, h.tries = now, 0
	}
	if h.tries++; h.told.IsZero() || now.Sub(h.told) >= toldEvery {
		h.told = now
		h.log.Warn("a request failed; trying again", "error", err.Error(), "failed", h.tries)
	}
}

// well is told of a success.
func (h *health) well() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return
	}
	if now := time.Now(); !h.told.Before(h.since) { // it was told
		h.log.Info("requests succeed again", "failed", h.tries, "after", now.Sub(h.since).Round(time.Millisecond).String())
	}
	h.since = time.Time{}
}

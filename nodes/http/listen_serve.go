package http

import (
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the way of a request: who sent it, what is in it, what becomes of it.

// A refusal is an answer to a request that makes no item.
type refusal struct {
	status int
	reason string
}

// serve answers a request to the path of the listener.
func (o *listenOp) serve(w nethttp.ResponseWriter, r *nethttp.Request) {
	deadline := time.Now().Add(o.k.Timeout)
	control := nethttp.NewResponseController(w)
	control.SetReadDeadline(deadline)
	control.SetWriteDeadline(deadline.Add(answerTime))
	if !o.knows(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		say(w, nethttp.StatusUnauthorized, "the token is missing or wrong")
		return
	}
	if status := o.reserve(o.room(r)); status != 0 {
		o.refuse(w, refusal{status, ""})
		return
	}
	req := &arrival{size: o.room(r), answer: make(chan answer, 1)}
	no := o.read(r, req)
	if no == nil {
		// While it is waited for, the server reads on, to see whether its sender goes away.
		control.SetReadDeadline(time.Time{})
		if o.replies != nil {
			o.number(req)
		}
		if status := o.enqueue(req); status != 0 {
			o.withdraw(req)
			release(req.batches)
			no = &refusal{status, ""}
		}
	}
	if no != nil {
		o.giveBack(req.size)
	} else {
		no = o.wait(w, r, req, deadline)
	}
	if no != nil {
		if req.signed != "" {
			o.signed.forget(req.signed)
		}
		o.refuse(w, *no)
	}
}

// wait answers a request that the flow has, or says that it will not.
func (o *listenOp) wait(w nethttp.ResponseWriter, r *nethttp.Request, req *arrival, deadline time.Time) *refusal {
	if o.k.Respond == respondAccepted {
		w.WriteHeader(nethttp.StatusAccepted)
		return nil
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case a := <-req.answer:
		a.send(w)
	case <-o.closed:
		return o.unanswered(w, req, refusal{nethttp.StatusServiceUnavailable, "the flow has ended, and what became of this is not known"})
	case <-timer.C:
		if o.k.Else != nil && o.withdraw(req) {
			o.k.Else.answer().send(w)
			return nil
		}
		return o.unanswered(w, req, refusal{nethttp.StatusGatewayTimeout, "the flow has it, and is not done with it in time"})
	case <-r.Context().Done():
		return o.unanswered(w, req, refusal{nethttp.StatusServiceUnavailable, "nobody waits for the answer"})
	}
	return nil
}

// unanswered refuses a request, unless its answer comes at the same moment.
func (o *listenOp) unanswered(w nethttp.ResponseWriter, req *arrival, no refusal) *refusal {
	if o.withdraw(req) {
		return &no
	}
	if req.id != 0 { // somebody is about to answer
		a := <-req.answer
		a.send(w)
		return nil
	}
	select {
	case a := <-req.answer:
		a.send(w)
		return nil
	default:
		return &no
	}
}

// number enters a request among those that the flow answers, and its number in its item.
func (o *listenOp) number(req *arrival) {
	req.id = o.replies.enter(req)
	at := len(o.k.out.Fields) - 1
	for _, b := range req.batches {
		c := b.Cols[at]
		if c == nil {
			continue
		}
		c.Resize(b.Rows)
		for i := range b.Rows {
			c.Int[i] = req.id
		}
	}
}

// withdraw takes a request back that the flow was to answer; false if there is none, or
// somebody answers it.
func (o *listenOp) withdraw(req *arrival) bool {
	return req.id != 0 && o.replies.take(req.id) != nil
}

// send writes an answer.
func (a answer) send(w nethttp.ResponseWriter) {
	head := w.Header()
	for name, values := range a.header {
		head[name] = values
	}
	if len(a.body) > 0 {
		head.Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// answer gives the answer with its content type.
func (l *lastAnswer) answer() answer {
	a := answer{status: l.Status, header: nethttp.Header{}, body: []byte(l.Body)}
	if a.status == 0 {
		a.status = nethttp.StatusNotFound
	}
	if kind := "text/plain; charset=utf-8"; l.Body != "" {
		if json.Valid(a.body) {
			kind = "application/json"
		}
		a.header.Set("Content-Type", kind)
	}
	return a
}

// refuse answers that the flow does not take a request.
func (o *listenOp) refuse(w nethttp.ResponseWriter, no refusal) {
	reason := no.reason
	switch no.status {
	case nethttp.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		reason = "the flow has more than it can take now"
	case nethttp.StatusServiceUnavailable:
		if reason == "" {
			reason = "the flow is being stopped"
		}
		unavailable(w, reason)
		return
	case nethttp.StatusUnauthorized, nethttp.StatusRequestEntityTooLarge, nethttp.StatusRequestTimeout:
		w.Header().Set("Connection", "close")
	}
	say(w, no.status, reason)
}

// knows looks at the token, in a time that does not depend on it.
func (o *listenOp) knows(r *nethttp.Request) bool {
	want := o.k.Token.Reveal()
	if want == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(want))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// room is how much memory a body may need.
func (o *listenOp) room(r *nethttp.Request) int64 {
	if n := r.ContentLength; n >= 0 && n < int64(o.k.MaxBody) && r.Header.Get("Content-Encoding") == "" {
		return n
	}
	return int64(o.k.MaxBody)
}

// read makes items of a request.
func (o *listenOp) read(r *nethttp.Request, req *arrival) *refusal {
	body, no := o.body(r)
	if no != nil {
		return no
	}
	if o.signed != nil {
		sum, err := o.signed.verify(r.Header, body, time.Now())
		switch {
		case err == errReplayed:
			return &refusal{nethttp.StatusConflict, err.Error()}
		case err != nil:
			return &refusal{nethttp.StatusUnauthorized, err.Error()}
		}
		req.signed = sum
	}
	if o.k.Format == formatCloudEvents {
		var err error
		if body, err = eventsOf(r.Header, body); err != nil {
			return &refusal{nethttp.StatusBadRequest, err.Error()}
		}
	}
	batches, err := o.decoder.decode(body)
	if err != nil {
		return &refusal{nethttp.StatusBadRequest, err.Error()}
	}
	if o.replies != nil && count(batches) != 1 {
		release(batches)
		return &refusal{nethttp.StatusBadRequest, "a batch of events cannot be answered: send them one by one"}
	}
	o.fill(batches, r)
	req.batches = batches
	return nil
}

// body reads the body, and unpacks it.
func (o *listenOp) body(r *nethttp.Request) ([]byte, *refusal) {
	most := int64(o.k.MaxBody)
	tooLarge := &refusal{nethttp.StatusRequestEntityTooLarge, "a body may have " + o.k.MaxBody.String()}
	if r.ContentLength > most {
		return nil, tooLarge
	}
	from := io.Reader(r.Body)
	switch how := r.Header.Get("Content-Encoding"); strings.ToLower(how) {
	case "", "identity":
	case "gzip":
		packed := &io.LimitedReader{R: r.Body, N: most + 1}
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, &refusal{nethttp.StatusBadRequest, "the body is not gzip"}
		}
		from = z
	default:
		return nil, &refusal{nethttp.StatusUnsupportedMediaType, "the body is packed by " + strconv.Quote(how) + "; gzip is understood"}
	}
	size := max(r.ContentLength, 512)
	body := make([]byte, 0, min(size, most)+1) // and a line end
	for {
		if int64(len(body)) > most {
			return nil, tooLarge
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF && int64(len(body)) > most:
			return nil, tooLarge
		case err == io.EOF:
			return body, nil
		case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
			return nil, &refusal{nethttp.StatusBadRequest, "the body is not gzip"}
		case err != nil:
			return nil, &refusal{nethttp.StatusRequestTimeout, "the body did not come in time, or not whole"}
		}
	}
}

// fill sets the fields that come from the head of a request.
func (o *listenOp) fill(batches []*record.Batch, r *nethttp.Request) {
	at := len(o.k.body.Fields)
	set := func(value string, is bool) {
		for _, b := range batches {
			c := b.Cols[at]
			if c == nil {
				continue
			}
			c.Resize(b.Rows)
			for i := range b.Rows {
				if is {
					c.Str[i] = value
				} else {
					c.SetNull(i)
				}
			}
		}
		at++
	}
	for _, p := range o.k.Headers {
		values := r.Header.Values(p.Value)
		set(strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD"), len(values) > 0)
	}
	if len(o.k.Query) > 0 {
		query := r.URL.Query()
		for _, p := range o.k.Query {
			set(strings.ToValidUTF8(query.Get(p.Value), "\uFFFD"), query.Has(p.Value))
		}
	}
}

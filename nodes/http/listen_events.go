package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	nethttp "net/http"
	"strings"
)

// This file reads CloudEvents (CNCF, version 1.0): in structured mode, where the body is the
// event, in batches of them, and in binary mode, where headers are its attributes and the body
// is its data.

// eventsOf gives the events of a request as JSON values, one after the other.
func eventsOf(h nethttp.Header, body []byte) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && h.Get("Ce-Id") == "" {
		return nil, errors.New("a CloudEvent comes as application/cloudevents+json, or with headers ce-id, ce-source and ce-type")
	}
	switch {
	case kind == "application/cloudevents-batch+json":
		body = bytes.TrimSpace(body)
		if len(body) < 2 || body[0] != '[' || body[len(body)-1] != ']' || !json.Valid(body) {
			return nil, errors.New("a batch of CloudEvents is a JSON array")
		}
		return body[1 : len(body)-1], nil
	case kind == "application/cloudevents+json":
		return body, nil
	case h.Get("Ce-Id") == "":
		return nil, errors.New("this is no CloudEvent: its content type is " + kind + ", and it has no header ce-id")
	}
	event := map[string]any{"datacontenttype": kind}
	for name, values := range h {
		if attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-"); ok && len(values) == 1 {
			event[attribute] = values[0]
		}
	}
	switch body = bytes.TrimSpace(body); {
	case len(body) == 0:
	case strings.HasSuffix(kind, "json"):
		if !json.Valid(body) {
			return nil, errors.New("the body is not JSON, which its content type says")
		}
		event["data"] = json.RawMessage(body)
	default:
		event["data"] = string(body)
	}
	return json.Marshal(event)
}

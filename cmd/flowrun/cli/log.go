package cli

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph/record/jsonl"
)

// A lineHandler writes what kinds log, a line each:
//
//	look: number {"n":0}
//	orders: warning: the file grows size=812
//
// The lines of one handler and of those derived from it do not mix.
type lineHandler struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	asked func(node string) bool // whether a node is to be heard whatever the level; nil: none is
	node  string
	attrs []slog.Attr
	group string
}

func newLineHandler(w io.Writer, level slog.Level) *lineHandler {
	return &lineHandler{mu: new(sync.Mutex), w: w, level: level}
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level || level >= slog.LevelInfo && h.asked != nil && h.asked(h.node)
}

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if h.node != "" {
		b.WriteString(h.node + ": ")
	}
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	}
	b.WriteString(r.Message)
	for _, a := range h.attrs {
		writeAttr(&b, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&b, h.group, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

// writeAttr writes JSON as it is and everything else as key=value.
func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if raw, ok := v.Any().(json.RawMessage); ok {
		b.WriteString(" " + string(raw))
		return
	}
	if v.Kind() == slog.KindGroup {
		for _, inner := range v.Group() {
			writeAttr(b, group+a.Key+".", inner)
		}
		return
	}
	text := v.String()
	if strings.ContainsAny(text, " \t\r\n\"=") || text == "" {
		text = string(jsonl.AppendString(nil, text))
	}
	b.WriteString(" " + group + a.Key + "=" + text)
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = c.attrs[:len(c.attrs):len(c.attrs)]
	for _, a := range attrs {
		if a.Key == "node" && h.group == "" {
			c.node = a.Value.String()
			continue
		}
		a.Key = h.group + a.Key
		c.attrs = append(c.attrs, a)
	}
	return &c
}

func (h *lineHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.group += name + "."
	return &c
}

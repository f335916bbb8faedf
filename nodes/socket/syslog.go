package socket

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads and writes messages of syslog: RFC 5424, and RFC 3164 as it is found.

// The fields of a message, by their index.
const (
	fieldFacility = iota
	fieldSeverity
	fieldTime
	fieldHost
	fieldApp
	fieldPID
	fieldID
	fieldData
	fieldMessage
)

// syslogType is the type of a message.
func syslogType(origin func(how string) types.Origin) *types.Type {
	field := func(name string, t *types.Type) types.Field {
		return types.Field{Name: name, Type: t, Origin: origin("of a message of syslog")}
	}
	return types.Record(field("facility", types.Int), field("severity", types.Int), field("time", types.Time.Opt()),
		field("host", types.String.Opt()), field("app", types.String.Opt()), field("pid", types.String.Opt()), field("id", types.String.Opt()),
		field("data", types.Any.Opt()), field("message", types.String))
}

// A message of syslog. Texts that are "" are not there.
type message struct {
	priority           int
	time               time.Time // zero: not there
	host, app, pid, id string
	data               string // JSON
	text               string
}

// readSyslog reads a message into a row.
func readSyslog(frame []byte, now time.Time, b *record.Batch, row int) error {
	m, err := parseSyslog(frame, now)
	if err != nil {
		return err
	}
	number := func(field, n int) {
		if c := b.Cols[field]; c != nil {
			c.Int[row] = int64(n)
		}
	}
	text := func(field int, s string, is bool) {
		c := b.Cols[field]
		switch {
		case c == nil:
		case is:
			c.Str[row] = s
		default:
			c.SetNull(row)
		}
	}
	number(fieldFacility, m.priority/8)
	number(fieldSeverity, m.priority%8)
	if c := b.Cols[fieldTime]; c != nil {
		if m.time.IsZero() {
			c.SetNull(row)
		} else {
			c.Int[row] = m.time.UnixNano()
		}
	}
	text(fieldHost, m.host, m.host != "")
	text(fieldApp, m.app, m.app != "")
	text(fieldPID, m.pid, m.pid != "")
	text(fieldID, m.id, m.id != "")
	text(fieldData, m.data, m.data != "")
	text(fieldMessage, m.text, true)
	return nil
}

var (
	errNotSyslog = errors.New("it is no message of syslog: it does not begin with <NUMBER>")
	errSyslog    = errors.New("it is no message of syslog as RFC 5424 has them")
	errData      = errors.New("the structured data of the message is not well-formed")
	errText      = errors.New("the message is not UTF-8")
)

// parseSyslog reads a message. The texts that it gives do not belong to frame.
func parseSyslog(frame []byte, now time.Time) (m message, err error) {
	frame = bytes.TrimRight(frame, "\r\n\x00")
	if !utf8.Valid(frame) {
		return m, errText
	}
	s := string(frame)
	end := strings.IndexByte(s, '>')
	if end < 2 || end > 4 || s[0] != '<' {
		return m, errNotSyslog
	}
	m.priority, err = strconv.Atoi(s[1:end])
	if err != nil || m.priority < 0 || m.priority > 191 || s[1] == '+' || s[1] == '-' {
		return m, errNotSyslog
	}
	s = s[end+1:]
	if rest, ok := strings.CutPrefix(s, "1 "); ok {
		return m, m.parse5424(rest)
	}
	m.parse3164(s, now)
	return m, nil
}

// parse5424 reads what stands behind the version.
func (m *message) parse5424(s string) error {
	var words [5]string
	for i := range words {
		var ok bool
		if words[i], s, ok = strings.Cut(s, " "); !ok || words[i] == "" {
			return errSyslog
		}
		if words[i] == "-" {
			words[i] = ""
		}
	}
	if words[0] != "" {
		t, err := time.Parse(time.RFC3339Nano, words[0])
		if err != nil || t.Year() < 1678 || t.Year() > 2261 {
			return errors.New("the time of the message is not one of RFC 3339")
		}
		m.time = t
	}
	m.host, m.app, m.pid, m.id = words[1], words[2], words[3], words[4]
	rest, ok := strings.CutPrefix(s, "-")
	if !ok {
		var err error
		if m.data, rest, err = structured(s); err != nil {
			return err
		}
	}
	if rest != "" && rest[0] != ' ' {
		return errData
	}
	m.text = strings.TrimPrefix(strings.TrimPrefix(rest, " "), "\uFEFF")
	return nil
}

// structured reads elements such as [id name="value"], as JSON, and gives what follows.
func structured(s string) (data, rest string, err error) {
	var out bytes.Buffer
	quote := func(text string) {
		q, _ := record.JSON(text)
		out.Write(q)
	}
	out.WriteByte('{')
	ids := map[string]bool{}
	for first := true; strings.HasPrefix(s, "["); first = false {
		n := strings.IndexAny(s, " ]")
		if n < 2 || ids[s[1:n]] {
			return "", "", errData
		}
		ids[s[1:n]] = true
		if !first {
			out.WriteByte(',')
		}
		quote(s[1:n])
		out.WriteString(":{")
		s = s[n:]
		names := map[string]bool{}
		for strings.HasPrefix(s, " ") {
			name, after, ok := strings.Cut(s[1:], `="`)
			if !ok || name == "" || strings.ContainsAny(name, " ]\"=") {
				return "", "", errData
			}
			value, tail, ok := quoted(after)
			if !ok {
				return "", "", errData
			}
			s = tail
			if names[name] { // a name may come again: the first counts
				continue
			}
			if len(names) > 0 {
				out.WriteByte(',')
			}
			names[name] = true
			quote(name)
			out.WriteByte(':')
			quote(value)
		}
		if !strings.HasPrefix(s, "]") {
			return "", "", errData
		}
		s = s[1:]
		out.WriteByte('}')
	}
	if len(ids) == 0 {
		return "", "", errData
	}
	out.WriteByte('}')
	return out.String(), s, nil
}

// quoted reads a value up to its quote.
func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`"\]`, s[i+1]) >= 0:
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// parse3164 reads what it can of a message of the old form; the rest is its text. Such a
// time has no year and no zone: it is that of the year in which it is nearest to now, in
// UTC.
func (m *message) parse3164(s string, now time.Time) {
	const stamp = time.Stamp // "Jan _2 15:04:05"
	whole := s
	if len(s) > len(stamp) && s[len(stamp)] == ' ' {
		if t, err := time.Parse(stamp, s[:len(stamp)]); err == nil {
			m.time, s = nearest(t, now), s[len(stamp)+1:]
		}
	} else if word, rest, ok := strings.Cut(s, " "); ok {
		if t, err := time.Parse(time.RFC3339Nano, word); err == nil && t.Year() >= 1678 && t.Year() <= 2261 {
			m.time, s = t, rest
		}
	}
	if m.time.IsZero() {
		m.text = whole
		return
	}
	if host, rest, ok := strings.Cut(s, " "); ok && host != "" && !strings.HasSuffix(host, ":") {
		m.host, s = host, rest
	}
	tag, rest, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsAny(tag, " \t") || tag == "" {
		m.text = s
		return
	}
	m.text = strings.TrimPrefix(rest, " ")
	if name, pid, ok := strings.Cut(tag, "["); ok && strings.HasSuffix(pid, "]") {
		m.app, m.pid = name, strings.TrimSuffix(pid, "]")
		return
	}
	m.app = tag
}

// nearest gives a time without a year the year in which it is nearest to now.
func nearest(t, now time.Time) time.Time {
	now = now.UTC()
	best := time.Time{}
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		at := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		if at.Day() != t.Day() { // 29 February of another year
			continue
		}
		if best.IsZero() || at.Sub(now).Abs() < best.Sub(now).Abs() {
			best = at
		}
	}
	return best
}

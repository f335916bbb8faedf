package socket

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes messages of syslog, as RFC 5424 has them.

// A syslogEncoder makes messages of records that have some of the fields of one.
type syslogEncoder struct{ at map[string]int }

// written are the fields that a message is made of, and of which kind they are.
var written = map[string]types.Kind{"facility": types.KindInt, "severity": types.KindInt, "time": types.KindTime,
	"host": types.KindString, "app": types.KindString, "pid": types.KindString, "id": types.KindString, "message": types.KindString}

// refusesSyslog says why no message can be made of a type, "" if one can.
func refusesSyslog(t *types.Type) string {
	if !t.IsRecord() {
		return "its items are no records"
	}
	if _, ok := t.Field("message"); !ok {
		return `a message of syslog needs a field "message"`
	}
	for _, f := range t.Fields {
		switch kind, ok := written[f.Name]; {
		case f.Name == "data":
		case !ok:
			return fmt.Sprintf("a message of syslog has no field %q", f.Name)
		case f.Type.Kind != kind:
			return fmt.Sprintf("field %q is %s", f.Name, f.Type)
		}
	}
	return ""
}

func newSyslogEncoder(t *types.Type) *syslogEncoder {
	e := &syslogEncoder{at: map[string]int{}}
	for i, f := range t.Fields {
		e.at[f.Name] = i
	}
	return e
}

// Of a message that does not say: the user's, and a notice.
const (
	usualFacility = 1
	usualSeverity = 5
)

// appendRow writes a message, without what ends it.
func (e *syslogEncoder) appendRow(dst []byte, b *record.Batch, row int) []byte {
	column := func(name string) *record.Column {
		i, ok := e.at[name]
		if !ok || b.Cols[i] == nil || b.Cols[i].IsNull(row) {
			return nil
		}
		return b.Cols[i]
	}
	number := func(name string, usual, most int64) int64 {
		if c := column(name); c != nil && c.Int[row] >= 0 && c.Int[row] <= most {
			return c.Int[row]
		}
		return usual
	}
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, 8*number("facility", usualFacility, 23)+number("severity", usualSeverity, 7), 10)
	dst = append(dst, ">1 "...)
	if c := column("time"); c != nil {
		dst = time.Unix(0, c.Int[row]).UTC().AppendFormat(dst, "2006-01-02T15:04:05.999999Z07:00")
	} else {
		dst = append(dst, '-')
	}
	for _, word := range []struct {
		name string
		most int
	}{{"host", 255}, {"app", 48}, {"pid", 128}, {"id", 32}} {
		dst = append(dst, ' ')
		text := ""
		if c := column(word.name); c != nil {
			text = printable(c.Str[row], word.most)
		}
		if text == "" {
			text = "-"
		}
		dst = append(dst, text...)
	}
	dst = append(dst, " - "...)
	if c := column("message"); c != nil {
		dst = append(dst, c.Str[row]...)
	}
	return dst
}

// printable leaves of a word of the head what may stand there: visible ASCII.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, s)
	return s[:min(len(s), most)]
}

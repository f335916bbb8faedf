package socket

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// Messages of the RFCs, and what programs send.
func TestParseSyslog(t *testing.T) {
	at := func(text string) time.Time {
		m, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for text, want := range map[string]message{
		"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \uFEFF'su root' failed for lonvick on /dev/pts/8": {
			34, at("2003-10-11T22:14:15.003Z"), "mymachine.example.com", "su", "", "ID47", "", "'su root' failed for lonvick on /dev/pts/8"},
		"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.": {
			165, at("2003-08-24T12:14:15.000003Z"), "192.0.2.1", "myproc", "8710", "", "", "%% It's time to make the do-nuts."},
		`<165>1 2003-10-11T22:14:15.003Z m evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="App\"li\]c\\ation" iut="4"][x@1 class="high"] An event`: {
			165, at("2003-10-11T22:14:15.003Z"), "m", "evntslog", "", "ID47", `{"exampleSDID@32473":{"iut":"3","eventSource":"App\"li]c\\ation"},"x@1":{"class":"high"}}`, "An event"},
		"<0>1 - - - - - [a]": {0, time.Time{}, "", "", "", "", `{"a":{}}`, ""},
		"<34>Oct 11 22:14:15 mymachine su: 'su root' failed": {
			34, at("2025-10-11T22:14:15Z"), "mymachine", "su", "", "", "", "'su root' failed"},
		"<13>Jan  3 01:02:03 host cron[77]: (root) CMD (x)\n": {13, at("2026-01-03T01:02:03Z"), "host", "cron", "77", "", "", "(root) CMD (x)"},
		"<13>2026-01-02T03:04:05+01:00 host app: hello":       {13, at("2026-01-02T02:04:05Z"), "host", "app", "", "", "", "hello"},
		"<13>just a text: with a colon":                       {13, time.Time{}, "", "", "", "", "", "just a text: with a colon"},
		"<13>Jan  2 01:02:03 host a text without a tag":       {13, at("2026-01-02T01:02:03Z"), "host", "", "", "", "", "a text without a tag"},
		"<13>": {13, time.Time{}, "", "", "", "", "", ""},
	} {
		got, err := parseSyslog([]byte(text), noon)
		if got.time = got.time.UTC(); got.time.Year() == 1 {
			got.time = time.Time{}
		}
		if err != nil || got != want {
			t.Errorf("%s\ngives %+v, %v\nwant  %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                       "does not begin",
		"hello":                                  "does not begin",
		"<192>1 - - - - - -":                     "does not begin",
		"<+13>x":                                 "does not begin",
		"<13>1 - - -":                            "RFC 5424",
		"<13>1 yesterday - - - - - x":            "RFC 3339",
		"<13>1 9999-01-01T00:00:00Z - - - - - x": "RFC 3339",
		`<13>1 - - - - - [a b="c] x`:             "structured data",
		`<13>1 - - - - - [a b="c"]x`:             "structured data",
		`<13>1 - - - - - [a][a] x`:               "structured data",
		"<13>1 - - - - - x":                      "structured data",
		"<13>1 - - - - - - \xff":                 "UTF-8",
	} {
		if _, err := parseSyslog([]byte(text), noon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzSyslog looks for messages whose structured data is no JSON, or that panic.
func FuzzSyslog(f *testing.F) {
	f.Add([]byte(`<165>1 2003-10-11T22:14:15.003Z m e - ID47 [x iut="3" s="\"\]\\"] An event`))
	f.Add([]byte("<34>Oct 11 22:14:15 mymachine su[3]: 'su root' failed"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := parseSyslog(frame, noon)
		if err == nil && m.data != "" && !json.Valid([]byte(m.data)) {
			t.Errorf("%q gives %s", frame, m.data)
		}
		if err == nil && (m.priority < 0 || m.priority > 191) {
			t.Errorf("%q has the priority %d", frame, m.priority)
		}
	})
}

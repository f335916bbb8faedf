package redact

import (
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
)

// Items without their secrets.

// readPerShown is how much of an item is looked at to show one byte of it, so that an
// item of many megabytes costs no more than a message needs.
const readPerShown = 16

// Item gives one item as JSON for people: without its secrets and, cut or not, at
// most so many bytes and an ellipsis. Row is that of a batch in memory, or the index
// of a Go value.
func Item(d record.Data, row, most int) (text string, cut bool) { return standard.Item(d, row, most) }

// Item gives one item as JSON for people, as the function Item does.
func (r *Redactor) Item(d record.Data, row, most int) (text string, cut bool) {
	whole := string(jsonl.AppendItem(nil, d, row))
	if len(whole) > readPerShown*most {
		whole, cut = whole[:readPerShown*most], true
	}
	out, _ := r.appendJSON(nil, whole) // a string that breaks off is one that was cut
	text = string(out)
	if len(text) > most {
		text, cut = text[:most], true
	}
	if cut {
		text = wholeRunes(text) + "…"
	}
	return text, cut
}

// Raw gives a text that was to become an item, but could not be read, as a JSON
// string for people, as Item does.
func Raw(raw string, most int) (text string, cut bool) {
	text = string(jsonl.AppendString(nil, Text(raw)))
	if len(text) > most {
		return wholeRunes(text[:most]) + "…", true
	}
	return text, false
}

// wholeRunes leaves out what a cut has left of a character.
func wholeRunes(text string) string {
	for n := len(text) - 1; n >= max(0, len(text)-utf8.UTFMax); n-- {
		if utf8.RuneStart(text[n]) {
			if !utf8.FullRuneInString(text[n:]) {
				return text[:n]
			}
			break
		}
	}
	return text
}

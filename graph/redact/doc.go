// Package redact decides what is a secret and hides it, for everything that shows
// data or settings: messages, reports and logs, taps, trials, failing tests, the
// page, comparisons and drawings of flows.
//
//	redact.IsSecret("dbPassword")                     // true
//	redact.Text("no route to nats://me:pw@host")      // no route to nats://me:•••@host
//	redact.JSON(`{"user":"ada","api_key":"x"}`)       // {"user":"ada","api_key":"•••"}
//	redact.Setting("with.password", "${PW:-hunter2}") // ${PW:-•••}
//
// # Terms
//
// A name is that of a field, a setting, a variable, a header or a flag. An item is
// one record, or one Go value, as JSON. A text is anything for people: a message, or
// a string in an item. A source is the text of a flow's file, or a part of it.
//
// # Laws
//
//  1. What is hidden in one place is hidden in all: there is one list of names
//     (names.go), and whoever shows something asks this package. Names that a user
//     adds for one tap hold for that tap alone.
//  2. It goes by names. A secret under a harmless name is shown, unless it follows a
//     name or a scheme of authorization inside a text, is the password of an
//     address, or is one of the texts that New was told. A name is judged by its
//     words, however they are written: api_key, apiKey, API-KEY and apikey are one,
//     and monkey is none. When in doubt it hides.
//  3. A value under a secret name is hidden whatever it is: null, a number, a whole
//     record. There is one exception: session may be the name of a span of time or
//     of a record, so spans are shown and records are looked into. In a source,
//     types and nodes may have any name.
//  4. What comes out has the form of what went in: JSON stays JSON, a source keeps
//     its lines. To hide twice is to hide once.
//  5. Only what is shown goes through here. Data that a flow routes, to a file or to
//     an error port, stays whole.
//
// Everything here may be used by any goroutine and takes time in proportion to what
// it reads.
package redact

package nats

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	client "github.com/nats-io/nats.go"
)

// This file has what messages, subjects and durables are called.

// A token is where a message came from, and how it is acknowledged.
type token struct {
	reply     string // "": it is not
	stream    string
	seq       uint64
	delivered uint64
	handOut   uint64 // counts those of the durable
	time      int64  // nanoseconds since 1970
	pending   int64  // messages that waited for the durable behind this one
	number    uint64 // counts the messages of the session
}

// tokenOf reads what the server writes into the reply of a message:
//
//	$JS.ACK.STREAM.DURABLE.DELIVERED.SEQ.SEQ_OF_DURABLE.TIME.PENDING
//
// and with DOMAIN.ACCOUNT behind ACK since JetStream has these.
func tokenOf(reply string) (t token, ok bool) {
	var parts [16]string
	n := 0
	for part := range strings.SplitSeq(reply, ".") {
		if n == len(parts) {
			return t, false
		}
		parts[n] = part
		n++
	}
	at := 2
	switch {
	case parts[0] != "$JS" || parts[1] != "ACK" || n < 9:
		return t, false
	case n >= 11:
		at = 4
	}
	t.reply, t.stream = reply, parts[at]
	var err [5]error
	t.delivered, err[0] = strconv.ParseUint(parts[at+2], 10, 64)
	t.seq, err[1] = strconv.ParseUint(parts[at+3], 10, 64)
	t.handOut, err[4] = strconv.ParseUint(parts[at+4], 10, 64)
	t.time, err[2] = strconv.ParseInt(parts[at+5], 10, 64)
	t.pending, err[3] = strconv.ParseInt(parts[at+6], 10, 64)
	return t, errors.Join(err[:]...) == nil
}

// place is where a message came from, as bad items have it.
func (t token) place(subject string) string {
	if t.stream == "" {
		return subject
	}
	return fmt.Sprintf("%s@%d", t.stream, t.seq)
}

// keyOf is the key of a subject $KV.BUCKET.KEY.
func keyOf(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	_, key, _ := strings.Cut(rest, ".")
	return key
}

// kvHeader says what has happened to a key, if it was not put.
const kvHeader = "KV-Operation"

func operationOf(m *client.Msg) string {
	switch m.Header.Get(kvHeader) {
	case "DEL":
		return "delete"
	case "PURGE":
		return "purge"
	}
	if m.Header.Get("Nats-Marker-Reason") != "" { // the server has let it go by its age
		return "delete"
	}
	return "put"
}

// badSubject says what is wrong with a subject, nil if nothing is.
func badSubject(subject string, wild bool) error {
	if strings.ContainsAny(subject, " \t\r\n\x00") {
		return errors.New("has a space in it")
	}
	rest, more := subject, true
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		switch {
		case part == "":
			return errors.New("has an empty part between its points")
		case (part == "*" || part == ">") && !wild:
			return errors.New("has a " + part + ", which is for those who read")
		case part == ">" && more:
			return errors.New("has a > that is not at its end")
		}
	}
	return nil
}

var durableName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^.*>/\\\s]+$`) })

func badDurable(name string) error {
	if !durableName().MatchString(name) {
		return errors.New(`has a space, or one of . * > / \`)
	}
	return nil
}

// durableOf is the durable of a node: FLOW-NODE, if nothing else is said.
func durableOf(said, flow, node string) string {
	if said != "" {
		return said
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`.*>/\ `, r) || r < ' ' {
			return '_'
		}
		return r
	}, flow+"-"+node)
}

var keyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$`) })

// badKey says what is wrong with a key of a bucket, nil if nothing is.
func badKey(key string) error {
	if !keyName().MatchString(key) {
		return fmt.Errorf("a key has letters, digits and - / _ = . in it, and no others: %q", key)
	}
	return nil
}

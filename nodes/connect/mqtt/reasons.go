package mqtt

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says what the reasons of a broker mean, and what to do about them.

// Reasons that somebody here asks for, by the numbers of MQTT 5.
const (
	success         = 0x00
	badVersion      = 0x84
	badLogin        = 0x86
	notAuthorized   = 0x87
	takenOver       = 0x8E
	topicInvalid    = 0x90
	receiveExceeded = 0x93
	tooLarge        = 0x95
	quotaExceeded   = 0x97
	noShared        = 0x9E
)

// A reason is what a code of a broker says, to whom it is a failure of the moment, and what
// to do about it.
type reason struct {
	text    string
	passing bool // another try may fare better
	hint    string
}

var reasons = map[byte]reason{
	0x80:            {"it does not say why", false, "the log of the broker may tell"},
	0x81:            {"it cannot read the packet", false, ""},
	0x82:            {"it sees a breach of the protocol", false, "the log of the broker may tell"},
	0x83:            {"it has a reason of its own", false, "the log of the broker may tell"},
	badVersion:      {"it does not speak MQTT 5", false, "MQTT 5 is needed: EMQX, HiveMQ, mosquitto from 1.6 on, RabbitMQ from 3.13 on and VerneMQ have it"},
	0x85:            {"it does not take the client id", false, "write another one as client_id"},
	badLogin:        {"wrong user or password", false, "look at the user and the password of the url: mqtt://USER:${env:MQTT_PASSWORD}@HOST"},
	notAuthorized:   {"not authorized", false, "the user may not do that, or the url has no user: see the access list of the broker"},
	0x88:            {"it is not available", true, ""},
	0x89:            {"it is busy", true, ""},
	0x8A:            {"the client is banned", false, "ask whoever runs the broker"},
	0x8B:            {"it is shutting down", true, ""},
	0x8C:            {"it wants another way to log in", false, "only a user with a password, and certificates, are supported"},
	0x8D:            {"it has heard nothing for too long", true, ""},
	takenOver:       {"another client has connected with the same client id, and has the session now", false, "run the flow once, give each process a `client_id` of its own, or let several share a subscription: topics: $share/GROUP/TOPIC with a `client_id` each"},
	0x8F:            {"it does not take the topic filter", false, "+ stands for one whole level, # for all that follow, at the end"},
	topicInvalid:    {"it does not take the topic", false, ""},
	receiveExceeded: {"more messages were under way than it allows", true, ""},
	0x94:            {"it does not know the alias of a topic", true, ""},
	tooLarge:        {"the packet is larger than it takes", false, "see max_packet_size, or the like, of the broker"},
	0x96:            {"messages come too fast", true, ""},
	quotaExceeded:   {"a quota is exceeded", true, ""},
	0x98:            {"somebody has closed the connection", true, ""},
	0x99:            {"the message is not of the format that it says", false, ""},
	0x9A:            {"it keeps no retained messages", false, "leave out retain"},
	0x9B:            {"it does not support the qos", false, "write a smaller qos"},
	0x9C:            {"another broker is to be used", false, "write its address as url"},
	0x9D:            {"the broker has moved", false, "write its new address as url"},
	noShared:        {"it has no shared subscriptions", false, "leave out $share/GROUP/, and run one process"},
	0x9F:            {"connections come too fast", true, ""},
	0xA0:            {"the connection has lasted as long as it may", true, ""},
	0xA1:            {"it has no identifiers of subscriptions", false, ""},
	0xA2:            {"it has no topic filters with + and #", false, "write out the topics"},
}

// A refusal is an answer of the broker that is none that was hoped for.
type refusal struct {
	what string // "the connection", "the topic a/+"
	code byte
	why  string // the broker's own words; may be empty
}

func (r *refusal) Error() string {
	text := reasons[r.code].text
	if text == "" {
		text = "for reason"
	}
	text = fmt.Sprintf("%s refuses %s: %s (0x%02X)", theBroker, r.what, text, r.code)
	if r.why != "" {
		text += ": " + r.why
	}
	return text
}

// Hint says what to do about it.
func (r *refusal) Hint() diag.Hint {
	if r.what == theConnection && r.code == notAuthorized { // some brokers say so of a wrong password
		return diag.Hint{Text: reasons[badLogin].hint}
	}
	return diag.Hint{Text: reasons[r.code].hint}
}

// theConnection is what a broker refuses that takes no session.
const theConnection = "the connection"

// errFight is told where a broker gives a session and closes the connection at once, time and
// again. Some do so, and say nothing, when another client takes the session over.
var errFight = &disabled{
	fmt.Sprintf("%s gives a session, and closes the connection at once, %d times in a row: it seems that another client has the same client id", theBroker, mostShort),
	reasons[takenOver].hint,
}

var (
	errAddress = errors.New("the url is no address of a broker")
	errSilent  = errors.New("the broker is silent")
	errNotMQTT = errors.New("what answers is no broker of MQTT 5")
)

// A disabled is what a broker has said it does not do.
type disabled struct{ what, hint string }

func (d *disabled) Error() string   { return d.what }
func (d *disabled) Hint() diag.Hint { return diag.Hint{Text: d.hint} }

// lost reports whether another session may not have an error.
func lost(err error) bool {
	if r, ok := errors.AsType[*refusal](err); ok {
		return reasons[r.code].passing
	}
	if _, ok := errors.AsType[*disabled](err); ok {
		return false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	return !errors.Is(err, errAddress) && !errors.Is(err, errNotMQTT) && !errors.Is(err, nodes.ErrEnclosed)
}

// advised adds what to do to an error of opening a session.
func advised(err error) error {
	hint := peer.HintOf(err)
	switch {
	case hint != "":
	case errors.Is(err, errNotMQTT):
		hint = "look at the port of the url; a broker with MQTT 3 alone will not do"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		hint = "if the broker takes only secured connections, write mqtts:// or `tls: {}`; if it speaks MQTT 3 alone, it will not do"
	default:
		return err
	}
	return peer.Hinted(err, hint)
}

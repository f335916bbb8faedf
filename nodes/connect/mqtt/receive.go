package mqtt

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is a session that messages come by.

// A token is what a message is acknowledged by.
type token struct {
	topic string
	id    uint16
	qos   byte
}

// An inlet makes the sessions of a node, one after the other.
type inlet struct {
	k        *reader
	env      *nodes.Env
	clean    bool // the next session is a new one
	begun    bool // there was one
	sessions succession
	again    atomic.Int64 // messages that the broker may have sent before
	notes    nodes.Notebook
}

const (
	// mostQueued is how many bytes of messages wait for the flow; behind them the broker does.
	mostQueued = 4 << 20
	// overhead is what a message takes beside its body, in bytes, about.
	overhead = 200
	// stalled is after which time without a message a broker may have reached its limit of
	// messages that are under way.
	stalled = 2 * time.Millisecond
	// fewest is how many messages must be under way at least for that.
	fewest = 10
)

// A receiver is a session of mqtt.read.
type receiver struct {
	i *inlet
	w *wire

	suback chan *packets.Suback

	mu     sync.Mutex
	queue  []message.Message[token]
	bytes  int
	open   int           // messages that have come and are not acknowledged
	window int           // how many the broker lets be under way, as far as is known
	more   chan struct{} // something is in the queue
	room   chan struct{} // something has left the queue
}

// connect begins a session and subscribes.
func (i *inlet) connect(ctx context.Context) (*receiver, error) {
	r := &receiver{i: i, suback: make(chan *packets.Suback, 1), window: int(i.k.ReceiveMax), more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	s := session{id: i.k.clientID(i.env), clean: i.clean, receive: int(i.k.ReceiveMax)}
	if i.k.Acks() {
		s.expiry = i.k.SessionExpiry
	}
	w, err := i.sessions.open(ctx, &i.k.Link, i.env, s, r.take)
	if err != nil {
		return nil, err
	}
	r.w = w
	if err := r.subscribe(ctx, i.k.Topics, packets.RetainSendOnSubscribeIfNew); err != nil {
		w.close()
		return nil, err
	}
	if i.begun && !w.present && i.k.Acks() {
		i.env.Log.Warn("the broker has lost the session: what it had kept for it and has been published since is lost", "client_id", s.id)
		i.notes.Add("the broker had lost the session", 1, w.conn.RemoteAddr().String())
	}
	i.begun, i.clean = true, !i.k.Acks()
	return r, nil
}

// subscribe asks for the topics. A broker that has the session knows them, and does not give
// retained messages once more.
func (r *receiver) subscribe(ctx context.Context, topics []string, retained byte) error {
	p := &packets.Subscribe{PacketID: 1, Properties: &packets.Properties{}}
	for _, t := range topics {
		o := packets.SubOptions{Topic: t, QoS: byte(r.i.k.QoS), RetainHandling: retained}
		p.Subscriptions = append(p.Subscriptions, o)
	}
	if err := r.w.write(p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	var answer *packets.Suback
	select {
	case answer = <-r.suback:
	case <-r.w.done:
		return r.w.why()
	case <-ctx.Done():
		return fmt.Errorf("%s does not answer a subscription: %w", theBroker, context.Cause(ctx))
	}
	if len(answer.Reasons) != len(topics) {
		return errBadPacket
	}
	for k, code := range answer.Reasons {
		topic := topics[k]
		switch {
		case code >= 0x80:
			return &refusal{"the topic " + topic, code, answer.Properties.ReasonString}
		case int64(code) < r.i.k.QoS:
			r.i.env.Log.Warn("the broker gives less than the qos that was asked for", "topic", topic, "asked", r.i.k.QoS, "qos", code)
		}
	}
	return nil
}

// take handles a packet, on the goroutine of the wire.
func (r *receiver) take(w *wire, p packets.Packet) error {
	switch p := p.(type) {
	case *packets.Publish:
		return r.publish(w, p)
	case *packets.Pubrel:
		return w.send(func(dst []byte) []byte { return appendID(dst, headPubcomp, p.PacketID) })
	case *packets.Suback:
		select {
		case r.suback <- p:
			return nil
		default:
		}
	}
	return errBadPacket
}

// publish puts a message into the queue. It waits while that is full.
func (r *receiver) publish(w *wire, p *packets.Publish) error {
	m := message.Message[token]{Token: token{p.Topic, p.PacketID, p.QoS}, Content: message.Content{Body: p.Payload, Props: r.i.values(p)}}
	if p.Duplicate {
		r.i.again.Add(1)
	}
	r.mu.Lock()
	for r.bytes > mostQueued {
		r.mu.Unlock()
		select {
		case <-r.room:
		case <-w.leaving:
			return nil
		case <-w.done:
			return w.why()
		}
		r.mu.Lock()
	}
	r.queue = append(r.queue, m)
	r.bytes += len(m.Body) + overhead
	if p.QoS > 0 {
		if r.open++; r.open > r.window {
			r.window = r.open
		}
	}
	r.mu.Unlock()
	poke(r.more)
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Receive implements message.Receiver. A broker lets so many messages be under way, and sends
// no more until some are acknowledged: then it asks for a cut.
func (r *receiver) Receive(ctx context.Context) ([]message.Message[token], error) {
	var quiet <-chan time.Time
	for {
		r.mu.Lock()
		ms := r.queue
		r.queue, r.bytes = nil, 0
		if quiet != nil && len(ms) == 0 {
			r.window = max(fewest, r.open)
		}
		many := r.open >= fewest
		full := many && r.open >= r.window/2
		r.mu.Unlock()
		if len(ms) > 0 {
			poke(r.room)
			return ms, nil
		}
		if full && r.i.env.Cut != nil {
			r.i.env.Cut()
		}
		if quiet = nil; many {
			quiet = time.After(stalled)
		}
		select {
		case <-r.more:
			quiet = nil
		case <-quiet:
		case <-r.w.done:
			return nil, r.w.why()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Ack implements message.Receiver. A message of QoS 2 is acknowledged by saying that it was
// received; whatever is left is about its number.
func (r *receiver) Ack(_ context.Context, tokens []token) error {
	n := 0
	err := r.w.send(func(dst []byte) []byte {
		for _, t := range tokens {
			switch t.qos {
			case 1:
				dst = appendID(dst, headPuback, t.id)
			case 2:
				dst = appendID(dst, headPubrec, t.id)
			default:
				continue
			}
			n++
		}
		return dst
	})
	r.mu.Lock()
	r.open -= n
	r.mu.Unlock()
	return err
}

// Close implements message.Receiver.
func (r *receiver) Close() { r.w.close() }

// values gives the properties of a message that were asked for.
func (i *inlet) values(p *packets.Publish) []message.Value {
	if len(i.k.shape.Asked) == 0 {
		return nil
	}
	vs := make([]message.Value, len(i.k.shape.Asked))
	for n, asked := range i.k.shape.Asked {
		v := &vs[n]
		switch asked.Name {
		case "topic":
			v.Text = valid(p.Topic)
		case "retained":
			v.Int = truth(p.Retain)
		case "duplicate":
			v.Int = truth(p.Duplicate)
		case "qos":
			v.Int = int64(p.QoS)
		case "content_type":
			*v = textOrNull(p.Properties.ContentType)
		case "response_topic":
			*v = textOrNull(p.Properties.ResponseTopic)
		default:
			v.Null = true
			for _, u := range p.Properties.User {
				if message.Headers+u.Key == asked.Name {
					*v = message.Value{Text: valid(u.Value)}
				}
			}
		}
	}
	return vs
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func textOrNull(s string) message.Value { return message.Value{Text: valid(s), Null: s == ""} }

// valid makes a text of what a broker has let pass.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is a session that sends messages.

// An outlet makes the sessions of a node, one after the other, and knows what is under way by
// numbers that the broker knows, too: messages of QoS 2.
type outlet struct {
	k        *writer
	env      *nodes.Env
	begun    bool
	sessions succession
	flights  map[*message.Outgoing]*flight
}

// A flight is a message that is under way.
type flight struct {
	m        *message.Outgoing
	id       uint16
	size     int  // of its packet
	again    bool // of QoS 2: it was sent on a connection before
	received bool // of QoS 2: the broker has it, and may pass it on
}

// sessionOfQoS2 is how long the broker keeps the numbers of messages of QoS 2 while it is away.
const sessionOfQoS2 = time.Hour

// A sender is a session of mqtt.write.
type sender struct {
	o      *outlet
	w      *wire
	window int // how many messages may be under way
	props  []byte

	mu     sync.Mutex
	flying map[uint16]*flight
	next   uint16
	failed error
	news   chan struct{} // something was answered
}

// connect begins a session.
func (o *outlet) connect(ctx context.Context) (*sender, error) {
	s := &sender{o: o, flying: map[uint16]*flight{}, news: make(chan struct{}, 1)}
	as := session{id: o.k.clientID(o.env), clean: !o.begun || o.k.QoS < 2}
	if o.k.QoS == 2 {
		as.expiry = sessionOfQoS2
	}
	w, err := o.sessions.open(ctx, &o.k.Link, o.env, as, s.take)
	if err != nil {
		return nil, err
	}
	s.w, s.window = w, w.receive
	if err := o.k.refused(w); err != nil {
		w.close()
		return nil, err
	}
	if !w.present {
		clear(o.flights) // the broker does not know their numbers any more
	}
	o.begun = true
	s.props = s.common()
	return s, nil
}

// refused says what the broker does not do that the settings want.
func (k *writer) refused(w *wire) error {
	switch {
	case int64(w.qos) < k.QoS:
		return &disabled{fmt.Sprintf("the broker takes messages up to QoS %d", w.qos), fmt.Sprintf("write qos: %d", w.qos)}
	case k.Retain && !w.retains:
		return &disabled{"the broker keeps no retained messages", "leave out retain"}
	}
	return nil
}

// common are the properties that all messages have.
func (s *sender) common() []byte {
	p := &packets.Properties{}
	if s.o.k.Format == message.FormatJSON {
		text := byte(1)
		p.PayloadFormat, p.ContentType = &text, "application/json"
	}
	if e := s.o.k.Expiry; e > 0 {
		n := uint32(seconds(e, 1<<32-1))
		p.MessageExpiry = &n
	}
	return p.Pack(packets.PUBLISH)
}

// bytesAtOnce is how much is written at once, about.
const bytesAtOnce = 256 << 10

// Send implements message.Sender.
func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed == nil && len(s.flying) > 0 {
			s.failed = net.ErrClosed // what is answered from now on is not for this call
		}
	}()
	for at := 0; ; {
		from := at
		var begin []int // of messages of QoS 0, in what is written
		n, err := s.w.sendSome(func(dst []byte) []byte {
			for at < len(ms) && len(dst) < bytesAtOnce {
				f := s.begin(ms[at])
				if f == nil && ms[at].Err == nil {
					break // as many as may be are under way
				}
				if s.o.k.QoS == 0 {
					begin = append(begin, len(dst))
				}
				if f != nil {
					dst = s.append(dst, f)
				}
				at++
			}
			return dst
		})
		if s.o.k.QoS == 0 {
			s.post(ms[from:at], begin, n)
			if err == nil && at == len(ms) && !s.w.arrivals.asked() {
				err = s.w.ping()
			}
		}
		if err != nil {
			return s.blame(err)
		}
		if at < len(ms) && at > from {
			continue
		}
		over, err := s.state()
		switch {
		case err != nil:
			return err
		case over && at == len(ms):
			return nil
		}
		select {
		case <-s.news:
		case <-s.w.done:
			return s.blame(s.w.why())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// state says whether nothing is under way.
func (s *sender) state() (over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.flying) == 0, s.failed
}

// begin gives a message a number; nil: it cannot be sent, and has an error, or not yet.
func (s *sender) begin(m *message.Outgoing) *flight {
	topic := s.topic(m)
	if why := badTopic(topic); why != "" {
		m.Err = errors.New(why)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.flying) >= s.window {
		return nil
	}
	if f := s.o.flights[m]; f != nil { // it was under way when the session before this one ended
		f.again = true
		s.flying[f.id] = f
		return f
	}
	f := &flight{m: m}
	props, err := s.properties(m)
	f.size = sizeOfPublish(byte(s.o.k.QoS)<<1, topic, props, m.Body)
	f.size += 1 + sizeOfSize(f.size)
	if err == nil && f.size > s.w.largest {
		err = fmt.Errorf("the message has %d bytes, and the broker takes %d", f.size, s.w.largest)
	}
	if err != nil {
		m.Err = err
		return nil
	}
	if s.o.k.QoS == 0 {
		s.w.arrivals.add(1)
		return f
	}
	for f.id == 0 || s.flying[f.id] != nil || s.known(f.id) {
		s.next++
		f.id = s.next
	}
	s.flying[f.id] = f
	if s.o.k.QoS == 2 {
		s.o.flights[m] = f
	}
	return f
}

// known reports whether a message of the session before has a number. There are few.
func (s *sender) known(id uint16) bool {
	for _, f := range s.o.flights {
		if f.id == id {
			return true
		}
	}
	return false
}

func (s *sender) topic(m *message.Outgoing) string {
	if s.o.k.fixed != "" {
		return s.o.k.fixed
	}
	return m.Props[0].Text
}

// properties are those of a message.
func (s *sender) properties(m *message.Outgoing) ([]byte, error) {
	values := m.Props[len(m.Props)-len(s.o.k.Headers):]
	if len(values) == 0 {
		return s.props, nil
	}
	p := &packets.Properties{}
	for i, v := range values {
		if v.Null {
			continue
		}
		name := s.o.k.Headers[i].Key
		if len(name) > allows || len(v.Text) > allows {
			return nil, fmt.Errorf("the header %s is longer than MQTT allows", name)
		}
		p.User = append(p.User, packets.User{Key: name, Value: v.Text})
	}
	return append(s.props[:len(s.props):len(s.props)], p.Pack(packets.PUBLISH)...), nil
}

// append appends the packet of a message, or, if the broker has it already, the next one.
func (s *sender) append(dst []byte, f *flight) []byte {
	if f.received {
		return appendID(dst, headPubrel, f.id)
	}
	flags := byte(s.o.k.QoS) << 1
	if s.o.k.Retain {
		flags |= 1
	}
	if f.again {
		flags |= 8
	}
	props, _ := s.properties(f.m) // there was no error before
	return appendPublish(dst, flags, s.topic(f.m), f.id, props, f.m.Body)
}

// take handles a packet, on the goroutine of the wire.
func (s *sender) take(w *wire, p packets.Packet) error {
	switch p := p.(type) {
	case *packets.Puback:
		s.answer(p.PacketID, p.ReasonCode, p.Properties)
	case *packets.Pubrec:
		if p.ReasonCode >= 0x80 {
			s.answer(p.PacketID, p.ReasonCode, p.Properties)
			return nil
		}
		s.mu.Lock()
		f := s.flying[p.PacketID]
		if f != nil {
			f.received = true
		}
		s.mu.Unlock()
		return w.send(func(dst []byte) []byte { return appendID(dst, headPubrel, p.PacketID) })
	case *packets.Pubcomp:
		s.answer(p.PacketID, success, p.Properties) // that it did not know the number means that it has it
	case *packets.Publish, *packets.Suback: // nothing was subscribed to
		return errBadPacket
	}
	return nil
}

// answer is for a message that the broker has confirmed or refused.
func (s *sender) answer(id uint16, code byte, props *packets.Properties) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flying[id]
	if f == nil || s.failed != nil {
		return
	}
	defer poke(s.news)
	r := &refusal{"the message", code, ""}
	if props != nil {
		r.why = props.ReasonString
	}
	if code >= 0x80 && reasons[code].passing { // it stays under way, to be sent again
		s.failed = r
		return
	}
	delete(s.flying, id)
	delete(s.o.flights, f.m)
	if f.m.Kept = code < 0x80; !f.m.Kept {
		f.m.Err = r
	}
}

// blame finds out which message was too large, if that has ended the session: the largest one. Of
// QoS 0 nobody knows which are under way, so none is to blame, and the next ones are sent.
func (s *sender) blame(err error) error {
	r, ok := errors.AsType[*refusal](err)
	switch {
	case !ok || r.code != tooLarge:
		return err
	case s.o.k.QoS == 0:
		return errClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var largest *flight
	for _, f := range s.flying {
		if largest == nil || f.size > largest.size {
			largest = f
		}
	}
	if largest == nil {
		return err
	}
	delete(s.flying, largest.id)
	delete(s.o.flights, largest.m)
	largest.m.Err = fmt.Errorf("the broker refuses the message: it has %d bytes, and is the largest of those that were under way when the broker said that one is too large", largest.size)
	return errClosed
}

var errClosed = errors.New("the broker has closed the connection because of a message that is too large")

// Close implements message.Sender.
func (s *sender) Close() { s.w.close() }

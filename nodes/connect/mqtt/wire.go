package mqtt

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes"
)

// This file is a connection that speaks MQTT.

const (
	// writeTime bounds how long the broker may take to accept what is written.
	writeTime = 30 * time.Second
	// byeTime is how long the last packet may take.
	byeTime = time.Second
	// mostPacket is how long a packet may be, in bytes, by the protocol.
	mostPacket = 268_435_455
	// allows is what a broker takes that says nothing of it.
	allows = 65_535
)

// A handler takes what the broker sends, on one goroutine. It may wait until the wire is done
// or leaving.
type handler func(w *wire, p packets.Packet) error

// A wire is a connection with a session. It has two goroutines: one reads, one asks whether
// the broker is still there. Its first error ends it.
type wire struct {
	conn      net.Conn
	in        *bufio.Reader
	keepAlive time.Duration
	handle    handler
	heard     atomic.Int64 // when the broker was last heard, in nanoseconds
	busy      atomic.Bool  // what was read is being handled, so nothing is heard
	works     sync.WaitGroup

	// What the broker has said at the beginning.
	present bool // it had the session
	receive int  // how many messages of QoS 1 and 2 may be under way to it
	largest int  // how long a packet may be
	qos     byte // the largest
	retains bool
	props   *packets.Properties

	writing  sync.Mutex
	out      []byte
	arrivals arrivals
	pong     chan struct{} // a ping was answered

	leaving chan struct{} // closed when the wire is being closed

	began time.Time
	mu    sync.Mutex
	ended time.Time
	err   error         // the first
	done  chan struct{} // closed at the first error
}

func newWire(c net.Conn, keepAlive time.Duration, handle handler) *wire {
	return &wire{conn: c, in: bufio.NewReaderSize(c, 64<<10), keepAlive: keepAlive, handle: handle, pong: make(chan struct{}, 1), leaving: make(chan struct{}), done: make(chan struct{})}
}

// greet sends the first packet and waits for the answer.
func (w *wire) greet(hello *packets.Connect) error {
	if _, err := hello.WriteTo(w.conn); err != nil {
		return err
	}
	p, err := w.read()
	if err != nil {
		if errors.Is(err, errBadPacket) {
			err = errNotMQTT
		}
		return err
	}
	ack, ok := p.(*packets.Connack)
	switch {
	case !ok:
		return errNotMQTT
	case ack.ReasonCode != success && ack.ReasonCode < 0x80: // that is how MQTT 3 refuses
		return &refusal{what: theConnection, code: badVersion}
	case ack.ReasonCode != success:
		why := ack.Properties.ReasonString
		if to := ack.Properties.ServerReference; to != "" {
			why += "it is " + to
		}
		return &refusal{theConnection, ack.ReasonCode, why}
	}
	w.present, w.props = ack.SessionPresent, ack.Properties
	w.receive, w.largest, w.qos, w.retains = allows, mostPacket, 2, true
	if n := w.props.ReceiveMaximum; n != nil && *n > 0 {
		w.receive = int(*n)
	}
	if n := w.props.MaximumPacketSize; n != nil && *n > 0 {
		w.largest = int(min(*n, mostPacket))
	}
	if q := w.props.MaximumQOS; q != nil {
		w.qos = *q
	}
	if r := w.props.RetainAvailable; r != nil {
		w.retains = *r != 0
	}
	if n := w.props.ServerKeepAlive; n != nil {
		w.keepAlive = time.Duration(*n) * time.Second
	}
	return nil
}

// begin starts the goroutines.
func (w *wire) begin() {
	w.began = time.Now()
	w.heard.Store(w.began.UnixNano())
	w.works.Go(func() {
		w.fail(nodes.Guard(func() error {
			for {
				p, err := w.read()
				if err != nil {
					return err
				}
				w.busy.Store(true)
				err = w.take(p)
				w.heard.Store(time.Now().UnixNano())
				w.busy.Store(false)
				if err != nil {
					return err
				}
			}
		}))
	})
	w.works.Go(w.ask)
}

// take handles a packet: what is about the connection here.
func (w *wire) take(p packets.Packet) error {
	switch p := p.(type) {
	case *packets.Pingresp:
		w.arrivals.answer()
		poke(w.pong)
		return nil
	case *packets.Disconnect:
		r := &refusal{"to go on", p.ReasonCode, ""}
		if p.Properties != nil {
			r.why = p.Properties.ReasonString
		}
		if p.ReasonCode == success {
			return io.EOF
		}
		return r
	}
	select {
	case <-w.leaving:
		return nil
	default:
		return w.handle(w, p)
	}
}

// ask sees to it that a broker that is gone is noticed.
func (w *wire) ask() {
	if w.keepAlive == 0 {
		return
	}
	every := time.NewTicker(w.keepAlive / 2)
	defer every.Stop()
	for {
		select {
		case <-w.done:
			return
		case now := <-every.C:
			silent := now.Sub(time.Unix(0, w.heard.Load()))
			if silent > w.keepAlive+w.keepAlive/4 && !w.busy.Load() {
				w.fail(fmt.Errorf("%w for %s", errSilent, silent.Round(time.Second)))
				return
			}
			w.ping()
		}
	}
}

// fail ends the wire by an error, of which the first counts.
func (w *wire) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err, w.ended = err, time.Now()
		close(w.done)
		w.conn.Close()
	}
	return w.err
}

// why is the error that has ended the wire.
func (w *wire) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// short reports whether the broker has ended the session soon, without a reason.
func (w *wire) short() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err == io.EOF && w.ended.Sub(w.began) < shortTime
}

// send writes packets, which f appends. Any goroutine may call it.
func (w *wire) send(f func(dst []byte) []byte) error {
	_, err := w.sendSome(f)
	return err
}

// sendSome is send, and says how many bytes were written.
func (w *wire) sendSome(f func(dst []byte) []byte) (n int, err error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.out = f(w.out[:0])
	if len(w.out) == 0 {
		return 0, nil
	}
	w.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if n, err = w.conn.Write(w.out); err != nil {
		// The broker may have said why it closes the connection, which tells more.
		select {
		case <-w.done:
		case <-time.After(byeTime):
		}
		return n, w.fail(err)
	}
	if cap(w.out) > 8<<20 {
		w.out = nil
	}
	return n, nil
}

// write writes one packet.
func (w *wire) write(p packets.Packet) error {
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		return err
	}
	return w.send(func(dst []byte) []byte { return append(dst, b.Bytes()...) })
}

// close says good-bye, if there is somebody to say it to, and ends the goroutines. The broker
// keeps the session as long as was asked of it. It closes the connection: whoever closes it
// while something comes throws away what was sent last, such as acknowledgements.
func (w *wire) close() {
	close(w.leaving)
	w.arrive()
	if w.why() == nil {
		w.conn.SetWriteDeadline(time.Now().Add(byeTime))
		w.writing.Lock()
		w.conn.SetWriteDeadline(time.Now().Add(byeTime))
		_, err := w.conn.Write([]byte{packets.DISCONNECT << 4, 0})
		w.writing.Unlock()
		if err == nil {
			w.conn.SetReadDeadline(time.Now().Add(byeTime))
			<-w.done
		}
		w.fail(net.ErrClosed)
	}
	w.works.Wait()
}

var errBadPacket = errors.New("the broker has sent what is no packet of MQTT 5")

// read reads a packet.
func (w *wire) read() (packets.Packet, error) {
	head, err := w.in.ReadByte()
	if err != nil {
		return nil, err
	}
	size, shift := 0, 0
	for {
		b, err := w.in.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		size |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
		if shift += 7; shift > 21 {
			return nil, errBadPacket
		}
	}
	body, err := readBody(w.in, size)
	if err != nil {
		return nil, err
	}
	return decode(head, body)
}

// readBody reads so many bytes, and takes no memory before they come.
func readBody(r io.Reader, size int) ([]byte, error) {
	const atOnce = 1 << 20
	body := make([]byte, min(size, atOnce))
	for at := 0; ; {
		n, err := io.ReadFull(r, body[at:])
		if err != nil {
			return nil, unexpected(err)
		}
		if at += n; at == size {
			return body, nil
		}
		body = append(body, make([]byte, min(size-at, max(at, atOnce)))...)
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// decode makes a packet of its bytes. A publication has its payload among them.
func decode(head byte, body []byte) (packets.Packet, error) {
	c := packets.NewControlPacket(head >> 4)
	if c == nil {
		return nil, fmt.Errorf("%w: type %d", errBadPacket, head>>4)
	}
	switch p := c.Content.(type) {
	case *packets.Publish:
		return p, decodePublish(p, head, body)
	case *packets.Disconnect, *packets.Auth:
		if len(body) == 0 {
			return p, nil
		}
	}
	if err := c.Content.Unpack(bytes.NewBuffer(body)); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadPacket, err)
	}
	return c.Content, nil
}

// decodePublish makes a publication of its bytes, of which the payload stays a part.
func decodePublish(p *packets.Publish, head byte, body []byte) error {
	p.QoS, p.Duplicate, p.Retain = head>>1&3, head&8 != 0, head&1 != 0
	if p.QoS == 3 || len(body) < 2 {
		return errBadPacket
	}
	at := 2 + int(binary.BigEndian.Uint16(body))
	if at > len(body) {
		return errBadPacket
	}
	p.Topic = string(body[2:at])
	if p.QoS > 0 {
		if len(body) < at+2 {
			return errBadPacket
		}
		p.PacketID = binary.BigEndian.Uint16(body[at:])
		at += 2
	}
	if at < len(body) && body[at] == 0 {
		p.Payload = body[at+1:]
		return nil
	}
	left := bytes.NewBuffer(body[at:])
	if err := p.Properties.Unpack(left, packets.PUBLISH); err != nil {
		return fmt.Errorf("%w: %w", errBadPacket, err)
	}
	p.Payload = left.Bytes()
	return nil
}

// appendID appends a packet that is an id and nothing else: an acknowledgement.
func appendID(dst []byte, head byte, id uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, head, 2), id)
}

// The first bytes of packets that are an id.
const (
	headPuback  = packets.PUBACK << 4
	headPubrec  = packets.PUBREC << 4
	headPubrel  = packets.PUBREL<<4 | 2
	headPubcomp = packets.PUBCOMP << 4
)

// appendSize appends a length as MQTT writes it.
func appendSize(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// sizeOfSize is how many bytes a length takes.
func sizeOfSize(n int) (bytes int) {
	for bytes = 1; n >= 0x80; n >>= 7 {
		bytes++
	}
	return bytes
}

// sizeOfPublish is what follows the first byte and the length of a publication.
func sizeOfPublish(flags byte, topic string, props, body []byte) int {
	size := 2 + len(topic) + sizeOfSize(len(props)) + len(props) + len(body)
	if flags&6 != 0 {
		size += 2
	}
	return size
}

// appendPublish appends a publication; props are its properties without their length.
func appendPublish(dst []byte, flags byte, topic string, id uint16, props, body []byte) []byte {
	size := sizeOfPublish(flags, topic, props, body)
	dst = appendSize(append(dst, packets.PUBLISH<<4|flags), size)
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(topic))), topic...)
	if flags&6 != 0 {
		dst = binary.BigEndian.AppendUint16(dst, id)
	}
	dst = append(appendSize(dst, len(props)), props...)
	return append(dst, body...)
}

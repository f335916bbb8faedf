package amqp

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is a session that messages come by.

// An inlet makes the sessions of a node, one after the other.
type inlet struct {
	k     *reader
	env   *nodes.Env
	lag   atomic.Int64 // messages in the queue when it was looked at last; -1: nobody knows
	again atomic.Int64 // messages that the broker has given before
}

// A receiver is a session of amqp.read.
type receiver struct {
	i          *inlet
	x          *link
	deliveries <-chan client.Delivery
	cancelled  chan string
	open       atomic.Int64 // messages that have come and are not acknowledged
}

// connect begins a session.
func (i *inlet) connect(ctx context.Context) (*receiver, error) {
	x, err := i.k.open(ctx, i.env)
	if err != nil {
		return nil, err
	}
	r := &receiver{i: i, x: x, cancelled: make(chan string, 1)}
	stop := context.AfterFunc(ctx, func() { x.raw.Close() })
	defer stop()
	if err := r.subscribe(); err != nil {
		err = x.why(err)
		x.close()
		return nil, err
	}
	return r, nil
}

// subscribe makes the queue, if it is to be made, and asks for its messages.
func (r *receiver) subscribe() error {
	k, ch := r.i.k, r.x.ch
	q, err := k.find(ch)
	if err != nil {
		return err
	}
	r.i.lag.Store(int64(q.Messages))
	if b := k.Bind; b != nil {
		keys := b.Key
		if len(keys) == 0 {
			keys = []string{"#"}
		}
		for _, key := range keys {
			if err := ch.QueueBind(q.Name, key, b.Exchange, false, nil); err != nil {
				return err
			}
		}
	}
	if err := ch.Qos(int(k.Prefetch), 0, false); err != nil {
		return err
	}
	ch.NotifyCancel(r.cancelled)
	r.deliveries, err = ch.Consume(q.Name, "", false, false, false, false, nil)
	if err == nil {
		r.x.watched.Go(func() { r.look(q.Name) })
	}
	return err
}

// lookEvery is how often the length of the queue is asked for.
const lookEvery = 5 * time.Second

// look asks how much is in the queue, until the session ends.
func (r *receiver) look(queue string) {
	defer r.i.lag.Store(-1)
	over := r.x.conn.NotifyClose(make(chan *client.Error, 1)) // which is closed with the connection
	ch, err := r.x.conn.Channel()
	if err != nil {
		return
	}
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		select {
		case <-over:
			return
		case <-every.C:
		}
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		if err != nil {
			return
		}
		r.i.lag.Store(int64(q.Messages))
	}
}

// find makes the queue, or looks whether it is there.
func (k *reader) find(ch *client.Channel) (client.Queue, error) {
	d := k.Declare
	if d == nil {
		return ch.QueueDeclarePassive(k.Queue, true, false, false, false, nil)
	}
	args := client.Table{}
	if d.Type != "" {
		args["x-queue-type"] = d.Type
	}
	for _, a := range d.Args {
		args[a.Key] = argument(a.Value)
	}
	return ch.QueueDeclare(k.Queue, (d.Durable == nil || *d.Durable) && !d.Exclusive, d.AutoDelete, d.Exclusive, false, args)
}

// argument makes an argument of a text: a number or a truth value, if it is one.
func argument(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if b, err := strconv.ParseBool(text); err == nil && (text == "true" || text == "false") {
		return b
	}
	return text
}

const (
	// mostAtOnce and bytesAtOnce bound what one call of Receive gives.
	mostAtOnce  = 1024
	bytesAtOnce = 1 << 20
	// stalled is after which time without a message the broker may wait for acknowledgements.
	stalled = 2 * time.Millisecond
)

// Receive implements message.Receiver. When half of what may be under way is, it asks for a
// cut, so that the broker has something to send soon.
func (r *receiver) Receive(ctx context.Context) ([]message.Message[uint64], error) {
	var ms []message.Message[uint64]
	for bytes := 0; len(ms) < mostAtOnce && bytes < bytesAtOnce; {
		if len(ms) > 0 {
			select {
			case d, ok := <-r.deliveries:
				if !ok {
					return ms, r.ended()
				}
				ms = append(ms, r.message(&d))
				bytes += len(d.Body) + 200
				continue
			default:
				return ms, nil
			}
		}
		var again <-chan time.Time
		if open := r.open.Load(); 2*open >= r.i.k.Prefetch && r.i.env.Cut != nil {
			r.i.env.Cut()
			again = time.After(stalled)
		}
		select {
		case d, ok := <-r.deliveries:
			if !ok {
				return nil, r.ended()
			}
			ms = append(ms, r.message(&d))
			bytes += len(d.Body) + 200
		case <-again:
		case <-r.cancelled:
			return nil, errCancelled
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return ms, nil
}

// ended is why there are no more deliveries.
func (r *receiver) ended() error {
	select {
	case <-r.cancelled:
		return errCancelled
	default:
		return r.x.why(errClosed)
	}
}

func (r *receiver) message(d *client.Delivery) message.Message[uint64] {
	r.open.Add(1)
	if d.Redelivered {
		r.i.again.Add(1)
	}
	return message.Message[uint64]{Token: d.DeliveryTag, Content: message.Content{Body: d.Body, Props: r.i.values(d)}}
}

// Ack implements message.Receiver: one frame for all up to the last.
func (r *receiver) Ack(_ context.Context, tags []uint64) error {
	if err := r.x.ch.Ack(tags[len(tags)-1], true); err != nil {
		return r.x.why(err)
	}
	r.open.Add(int64(-len(tags)))
	return nil
}

// Close implements message.Receiver.
func (r *receiver) Close() { r.x.close() }

// values gives the properties of a message that were asked for.
func (i *inlet) values(d *client.Delivery) []message.Value {
	if len(i.k.shape.Asked) == 0 {
		return nil
	}
	vs := make([]message.Value, len(i.k.shape.Asked))
	for n, asked := range i.k.shape.Asked {
		v := &vs[n]
		switch asked.Name {
		case "exchange":
			v.Text = valid(d.Exchange)
		case "routing_key":
			v.Text = valid(d.RoutingKey)
		case "redelivered":
			if d.Redelivered {
				v.Int = 1
			}
		case "time":
			*v = message.Value{Int: d.Timestamp.UnixNano(), Null: d.Timestamp.IsZero()}
		case "id":
			*v = textOrNull(d.MessageId)
		case "type":
			*v = textOrNull(d.Type)
		case "content_type":
			*v = textOrNull(d.ContentType)
		case "correlation_id":
			*v = textOrNull(d.CorrelationId)
		case "reply_to":
			*v = textOrNull(d.ReplyTo)
		case "priority":
			v.Int = int64(d.Priority)
		default:
			*v = header(d.Headers, strings.TrimPrefix(asked.Name, message.Headers))
		}
	}
	return vs
}

func textOrNull(s string) message.Value { return message.Value{Text: valid(s), Null: s == ""} }

// valid makes a text of bytes that a broker does not look at.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// header is a header as a text: one that is a table or a list as JSON.
func header(all client.Table, name string) message.Value {
	switch x := all[name].(type) {
	case nil:
		return message.Value{Null: true}
	case string:
		return message.Value{Text: valid(x)}
	case []byte:
		return message.Value{Text: valid(string(x))}
	case time.Time:
		return message.Value{Text: x.UTC().Format(time.RFC3339Nano)}
	case client.Table, []any:
		if text, err := record.JSON(x); err == nil {
			return message.Value{Text: string(text)}
		}
		return message.Value{Null: true}
	default:
		return message.Value{Text: fmt.Sprint(x)}
	}
}

package amqp

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/nodes"
)

// This file is what `flowrun doctor` asks.

// examine connects, and lets look further. Each look has a channel of its own, which an error
// ends.
func (l *Link) examine(ctx context.Context, env *nodes.Env, look func(try func(what string, f func(ch *client.Channel) (string, error)))) (found []nodes.Finding) {
	f := nodes.Finding{Peer: l.URL.String(), What: "connection"}
	begun := time.Now()
	x, err := l.open(ctx, env)
	f.Took, f.Err = time.Since(begun), err
	if err != nil {
		return []nodes.Finding{f}
	}
	defer x.close()
	defer context.AfterFunc(ctx, func() { x.raw.Close() })()
	product, _ := x.conn.Properties["product"].(string)
	version, _ := x.conn.Properties["version"].(string)
	f.Told = product + " " + version
	found = append(found, f)
	look(func(what string, f func(ch *client.Channel) (string, error)) {
		ch, err := x.conn.Channel()
		told := ""
		if err == nil {
			told, err = f(ch)
			ch.Close()
		}
		if err != nil {
			err = advised(err)
		}
		found = append(found, nodes.Finding{Peer: l.URL.String(), What: what, Told: told, Err: err})
	})
	return found
}

// exchange looks whether an exchange is there.
func exchange(name string) func(ch *client.Channel) (string, error) {
	return func(ch *client.Channel) (string, error) {
		return "it is there", ch.ExchangeDeclarePassive(name, client.ExchangeDirect, true, false, false, false, nil)
	}
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(try func(string, func(*client.Channel) (string, error))) {
		try("queue "+k.Queue, func(ch *client.Channel) (string, error) {
			q, err := ch.QueueDeclarePassive(k.Queue, true, false, false, false, nil)
			if e, ok := errors.AsType[*client.Error](err); ok && k.Declare != nil && e.Code == client.NotFound {
				return "it is not there yet, and will be made", nil
			}
			return fmt.Sprintf("%d messages, consumers: %d", q.Messages, q.Consumers), err
		})
		if k.Bind != nil {
			try("exchange "+k.Bind.Exchange, exchange(k.Bind.Exchange))
		}
	})
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(try func(string, func(*client.Channel) (string, error))) {
		switch {
		case k.Exchange != "":
			try("exchange "+k.Exchange, exchange(k.Exchange))
		case !k.keyed:
			try("queue "+k.fixed, func(ch *client.Channel) (string, error) {
				q, err := ch.QueueDeclarePassive(k.fixed, true, false, false, false, nil)
				return fmt.Sprintf("%d messages, consumers: %d", q.Messages, q.Consumers), err
			})
		}
	})
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
)

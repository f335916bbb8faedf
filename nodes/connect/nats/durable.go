package nats

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes"
)

// This file finds streams and durables, makes durables, and says where one begins whose last
// reader has died.

// streamOf gives the name of the stream that has a subject.
func (l *Link) streamOf(ctx context.Context, c *conn, subject string, first bool) (name string, err error) {
	err = c.ask(ctx, "STREAM.NAMES", func(ctx context.Context) (err error) {
		name, err = c.js.StreamNameBySubject(ctx, subject)
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return "", none(first, "make it: nats stream add; or write `stream`", "no stream has the subject %s", subject)
	}
	return name, l.explained(err, first)
}

// find finds the stream, and the durable, or makes that.
func (s *streamSession) find(ctx context.Context) (err error) {
	k, c, first := s.i.k, s.c, !s.i.been
	stream, subject := k.where()
	if stream == "" {
		if stream, err = k.streamOf(ctx, c, subject, first); err != nil {
			return err
		}
	}
	s.stream, s.durable = stream, durableOf(k.Durable, s.i.env.Flow.Name, s.i.env.Node.ID)
	var at jetstream.Consumer
	err = c.ask(ctx, "CONSUMER.INFO", func(ctx context.Context) (err error) {
		at, err = c.js.Consumer(ctx, stream, s.durable)
		return err
	})
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		if !first {
			s.i.env.Log.Warn("the durable is gone, and is made anew: it begins with the first message", "stream", stream, "durable", s.durable)
			s.i.notes.Add("the durable was gone, and was made anew", 1, stream)
		}
		err = c.ask(ctx, "CONSUMER.CREATE", func(ctx context.Context) (err error) {
			at, err = c.js.CreateConsumer(ctx, stream, s.config(subject, first))
			return err
		})
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && k.mode() == modeKV:
		return none(first, "make it: nats kv add "+k.Bucket, "there is no bucket %s", k.Bucket)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return none(first, "make it: nats stream add "+stream, "there is no stream %s", stream)
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		return finally("write another durable, and it is made", "the durable %s of the stream %s sends what it has to a subject (push)", s.durable, stream)
	case err != nil:
		return k.explained(err, first)
	}
	s.stands(at.CachedInfo())
	return s.fits(at.CachedInfo().Config, subject)
}

// stands notes how far the durable has come.
func (s *streamSession) stands(info *jetstream.ConsumerInfo) {
	s.trail = trail{true, info.Delivered.Stream, info.Delivered.Consumer}
	s.part = s.i.k.mode() == modeKV || info.Config.FilterSubject != "" || len(info.Config.FilterSubjects) > 0
}

// config is that of a new durable. One that is made anew begins with the first message.
func (s *streamSession) config(subject string, first bool) jetstream.ConsumerConfig {
	k := s.i.k
	policy := jetstream.DeliverAllPolicy
	switch {
	case k.Start == "last" && first:
		policy = jetstream.DeliverNewPolicy
	case k.mode() == modeKV:
		policy = jetstream.DeliverLastPerSubjectPolicy
		if subject == "" {
			subject = keySubject(k.Bucket, ">")
		}
	}
	return jetstream.ConsumerConfig{
		Durable: s.durable, Description: "flowrun " + s.i.env.Flow.Name + "/" + s.i.env.Node.ID,
		DeliverPolicy: policy, AckPolicy: jetstream.AckExplicitPolicy, AckWait: k.AckWait, MaxDeliver: -1,
		FilterSubject: subject, MaxAckPending: k.MaxAckPending,
	}
}

// fits looks whether a durable that is there can be read as it is.
func (s *streamSession) fits(c jetstream.ConsumerConfig, subject string) error {
	filter := strings.Join(append(c.FilterSubjects, c.FilterSubject), " ")
	switch {
	case c.DeliverSubject != "":
		return finally("write another durable, and it is made", "the durable %s of the stream %s sends what it has to a subject (push)", s.durable, s.stream)
	case c.AckPolicy == jetstream.AckNonePolicy:
		return finally("write another durable, and it is made", "the durable %s of the stream %s wants no acknowledgements (AckNone), so what is under way would be lost", s.durable, s.stream)
	case subject != "" && strings.TrimSpace(filter) != "" && !strings.Contains(" "+filter+" ", " "+subject+" "):
		return finally("leave out subject, or write another durable, and it is made", "the durable %s of the stream %s is for %s, and not for %s", s.durable, s.stream, strings.TrimSpace(filter), subject)
	}
	if s.ackWait = c.AckWait; s.ackWait <= 0 {
		s.ackWait = 30 * time.Second
	}
	for _, wait := range c.BackOff { // it stands in place of AckWait
		s.ackWait = min(s.ackWait, wait)
	}
	s.allows = limits{c.MaxRequestBatch, c.MaxRequestMaxBytes, c.MaxRequestExpires}
	return nil
}

// presence is the subject at which those who read by a durable say that they do.
func (s *streamSession) presence() string { return "flowrun.reads." + s.stream + "." + s.durable }

// presenceTime bounds how long others may take to say that they are there.
const presenceTime = time.Second

// alone reports whether nobody else reads by the durable, and tells others from now on that
// somebody does.
func (s *streamSession) alone(ctx context.Context) (bool, error) {
	err := s.c.ask(ctx, s.presence(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, presenceTime)
		defer cancel()
		_, err := s.c.RequestWithContext(ctx, s.presence(), nil)
		return err
	})
	alone := errors.Is(err, client.ErrNoResponders)
	if err != nil && s.c.ended.Err() != nil {
		return false, err
	}
	_, err = s.c.Subscribe(s.presence(), func(m *client.Msg) { m.Respond(nil) })
	return alone, err
}

// begin sees to what was under way when a reader died, or its session broke. Whoever is alone
// at the durable has it handed out again first; else that is so when its ack_wait is over.
func (s *streamSession) begin(ctx context.Context, alone bool) error {
	left := s.i.left
	s.i.left = nil
	if !alone {
		if len(left) > 0 {
			return s.c.nak(left)
		}
		return nil
	}
	info, err := s.info(ctx)
	if err != nil || info.NumAckPending == 0 {
		return s.i.k.explained(err, !s.i.been)
	}
	if info.NumWaiting > 0 { // somebody who is no flowrun reads too
		return s.c.nak(left)
	}
	if !withoutGaps(info) {
		return s.later(ctx, info)
	}
	again, err := s.reset(ctx)
	switch {
	case err == nil && again:
		if info, err := s.info(ctx); err == nil {
			s.stands(info)
		}
		s.i.again.Add(int64(info.NumAckPending)) // the server counts them as handed out for the first time
		s.i.env.Log.Info("what was under way before comes again", "stream", s.stream, "durable", s.durable, "messages", info.NumAckPending)
		return nil
	case err != nil && s.c.ended.Err() != nil:
		return err
	}
	return s.later(ctx, info)
}

// withoutGaps reports whether all hand-outs up to some were acknowledged and none of those behind:
// to begin behind the last that was, gives again then what is under way and nothing else. The
// numbers of the stream tell that where the durable is for all of it; hand-outs count what was
// handed out again too, so by them it may seem not to be so.
func withoutGaps(info *jetstream.ConsumerInfo) bool {
	open := uint64(info.NumAckPending)
	return info.Delivered.Stream-info.AckFloor.Stream == open || info.Delivered.Consumer-info.AckFloor.Consumer == open
}

// later waits until the server hands out again what is under way, before it hands out anything
// that is behind it.
func (s *streamSession) later(ctx context.Context, info *jetstream.ConsumerInfo) error {
	s.i.env.Log.Info("what was under way before comes again first, when its ack_wait is over", "stream", s.stream, "durable", s.durable, "messages", info.NumAckPending, "wait", s.ackWait.String())
	return nodes.Sleep(ctx, s.ackWait)
}

func (s *streamSession) info(ctx context.Context) (info *jetstream.ConsumerInfo, err error) {
	err = s.c.ask(ctx, "CONSUMER.INFO", func(ctx context.Context) error {
		at, err := s.c.js.Consumer(ctx, s.stream, s.durable)
		if err == nil {
			info = at.CachedInfo()
		}
		return err
	})
	return info, err
}

// reset has a durable begin behind the last message that was acknowledged. A server before
// 2.14 cannot.
func (s *streamSession) reset(ctx context.Context) (bool, error) {
	var answer struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
		Config *struct{} `json:"config"`
	}
	err := s.c.ask(ctx, "CONSUMER.RESET", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, presenceTime)
		defer cancel()
		m, err := s.c.RequestWithContext(ctx, "$JS.API.CONSUMER.RESET."+s.stream+"."+s.durable, nil)
		if err != nil {
			return err
		}
		return json.Unmarshal(m.Data, &answer)
	})
	return err == nil && answer.Error == nil && answer.Config != nil, err
}

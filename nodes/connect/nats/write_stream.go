package nats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file publishes to streams: many messages are on their way at once, and each has an
// answer of its own.

const (
	// mostUnanswered is how many messages may be on their way at once. The server refuses more
	// than 10,000 for a stream, from all who publish to it.
	mostUnanswered = 4096
	// answerTime bounds how long none of those on their way may be answered.
	answerTime = 10 * time.Second
)

// answers are those of the server to what was published, by number.
type answers struct {
	inbox string

	mu    sync.Mutex
	first uint64              // the number of the first of ms
	ms    []*message.Outgoing // that are being sent; nil: it is answered
	tried int                 // how many of ms are on their way, or were
	open  int                 // how many are on their way
	err   error               // why the session is to end
	full  bool                // the stream was
	dead  []*message.Outgoing // no stream has their subject
	news  chan struct{}
}

// listen makes ready for answers.
func (s *sender) listen() error {
	s.inbox = s.c.NewInbox() + "."
	s.news = make(chan struct{}, 1)
	s.first = 1
	sub, err := s.c.Subscribe(s.inbox+"*", s.answered)
	if err != nil {
		return err
	}
	return sub.SetPendingLimits(-1, -1)
}

// answered takes an answer, on a goroutine of the client.
func (s *sender) answered(a *client.Msg) {
	number, err := strconv.ParseUint(a.Subject[len(s.inbox):], 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || number < s.first || number-s.first >= uint64(len(s.ms)) || s.ms[number-s.first] == nil {
		return
	}
	m := s.ms[number-s.first]
	s.ms[number-s.first] = nil
	s.open--
	s.judge(m, a)
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// An ackText is an answer of JetStream.
type ackText struct {
	Error *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
	Stream    string `json:"stream"`
	Duplicate bool   `json:"duplicate"`
}

// Errors of JetStream by their numbers.
const (
	errStoreFailed      = 10077 // the stream is full, or its disk
	errNoResources      = 10023
	errNoStorage        = 10047
	errTooMany          = 10167
	errSealed           = 10109
	errTooLong          = 10054
	errNotWithinWindow  = 10158
	errNoStorageAccount = 10028
)

// judge sets what has become of a message. The caller holds mu.
func (s *sender) judge(m *message.Outgoing, a *client.Msg) {
	if !bytes.Contains(a.Data, []byte(`"error"`)) && !bytes.Contains(a.Data, []byte(`"duplicate"`)) && bytes.HasPrefix(a.Data, []byte(`{"stream"`)) {
		m.Kept = true
		return
	}
	if len(a.Data) == 0 && a.Header.Get("Status") == "503" {
		s.dead = append(s.dead, m)
		return
	}
	var text ackText
	err := json.Unmarshal(a.Data, &text)
	switch {
	case err != nil:
		s.end(fmt.Errorf("the server gives an answer that is none: %w", err))
	case text.Error == nil:
		m.Kept = true
		if text.Duplicate {
			s.o.notes.Add("messages were there already by their id, and were not kept twice", 1, text.Stream)
		}
	case text.Error.ErrCode == errTooLong:
		m.Err = message.Refused(theServer, fmt.Errorf("it has %d bytes: %s (max_msg_size of the stream)", len(m.Body), text.Error.Description))
	case text.Error.ErrCode == errSealed:
		s.end(finally("publish to another one", "the stream %s is sealed", s.k.Stream))
	case text.Error.ErrCode == errStoreFailed || text.Error.Code == 503 || text.Error.Code == 429 ||
		text.Error.ErrCode == errNoStorage || text.Error.ErrCode == errNoResources || text.Error.ErrCode == errNoStorageAccount || text.Error.ErrCode == errTooMany:
		s.full = true
		s.end(peer.Hinted(fmt.Errorf("the stream takes nothing more for now: %s", text.Error.Description), "its limits are max_bytes and max_msgs of the stream, and those of the account"))
	default:
		m.Err = message.Refused(theServer, errors.New(text.Error.Description))
	}
}

// end ends the session, once what is on its way was answered. The caller holds mu.
func (s *sender) end(err error) {
	if s.err == nil {
		s.err = err
	}
}

// store publishes messages to the stream, and waits for all answers.
func (s *sender) store(ctx context.Context, ms []*message.Outgoing) error {
	for len(ms) > 0 {
		n, err := s.storeSome(ctx, ms)
		if err != nil {
			return s.k.advised(err)
		}
		ms = ms[n:]
	}
	return nil
}

// storeSome publishes messages, up to one that no stream wants, and waits for their answers.
func (s *sender) storeSome(ctx context.Context, ms []*message.Outgoing) (n int, err error) {
	s.mu.Lock()
	s.ms = append([]*message.Outgoing(nil), ms...)
	first := s.first
	s.mu.Unlock()
	n, err = s.publishSome(ctx, ms, first)
	if err == nil {
		err = s.await(ctx, 0)
	}
	s.mu.Lock()
	s.first += uint64(len(ms))
	s.ms, s.open, s.tried = nil, 0, 0
	if err == nil {
		err = s.err
	}
	dead, full := s.dead, s.full
	s.dead = nil
	s.mu.Unlock()
	switch {
	case full: // those that come first must get through before others are sent behind them
		s.o.window = 1
	case err == nil:
		s.o.window = min(mostUnanswered, 2*s.o.window)
		err = s.homeless(ctx, dead)
	}
	return n, err
}

// publishSome publishes messages until it has all, or an answer says that it should not.
func (s *sender) publishSome(ctx context.Context, ms []*message.Outgoing, first uint64) (n int, err error) {
	window := s.o.window
	for i, m := range ms {
		if err := s.await(ctx, window-1); err != nil {
			return i, err
		}
		s.mu.Lock()
		ended := s.err != nil || len(s.dead) > 0
		if !ended {
			s.open++
			s.tried = i + 1
		}
		s.mu.Unlock()
		if ended { // what is behind must not be kept before it
			return i, nil
		}
		err := s.publish(m, s.inbox+strconv.FormatUint(first+uint64(i), 10))
		switch {
		case err == nil && m.Err == nil:
			if i%window == window-1 && window < mostUnanswered {
				window = min(mostUnanswered, 2*window)
			}
			continue
		case errors.Is(err, client.ErrMaxPayload) || errors.Is(err, client.ErrBadSubject):
			m.Err = err
		case err != nil:
			return i, s.gone(err)
		}
		s.mu.Lock()
		s.open--
		s.ms[i] = nil
		s.mu.Unlock()
	}
	return len(ms), nil
}

// gone is the error of a connection, rather than what the client says of it.
func (s *sender) gone(err error) error {
	if cause := context.Cause(s.c.ended); cause != nil {
		return cause
	}
	return err
}

// await waits until at most so many messages are on their way.
func (s *sender) await(ctx context.Context, most int) error {
	s.mu.Lock()
	before := s.open
	s.mu.Unlock()
	if before <= most {
		return nil
	}
	timer := time.NewTimer(answerTime)
	defer timer.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-s.news:
		case <-look.C:
			if err := s.forbiddenOnes(); err != nil {
				return err
			}
		case <-s.c.ended.Done():
			return context.Cause(s.c.ended)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return s.unanswered()
		}
		s.mu.Lock()
		open := s.open
		s.mu.Unlock()
		switch {
		case open <= most:
			return nil
		case open < before:
			before = open
			timer.Reset(answerTime)
		}
	}
}

// forbiddenOnes looks for messages that this user may not publish: the server does not answer
// for these.
func (s *sender) forbiddenOnes() error {
	denied := s.c.denial("Publish")
	if denied == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.ms {
		if m == nil || i >= s.tried {
			continue
		}
		subject, _ := s.subject(m)
		switch why := s.c.denial(`"` + subject + `"`); {
		case why == nil:
		case s.k.at.subject < 0:
			return final{why, "the permissions of the user in the server must allow it"}
		default:
			m.Err = message.Refused(theServer, errors.New(clean(why)))
			s.ms[i] = nil
			s.open--
		}
	}
	return nil
}

// unanswered is for messages that the server does not answer. An embedded one whose disk was
// full does so until it is started anew.
func (s *sender) unanswered() error {
	err := fmt.Errorf("the server has answered nothing for %s", answerTime)
	if s.k.isEmbedded() && s.c.restart != nil {
		s.o.env.Log.Warn("the embedded NATS server answers nothing, and is started anew", "folder", s.k.Folder)
		err = errors.Join(err, s.c.restart())
	}
	return err
}

// homeless is for messages of whose subjects nobody has said that they are of a stream: if
// that is so they are bad, else the server was about to start.
func (s *sender) homeless(ctx context.Context, dead []*message.Outgoing) error {
	none := map[string]error{}
	for _, m := range dead {
		subject, _ := s.subject(m)
		err, known := none[subject]
		if !known {
			err = s.c.ask(ctx, "STREAM.NAMES", func(ctx context.Context) error {
				_, err := s.c.js.StreamNameBySubject(ctx, subject)
				return err
			})
			none[subject] = err
		}
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound) && s.k.at.subject >= 0:
			m.Err = fmt.Errorf("no stream has the subject %s", subject)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return finally("make it: nats stream add; or create: true", "no stream has the subject %s", subject)
		default:
			return fmt.Errorf("no server has answered for the subject %s", subject)
		}
	}
	return nil
}

// find looks for the stream or the bucket, and makes it if it may.
func (o *outlet) find(ctx context.Context, c *conn) error {
	k := o.k
	name := k.Stream
	if k.mode() == modeKV {
		name = kvPrefix + k.Bucket
	}
	if name == "" {
		if k.at.subject >= 0 {
			return nil
		}
		_, err := k.streamOf(ctx, c, k.fixed, !o.been)
		return o.mayAsk(err)
	}
	var info *jetstream.StreamInfo
	err := c.ask(ctx, "STREAM.INFO", func(ctx context.Context) error {
		at, err := c.js.Stream(ctx, name)
		if err == nil {
			info = at.CachedInfo()
		}
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && k.Create:
		if o.been {
			o.env.Log.Warn("the stream is gone, and is made anew", "stream", name)
			o.notes.Add("the stream was gone, and was made anew", 1, name)
		}
		return o.create(ctx, c, name)
	case errors.Is(err, jetstream.ErrStreamNotFound) && k.mode() == modeKV:
		return finally("`create: true` makes it", "there is no bucket %s", k.Bucket)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return finally("`create: true` makes it", "there is no stream %s", name)
	case err != nil:
		return o.mayAsk(k.explained(err, !o.been))
	case k.mode() == modeStream && k.at.subject < 0 && !anyMatches(info.Config.Subjects, k.fixed):
		return finally("write one that it has, or give it this one: nats stream edit --subjects", "the stream %s has the subjects %s, and not %s", name, strings.Join(info.Config.Subjects, " "), k.fixed)
	}
	return nil
}

// mayAsk lets users publish who may not ask what streams there are.
func (o *outlet) mayAsk(err error) error {
	if errors.Is(err, client.ErrPermissionViolation) {
		return nil
	}
	return err
}

// create makes the stream or the bucket.
func (o *outlet) create(ctx context.Context, c *conn, name string) error {
	k := o.k
	limit := int64(-1)
	if k.MaxBytes > 0 {
		limit = int64(k.MaxBytes)
	}
	err := c.ask(ctx, "STREAM.CREATE", func(ctx context.Context) error {
		if k.mode() == modeKV {
			_, err := c.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: k.Bucket, History: uint8(k.History), TTL: k.MaxAge, MaxBytes: limit, Replicas: k.Replicas})
			return err
		}
		subjects := k.Subjects
		if len(subjects) == 0 {
			subjects = []string{k.fixed}
		}
		window := k.Window
		if k.MaxAge > 0 {
			window = min(window, k.MaxAge)
		}
		_, err := c.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: subjects, Discard: jetstream.DiscardNew, MaxBytes: limit, MaxAge: k.MaxAge, Replicas: k.Replicas,
			Duplicates: window, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
		})
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) || errors.Is(err, jetstream.ErrBucketExists) { // another process was faster
		return nil
	}
	return k.explained(err, !o.been)
}

// anyMatches reports whether a subject is one of patterns.
func anyMatches(patterns []string, subject string) bool {
	for _, p := range patterns {
		if matches(p, subject) {
			return true
		}
	}
	return false
}

func matches(pattern, subject string) bool {
	ps, ss := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, p := range ps {
		switch {
		case p == ">" && i < len(ss):
			return true
		case i >= len(ss) || p != "*" && p != ss[i]:
			return false
		}
	}
	return len(ps) == len(ss)
}

package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file is what `flowrun doctor` asks.

// An examination gathers findings of one server.
type examination struct {
	c    *conn
	peer string
	all  []nodes.Finding
}

func (e *examination) found(what, told string, err error) {
	e.all = append(e.all, nodes.Finding{Peer: e.peer, What: what, Told: told, Err: err})
}

// examine connects, and lets look further.
func (l *Link) examine(ctx context.Context, env *nodes.Env, look func(ctx context.Context, e *examination)) []nodes.Finding {
	e := &examination{peer: l.address()}
	if l.isEmbedded() {
		e.folder(env, l.Folder)
		return e.all
	}
	begun := time.Now()
	c, err := l.open(ctx, env)
	if err != nil {
		e.found("connection", "", err)
		return e.all
	}
	defer c.Close()
	e.c = c
	e.found("connection", fmt.Sprintf("NATS %s, messages up to %s", c.ConnectedServerVersion(), sizeOf(uint64(c.MaxPayload()))), nil)
	e.all[0].Took = time.Since(begun)
	look(ctx, e)
	return e.all
}

func sizeOf(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// folder looks whether an embedded server could have the folder. It starts none, for that
// would change what is there.
func (e *examination) folder(env *nodes.Env, folder string) {
	dir := env.Path(folder)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		e.found("folder", "it is not there yet, and will be made", nil)
		return
	} else if err != nil {
		e.found("folder", "", err)
		return
	}
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); err != nil {
		e.found("folder", "no server was in it yet", nil)
		return
	}
	lock, ok, err := durable.Lock(path)
	switch {
	case err != nil:
		e.found("folder", "", err)
	case !ok:
		e.found("folder", "", errTaken(folder))
	default:
		lock.Close()
		e.found("folder", "it is free", nil)
	}
}

// stream tells of a stream.
func (e *examination) stream(ctx context.Context, l *Link, what, name string) *jetstream.StreamInfo {
	var info *jetstream.StreamInfo
	err := e.c.ask(ctx, "STREAM.INFO", func(ctx context.Context) error {
		at, err := e.c.js.Stream(ctx, name)
		if err == nil {
			info = at.CachedInfo()
		}
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		e.found(what, "", finally("make it: nats stream add "+name, "it is not there"))
	case err != nil:
		e.found(what, "", l.explained(err, true))
	default:
		told := fmt.Sprintf("%d messages, %s", info.State.Msgs, sizeOf(info.State.Bytes))
		if most := info.Config.MaxBytes; most > 0 {
			told += " of " + sizeOf(uint64(most))
		}
		if most := info.Config.MaxMsgs; most > 0 {
			told += fmt.Sprintf(", at most %d", most)
		}
		if info.Config.MaxAge > 0 {
			told += ", for " + info.Config.MaxAge.String()
		}
		if (info.Config.MaxBytes > 0 || info.Config.MaxMsgs > 0) && info.Config.Discard == jetstream.DiscardOld {
			told += "; when it is full its oldest messages go, also those that nobody has read"
		}
		e.found(what, told, nil)
	}
	return info
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(ctx context.Context, e *examination) {
		if k.mode() == modeCore {
			return
		}
		stream, subject := k.where()
		if stream == "" {
			var err error
			if stream, err = k.streamOf(ctx, e.c, subject, true); err != nil {
				e.found("subject "+subject, "", err)
				return
			}
		}
		what := "stream " + stream
		if k.mode() == modeKV {
			what = "bucket " + k.Bucket
		}
		if e.stream(ctx, &k.Link, what, stream) == nil {
			return
		}
		s := &streamSession{i: &inlet{k: k, env: env}, c: e.c, stream: stream, durable: durableOf(k.Durable, env.Flow.Name, env.Node.ID)}
		info, err := s.info(ctx)
		what = "durable " + s.durable
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound):
			e.found(what, "it is not there yet, and will be made", nil)
		case err != nil:
			e.found(what, "", k.explained(err, true))
		default:
			e.found(what, fmt.Sprintf("%d messages to come, %d under way, %d of them again", info.NumPending, info.NumAckPending, info.NumRedelivered), s.fits(info.Config, subject))
		}
	})
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(ctx context.Context, e *examination) {
		stream, what := k.Stream, "stream "+k.Stream
		switch {
		case k.mode() == modeCore:
			return
		case k.mode() == modeKV:
			stream, what = kvPrefix+k.Bucket, "bucket "+k.Bucket
		case stream == "" && k.at.subject >= 0:
			return
		case stream == "":
			name, err := k.streamOf(ctx, e.c, k.fixed, true)
			if err != nil {
				e.found("subject "+k.fixed, "", err)
				return
			}
			stream, what = name, "stream "+name
		}
		e.stream(ctx, &k.Link, what, stream)
		last := &e.all[len(e.all)-1]
		if _, missing := last.Err.(final); missing && k.Create && last.Err.Error() == "it is not there" {
			last.Told, last.Err = "it is not there yet, and will be made", nil
		}
	})
}

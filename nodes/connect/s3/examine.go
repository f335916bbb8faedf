package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/flowrun/flowrun/nodes"
)

// This file is what `flowrun doctor` asks.

// An examination gathers what was found at one server.
type examination struct {
	s    *store
	peer string
	all  []nodes.Finding
}

func (e *examination) found(what, told string, err error) {
	e.all = append(e.all, nodes.Finding{Peer: e.peer, What: what, Told: told, Err: err})
}

// examine opens the store of a node and looks around in it.
func (l *Link) examine(env *nodes.Env, url string, look func(s *store) []nodes.Finding) []nodes.Finding {
	s, err := l.store(&nodes.Env{Node: env.Node, Flow: env.Flow, Network: env.Network})
	if err != nil {
		return []nodes.Finding{{Peer: url, What: "connection", Err: err}}
	}
	defer s.Close()
	return look(s)
}

// examine looks whether the server answers and has the bucket, and how far its clock is off.
// look goes on from there.
func (s *store) examine(ctx context.Context, url string, look func(e *examination, a address)) []nodes.Finding {
	e := &examination{s: s, peer: s.host}
	a, err := addressOf(url)
	if err != nil {
		e.found("connection", "", err)
		return e.all
	}
	begun := time.Now()
	err = s.do(ctx, a.bucket, func(ctx context.Context) error {
		for o := range s.core.ListObjectsIter(ctx, a.bucket, minio.ListObjectsOptions{Prefix: a.prefix(), Recursive: true, MaxKeys: 1}) {
			return o.Err
		}
		return nil
	})
	took := time.Since(begun)
	if err != nil && !s.met.Load() {
		e.found("connection", "", err)
		return e.all
	}
	e.found("connection", "signed with keys from "+s.id.from, nil)
	if s.id.access == "" {
		e.all[0].Told = "not signed"
	}
	e.all[0].Took = took
	skew := time.Duration(s.skew.Load())
	clock := nodes.Finding{Peer: e.peer, What: "clock", Told: fmt.Sprintf("%s ahead", skew.Round(time.Second)), Skew: skew}
	if skew.Abs() > maxSkew {
		clock.Err = &toldError{text: fmt.Sprintf("the clocks differ by %s, and requests are refused that are signed more than %s off", skew.Abs().Round(time.Second), maxSkew), hint: "set the clock of this machine, such as by NTP"}
	}
	e.all = append(e.all, clock)
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.found("list bucket "+a.bucket, "", err)
	case err != nil:
		e.found("bucket "+a.bucket, "", err)
		return e.all
	default:
		e.found("bucket "+a.bucket, "it is there, and may be listed", nil)
	}
	look(e, a)
	return e.all
}

// maxSkew is how far a clock may be off for S3.
const maxSkew = 15 * time.Minute

// ExamineRead implements nodes.StoreExaminer.
func (s *store) ExamineRead(ctx context.Context, url string, comes bool) []nodes.Finding {
	return s.examine(ctx, url, func(e *examination, a address) {
		found, err := s.Find(ctx, url)
		told := fmt.Sprintf("%d objects", len(found))
		if len(found) == 1 {
			told = "1 object"
		}
		if err == nil && len(found) == 0 && !comes {
			err = errors.New("there is none")
		}
		e.found("objects "+a.String(), told, err)
		if err != nil || len(found) == 0 {
			return
		}
		b, err := s.Open(ctx, found[0], 0, 1)
		if err == nil {
			err = b.Close()
		}
		e.found("read "+found[0].Address, "it may be read", err)
	})
}

// ExamineWrite implements nodes.StoreExaminer. An upload is begun, and aborted: nothing of it
// is seen.
func (s *store) ExamineWrite(ctx context.Context, url string) []nodes.Finding {
	return s.examine(ctx, url, func(e *examination, a address) {
		u := &upload{s: s, a: a}
		err := u.Begin(ctx)
		if err == nil {
			if err = s.core.AbortMultipartUpload(ctx, a.bucket, a.key, u.id); err != nil {
				err = s.explained(err, a.bucket)
			}
		}
		e.found("write "+a.String(), "it may be written", err)
	})
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.Link.examine(env, k.URL.Value, func(s *store) []nodes.Finding { return s.ExamineRead(ctx, k.URL.Value, k.Every > 0) })
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.Link.examine(env, k.URL.Value, func(s *store) []nodes.Finding { return s.ExamineWrite(ctx, k.URL.Value) })
}

var (
	_ nodes.Examiner      = (*reader)(nil)
	_ nodes.Examiner      = (*writer)(nil)
	_ nodes.StoreExaminer = (*store)(nil)
)

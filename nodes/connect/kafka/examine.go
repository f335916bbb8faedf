package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/nodes"
)

// This file is what `flowrun doctor` asks.

// examination gathers findings of one cluster.
type examination struct {
	l      *Link
	client *kgo.Client
	all    []nodes.Finding
}

func (e *examination) found(what, told string, err error) {
	e.all = append(e.all, nodes.Finding{Peer: e.l.name(), What: what, Told: told, Err: e.l.advised(err)})
}

// examine connects, says how many brokers there are, and lets look further.
func (l *Link) examine(ctx context.Context, env *nodes.Env, look func(e *examination)) []nodes.Finding {
	e := &examination{l: l}
	begun := time.Now()
	h := &health{env: env}
	c, err := l.open(ctx, env, h)
	if err != nil {
		e.found("connection", "", err)
		return e.all
	}
	defer h.end(c)
	e.client = c
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	asked, cancel := within(ctx)
	defer cancel()
	resp, err := req.RequestWith(asked, c)
	if err != nil {
		e.found("connection", "", orCause(asked, err))
		return e.all
	}
	e.found("connection", count(len(resp.Brokers), "broker"), nil)
	e.all[0].Took = time.Since(begun)
	look(e)
	return e.all
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(e *examination) {
		named, _ := k.plain()
		n, errs, err := partitionsOf(ctx, e.client, named)
		if err != nil {
			e.found("topics", "", err)
			return
		}
		for _, t := range named {
			if errs[t] != nil {
				e.found("topic "+t, "", topicFault(t, errs[t], "READ"))
				continue
			}
			e.found("topic "+t, count(n[t], "partition"), nil)
		}
		group := k.Group
		if group == "" {
			group = env.Flow.Name
		}
		told, err := groupOf(ctx, e.client, group)
		e.found("group "+group, told, err)
	})
}

// groupOf says how a group is.
func groupOf(ctx context.Context, c *kgo.Client, group string) (string, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	resp, err := req.RequestWith(ctx, c)
	if err != nil {
		return "", orCause(ctx, err)
	}
	if len(resp.Groups) == 0 {
		return "it is new", nil
	}
	g := resp.Groups[0]
	switch err := kerr.ErrorForCode(g.ErrorCode); {
	case errors.Is(err, kerr.GroupIDNotFound), err == nil && (g.State == "Dead" || g.State == ""):
		return "it is new", nil
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("%s, %s", g.State, count(len(g.Members), "member")), nil
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(e *examination) {
		topic, fixed := k.fixed()
		if !fixed {
			return
		}
		infos, err := infoOf(ctx, e.client, []string{topic})
		what := "topic " + topic
		if err != nil {
			e.found(what, "", err)
			return
		}
		switch info := infos[topic]; {
		case k.Create && errors.Is(info.err, kerr.UnknownTopicOrPartition):
			e.found(what, "it is not there yet, and will be made", nil)
		case info.err != nil:
			e.found(what, "", topicFault(topic, info.err, "WRITE"))
		case info.most == 0:
			e.found(what, "the user may not ask for its settings (DESCRIBE_CONFIGS), so what is usual counts", nil)
		case info.compacted && k.at.key < 0:
			e.found(what, "", hinted(errors.New("it is compacted, and takes no message without a key"), "write `key: EXPRESSION`"))
		default:
			e.found(what, fmt.Sprintf("messages of up to %d bytes", min(info.most, int(k.Most))), nil)
		}
	})
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
)

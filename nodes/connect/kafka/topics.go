package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file asks what topics there are, and what they take.

// partitionsOf gives how many partitions each of some topics has. An error is that of the
// question; what is wrong with a topic is in errs.
func partitionsOf(ctx context.Context, c *kgo.Client, topics []string) (n map[string]int, errs map[string]error, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	for _, t := range topics {
		x := kmsg.NewMetadataRequestTopic()
		x.Topic = kmsg.StringPtr(t)
		req.Topics = append(req.Topics, x)
	}
	resp, err := req.RequestWith(ctx, c)
	if err != nil {
		return nil, nil, orCause(ctx, err)
	}
	n, errs = map[string]int{}, map[string]error{}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case err == nil:
			n[*t.Topic] = len(t.Partitions)
		case errors.Is(err, kerr.LeaderNotAvailable): // it was made a moment ago
			n[*t.Topic] = len(t.Partitions)
		default:
			errs[*t.Topic] = err
		}
	}
	return n, errs, nil
}

// orCause gives the cause why a context ended in place of an error that only says so.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// topicFault says what is wrong with a topic, and what to do.
func topicFault(topic string, err error, right string) error {
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		e := fmt.Errorf("there is no topic %s, or the user may not see it: %w", topic, err)
		return hinted(e, "kafka-topics.sh --create --topic %s makes it", topic)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		e := fmt.Errorf("the user may not %s the topic %s: %w", strings.ToLower(right), topic, err)
		return hinted(e, "kafka-acls.sh --add --allow-principal User:NAME --operation %s --topic %s", right, topic)
	case errors.Is(err, kerr.InvalidTopicException):
		return fmt.Errorf("%q is no name of a topic: %w", topic, err)
	}
	return fmt.Errorf("the topic %s: %w", topic, err)
}

// A topicInfo is what a topic takes.
type topicInfo struct {
	err        error // why nothing is sent to it
	most       int   // bytes of a batch; 0: not known
	compacted  bool  // it takes no message without a key
	past, next time.Duration
}

// usualBytes is what brokers take where nobody has changed it (message.max.bytes is that and a
// little more).
const usualBytes = 1_000_012

// infoOf asks what topics take. A user who may not know gets what is usual.
func infoOf(ctx context.Context, c *kgo.Client, topics []string) (map[string]*topicInfo, error) {
	infos := map[string]*topicInfo{}
	_, errs, err := partitionsOf(ctx, c, topics)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx)
	defer cancel()
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, t := range topics {
		infos[t] = &topicInfo{err: errs[t], past: math.MaxInt64, next: math.MaxInt64}
		if errs[t] != nil {
			continue
		}
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, t
		r.ConfigNames = []string{"max.message.bytes", "cleanup.policy", "message.timestamp.type",
			"message.timestamp.before.max.ms", "message.timestamp.after.max.ms", "message.timestamp.difference.max.ms"}
		req.Resources = append(req.Resources, r)
	}
	if len(req.Resources) == 0 {
		return infos, nil
	}
	resp, err := req.RequestWith(ctx, c)
	if err != nil {
		return nil, orCause(ctx, err)
	}
	for _, r := range resp.Resources {
		info := infos[r.ResourceName]
		if info == nil || r.ErrorCode != 0 {
			continue
		}
		values := map[string]string{}
		for _, x := range r.Configs {
			if x.Value != nil {
				values[x.Name] = *x.Value
			}
		}
		info.set(values)
	}
	return infos, nil
}

func (i *topicInfo) set(values map[string]string) {
	if n, err := strconv.Atoi(values["max.message.bytes"]); err == nil {
		i.most = n
	}
	i.compacted = strings.Contains(values["cleanup.policy"], "compact")
	if values["message.timestamp.type"] == "LogAppendTime" {
		return
	}
	for name, d := range map[string]*time.Duration{
		"message.timestamp.before.max.ms": &i.past, "message.timestamp.after.max.ms": &i.next,
	} {
		if ms, err := strconv.ParseInt(values[name], 10, 64); err == nil && ms < math.MaxInt64/int64(time.Millisecond) {
			*d = time.Duration(ms) * time.Millisecond
		}
	}
}

// make makes a topic as the brokers make topics by default.
func makeTopics(ctx context.Context, c *kgo.Client, topics []string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(connectTime.Milliseconds())
	for _, t := range topics {
		x := kmsg.NewCreateTopicsRequestTopic()
		x.Topic, x.NumPartitions, x.ReplicationFactor = t, -1, -1
		req.Topics = append(req.Topics, x)
	}
	resp, err := req.RequestWith(ctx, c)
	if err != nil {
		return orCause(ctx, err)
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return topicFault(t.Topic, err, "CREATE")
		}
	}
	return nil
}

// pattern is what a topic of the settings is as a regular expression.
func pattern(topic string) string {
	if strings.HasPrefix(topic, "^") {
		return topic
	}
	return "^" + regexp.QuoteMeta(topic) + "$"
}

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says what the errors of Kafka mean, and when it counts as away.

// hinted adds what to do to an error.
func hinted(err error, format string, args ...any) error {
	return peer.Hinted(err, fmt.Sprintf(format, args...))
}

// advised adds what to do to an error of talking to Kafka.
func (l *Link) advised(err error) error {
	var eof *kgo.ErrFirstReadEOF
	switch {
	case err == nil:
		return nil
	case peer.HintOf(err) != "":
		return peer.Hinted(err, peer.HintOf(err))
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return hinted(err, "look at the user and the password under sasl")
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return hinted(err, "choose another mechanism under sasl: the brokers have it in sasl.enabled.mechanisms")
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return hinted(err, "the user needs the right READ on the group: kafka-acls.sh --add --allow-principal User:NAME --operation READ --group GROUP")
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return hinted(err, "the user needs the right IDEMPOTENT_WRITE on the cluster, or acks: leader")
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return hinted(err, "the brokers say in group.min.session.timeout.ms and group.max.session.timeout.ms what `session` may be")
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return hinted(err, "the group has members that share partitions in another way (this one does it cooperative-sticky): stop them, or choose another group")
	case strings.Contains(err.Error(), "tls alert record"): // the client has no type for it
		return hinted(errors.New("the broker takes only secured connections"), "write `tls: {}`, or with `ca: FILE` in it where the system does not trust the broker")
	case errors.As(err, &eof), errors.Is(err, io.EOF):
		why := "if the brokers want a login, write it under sasl"
		if l.SASL != nil {
			why = "look at the user and the password under sasl"
		}
		if l.TLS == nil {
			why += "; if they take only secured connections, write `tls: {}`"
		}
		return hinted(errors.New("the broker has closed the connection"), "%s", why)
	}
	return err
}

// final are the answers that no other session would get another one instead.
var final = []error{
	kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState,
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.InvalidTopicException, kerr.InvalidGroupID, kerr.InvalidSessionTimeout, kerr.InconsistentGroupProtocol,
	kerr.UnsupportedVersion, kerr.PolicyViolation, kerr.InvalidReplicationFactor,
	nodes.ErrEnclosed, errFenced,
}

// lost reports whether another session may not have an error.
func lost(err error) bool {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return false
	}
	for _, f := range final {
		if errors.Is(err, f) {
			return false
		}
	}
	return true
}

const (
	// patience is how long the client tries by itself before its session counts as broken.
	// A broker that is started again is back by then, or another one has taken over.
	patience = 10 * time.Second
	// longPatience is the same while brokers answer, but not to what was asked: for them it
	// may only be much.
	longPatience = 60 * time.Second
)

// health is what the connections of a client tell.
type health struct {
	env *nodes.Env

	mu   sync.Mutex
	good time.Time // when a broker has answered last
	err  error     // what has befallen connections since
	told bool
	over bool // nobody is to be told any more
}

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (h *health) OnBrokerConnect(b kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = err; !h.told && !h.over && !h.good.IsZero() {
		h.told = true
		h.env.Log.Warn("a broker does not take a connection; the client tries again by itself", "broker", net.JoinHostPort(b.Host, fmt.Sprint(b.Port)), "error", err.Error())
	}
}

// OnBrokerRead implements kgo.HookBrokerRead.
func (h *health) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	switch {
	case err == nil:
		h.answered()
	case !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed):
		h.mu.Lock()
		h.err = err
		h.mu.Unlock()
	}
}

func (h *health) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.good, h.err, h.told = time.Now(), nil, false
}

// end closes a client. Connections that it still makes or loses then are nobody's concern.
func (h *health) end(c *kgo.Client) {
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	c.CloseAllowingRebalance()
}

// away gives why Kafka counts as away, nil if it does not.
func (h *health) away(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil || now.Sub(h.good) < patience {
		return nil
	}
	return fmt.Errorf("no broker has answered for %s: %w", now.Sub(h.good).Round(time.Second), h.err)
}

var (
	_ kgo.HookBrokerConnect = (*health)(nil)
	_ kgo.HookBrokerRead    = (*health)(nil)
)

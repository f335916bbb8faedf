package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file connects to Kafka.

// theServer is what messages call it.
const theServer = "Kafka"

// connectTime bounds how long it may take to open a session.
const connectTime = 15 * time.Second

// A Link is the part of the settings that says how to reach a cluster.
type Link struct {
	Brokers []string  `yaml:"brokers,required" lone:"true" min:"1" doc:"Some brokers of the cluster, as HOST:9092; they tell of the others."`
	SASL    *Login    `yaml:"sasl" doc:"How to log in. Without it there is no login."`
	TLS     *peer.TLS `yaml:"tls" doc:"How connections are secured. Without it they are not; {} takes what the system trusts."`
}

// A Login is the setting `sasl`.
type Login struct {
	Mechanism string        `yaml:"mechanism" enum:"plain|scram-sha-256|scram-sha-512" doc:"How the password is shown to the broker. plain sends it as it is, so it wants tls."`
	User      string        `yaml:"user,required" doc:"The user."`
	Password  config.Secret `yaml:"password,required" doc:"The password: write it as ${env:NAME} or ${file:/path}."`
}

// SetDefaults implements config.Defaulter.
func (l *Login) SetDefaults() { l.Mechanism = "plain" }

func (l *Login) mechanism() sasl.Mechanism {
	auth := scram.Auth{User: l.User, Pass: l.Password.Reveal()}
	switch l.Mechanism {
	case "scram-sha-256":
		return auth.AsSha256Mechanism()
	case "scram-sha-512":
		return auth.AsSha512Mechanism()
	}
	return plain.Auth{User: l.User, Pass: l.Password.Reveal()}.AsMechanism()
}

// defaultPort is that of an address without one.
const defaultPort = "9092"

// brokers are the addresses. One that comes from a variable may be a list with commas.
func (l *Link) brokers() (all []string) {
	for _, b := range l.Brokers {
		for b := range strings.SplitSeq(b, ",") {
			if b = strings.TrimSpace(b); b != "" {
				all = append(all, b)
			}
		}
	}
	return all
}

// name is what messages call the cluster.
func (l *Link) name() string { return "kafka://" + strings.Join(l.brokers(), ",") }

// check reports addresses that are none.
func (l *Link) check(c *graph.Inference) {
	if c.Unread("brokers") {
		return
	}
	all := l.brokers()
	wrong := len(all) == 0
	for _, b := range all {
		host, port, err := net.SplitHostPort(b)
		if err != nil {
			host, port = b, defaultPort
		}
		n, err := strconv.Atoi(port)
		wrong = wrong || err != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, "/@ ")
	}
	if wrong {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: brokers are addresses, got %q", c.Node.ID, strings.Join(l.Brokers, ", ")).WithHint("brokers: HOST:9092, or [HOST:9092, HOST:9092]")
	}
}

// options are what all clients have.
func (l *Link) options(env *nodes.Env, h *health) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(l.brokers()...),
		kgo.ClientID("flowrun-" + nameOf(env.Flow.Name, env.Node.ID, 1) + thisProcess().String()),
		kgo.SoftwareNameAndVersion("flowrun", "1"),
		kgo.DialTimeout(connectTime),
		kgo.DisableClientMetrics(),
		kgo.MetadataMaxAge(time.Minute),
		kgo.WithHooks(h),
	}
	var secure *tls.Config
	if l.TLS != nil {
		var err error
		if secure, err = l.TLS.Client(env, l.TLS.ServerName); err != nil {
			return nil, err
		}
	}
	opts = append(opts, kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := env.Dial(ctx, network, address)
		if err != nil || secure == nil {
			return c, err
		}
		own := secure
		if own.ServerName == "" {
			host, _, _ := net.SplitHostPort(address)
			own = secure.Clone()
			own.ServerName = host
		}
		return peer.Secure(ctx, c, own, "leave out `tls`, or take the port that is secured")
	}))
	if l.SASL != nil {
		opts = append(opts, kgo.SASL(l.SASL.mechanism()))
	}
	return opts, nil
}

// open makes a client to which a broker has answered. It is gone when ctx ends.
func (l *Link) open(ctx context.Context, env *nodes.Env, h *health, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := l.options(env, h)
	if err != nil {
		return nil, err
	}
	c, err := kgo.NewClient(slices.Concat(opts, more)...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := c.Ping(ctx); err != nil {
		h.end(c)
		return nil, l.advised(err)
	}
	h.answered()
	return c, nil
}

// legal makes a text one that Kafka takes as a name.
func legal(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)) {
			return r
		}
		return '-'
	}, s)
}

// isTopic reports whether a text can be the name of a topic.
func isTopic(s string) bool {
	return s != "" && len(s) <= 249 && s != "." && s != ".." && legal(s) == s
}

var errSlow = errors.New("there is no answer")

// within gives a context for one question to Kafka.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, connectTime, fmt.Errorf("%w within %s", errSlow, connectTime))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/eclipse/paho.golang/paho"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workloads that send and receive messages of MQTT and AMQP: the kinds
// against their clients, which have 256 messages of about 100 bytes under way at once.

// underWay is how many messages the clients have under way.
const underWay = 256

// bodyOf is a message of about 100 bytes.
func bodyOf(i int) []byte {
	return fmt.Appendf(nil, `{"id":%d,"text":%q}`, i, strings.Repeat("an item ", 10))
}

func mqttWorkload(ctx context.Context, h *harness) error {
	return brokerWorkload(ctx, h, "mqtt", "mosquitto", "paho with 256 calls at once", startMosquitto)
}

func amqpWorkload(ctx context.Context, h *harness) error {
	return brokerWorkload(ctx, h, "amqp", "RabbitMQ", "amqp091-go with 256 messages under way", startRabbitMQ)
}

func brokerWorkload(ctx context.Context, h *harness, kind, name, client string, start func(dir string) (at string, stop func(), err error)) error {
	at, stop, err := start(h.dir)
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintf(h.out, "\n%s is not installed: it is left out\n", name)
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	n := h.size(100_000, 5_000)
	size := strconv.Itoa(n)
	for _, way := range []string{"send", "receive"} {
		series, err := h.compare(ctx, fmt.Sprintf("%s, %s %d messages of 100 bytes", name, way, n), int64(n), 0,
			h.child(kind+"."+way, at, size), h.child("the client of "+kind+", "+way, at, size))
		if err != nil {
			return err
		}
		h.claim(claim{text: name + ", " + way + ": share of the speed of " + client, got: 100 * series[1].median(wall) / series[0].median(wall), unit: "%", target: 70}, series...)
	}
	return nil
}

// server starts a program, and waits until something listens at an address.
func startServer(at string, env []string, argv ...string) (stop func(), err error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, exec.ErrNotFound
	}
	c := exec.Command(path, argv[1:]...)
	c.Env = append(os.Environ(), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		c.Wait()
	}
	for range 600 {
		if conn, err := net.Dial("tcp", at); err == nil {
			conn.Close()
			return stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("%s does not listen", argv[0])
}

// freePort is one of the loopback.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func startMosquitto(dir string) (string, func(), error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	config := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\nlog_dest none\n", port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	at := fmt.Sprintf("127.0.0.1:%d", port)
	stop, err := startServer(at, nil, "mosquitto", "-c", config)
	return "mqtt://" + at, stop, err
}

func startRabbitMQ(dir string) (string, func(), error) {
	var ports [3]int
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			return "", nil, err
		}
	}
	home := filepath.Join(dir, "rabbitmq")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", nil, err
	}
	at := fmt.Sprintf("127.0.0.1:%d", ports[0])
	config := filepath.Join(home, "rabbitmq.conf")
	files := map[string]string{config: "listeners.tcp.1 = " + at + "\ndisk_free_limit.absolute = 1MB\n", filepath.Join(home, "none"): "", filepath.Join(home, "plugins"): "[].\n"}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", nil, err
		}
	}
	env := []string{"HOME=" + home, "ERL_EPMD_ADDRESS=127.0.0.1", fmt.Sprintf("ERL_EPMD_PORT=%d", ports[1]), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[2]),
		"RABBITMQ_CONFIG_FILE=" + config, "RABBITMQ_CONF_ENV_FILE=" + filepath.Join(home, "none"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(home, "plugins"),
		"RABBITMQ_LOG_BASE=" + home, "RABBITMQ_MNESIA_BASE=" + home, "RABBITMQ_NODENAME=bench@localhost", "RUNNING_UNDER_SYSTEMD=true",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"}
	program := "/usr/lib/rabbitmq/bin/rabbitmq-server"
	if _, err := os.Stat(program); err != nil {
		return "", nil, exec.ErrNotFound
	}
	epmd, err := startServer(fmt.Sprintf("127.0.0.1:%d", ports[1]), env, "epmd")
	if err != nil {
		return "", nil, err
	}
	stop, err := startServer(at, append(env, "RABBITMQ_SERVER_START_ARGS=-start_epmd false"), program)
	if err != nil {
		epmd()
		return "", nil, err
	}
	return "amqp://guest:guest@" + at, func() { stop(); epmd() }, nil
}

// brokerFlow is the contender that is a flow: fill makes what is there before it.
func brokerFlow(fill func(at string, n int) error, flow func(at, n string) string) func(args []string) (result, error) {
	return func(args []string) (result, error) {
		n, err := strconv.Atoi(args[1])
		if err == nil {
			err = fill(args[0], n)
		}
		if err != nil {
			return result{}, err
		}
		registry, err := nodes.NewRegistry(all.Nodes)
		if err != nil {
			return result{}, err
		}
		f, list := graph.Load(diag.NewSource("messages.yaml", []byte(flow(args[0], args[1]))), registry, graph.Options{})
		if err := list.Err(); err != nil {
			return result{}, err
		}
		return timed(func() (string, error) {
			run, err := scheduler.New(f, registry, scheduler.Options{})
			if err != nil {
				return "", err
			}
			report, err := run.Run(context.Background())
			for _, node := range report.Nodes {
				if node.ID == "all" {
					return strconv.FormatInt(node.Out, 10), err
				}
			}
			return "", err
		})
	}
}

// brokerClient is the contender that is a client; f gives how many messages there were.
func brokerClient(fill func(at string, n int) error, f func(at string, n int) (int, error)) func(args []string) (result, error) {
	return func(args []string) (result, error) {
		n, err := strconv.Atoi(args[1])
		if err == nil {
			err = fill(args[0], n)
		}
		if err != nil {
			return result{}, err
		}
		return timed(func() (string, error) {
			got, err := f(args[0], n)
			return strconv.Itoa(got), err
		})
	}
}

func sendFlow(node string) func(at, n string) string {
	return func(at, n string) string {
		return fmt.Sprintf("flow: send\nnodes:\n  all: {use: generate, with: {count: %s, set: {id: n, text: 'repeat(\"an item \", 10)'}}}\n  out: {in: all, "+node+"}\n", n, at)
	}
}

func receiveFlow(node string) func(at, n string) string {
	return func(at, n string) string {
		return fmt.Sprintf("flow: receive\nnodes:\n  in: {"+node+"}\n  all: {use: limit, in: in, with: {count: %s}}\n  out: {use: drop, in: all}\n", at, n)
	}
}

// mqttClient connects with a session that has a subscription.
func mqttClient(at, id string, clean bool, take func()) (*paho.Client, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	c := paho.NewClient(paho.ClientConfig{Conn: conn, ClientID: id, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(paho.PublishReceived) (bool, error) { take(); return true, nil },
	}})
	hour, most := uint32(3600), uint16(1000)
	_, err = c.Connect(context.Background(), &paho.Connect{ClientID: id, KeepAlive: 60, CleanStart: clean, Properties: &paho.ConnectProperties{SessionExpiryInterval: &hour, ReceiveMaximum: &most}})
	return c, err
}

func mqttNothing(at string, _ int) error { return nil }

// mqttFill makes a session, and messages that wait for it.
func mqttFill(at string, n int) error {
	c, err := mqttClient(at, "receive.in", true, func() {})
	if err != nil {
		return err
	}
	if _, err := c.Subscribe(context.Background(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "items", QoS: 1}}}); err != nil {
		return err
	}
	if err := c.Disconnect(&paho.Disconnect{}); err != nil {
		return err
	}
	_, err = mqttSends(at, n)
	return err
}

func mqttSends(at string, n int) (int, error) {
	c, err := mqttClient(at, "bench", true, func() {})
	if err != nil {
		return 0, err
	}
	defer c.Disconnect(&paho.Disconnect{})
	var each sync.WaitGroup
	errs := make([]error, underWay)
	for k := range underWay {
		each.Go(func() {
			for i := k; i < n && errs[k] == nil; i += underWay {
				_, errs[k] = c.Publish(context.Background(), &paho.Publish{Topic: "items", QoS: 1, Payload: bodyOf(i)})
			}
		})
	}
	each.Wait()
	return n, errors.Join(errs...)
}

func mqttReceives(at string, n int) (int, error) {
	got, over := 0, make(chan struct{})
	c, err := mqttClient(at, "receive.in", false, func() {
		if got++; got == n {
			close(over)
		}
	})
	if err != nil {
		return 0, err
	}
	select {
	case <-over:
	case <-c.Done():
		return got, io.ErrUnexpectedEOF
	}
	return got, c.Disconnect(&paho.Disconnect{})
}

func withAMQP(at string, f func(ch *amqp.Channel) error) error {
	c, err := amqp.Dial(at)
	if err != nil {
		return err
	}
	defer c.Close()
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	return f(ch)
}

func amqpQueue(at string, _ int) error {
	return withAMQP(at, func(ch *amqp.Channel) error {
		if _, err := ch.QueueDeclare("items", true, false, false, false, nil); err != nil {
			return err
		}
		_, err := ch.QueuePurge("items", false)
		return err
	})
}

func amqpFill(at string, n int) error {
	if err := amqpQueue(at, n); err != nil {
		return err
	}
	_, err := amqpSends(at, n)
	return err
}

func amqpSends(at string, n int) (int, error) {
	return n, withAMQP(at, func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		var flying []*amqp.DeferredConfirmation
		for i := range n {
			d, err := ch.PublishWithDeferredConfirm("", "items", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: bodyOf(i)})
			if err != nil {
				return err
			}
			if flying = append(flying, d); len(flying) == underWay || i == n-1 {
				for _, d := range flying {
					if !d.Wait() {
						return errors.New("a message was not taken")
					}
				}
				flying = flying[:0]
			}
		}
		return nil
	})
}

func amqpReceives(at string, n int) (got int, err error) {
	return got, withAMQP(at, func(ch *amqp.Channel) error {
		if err := ch.Qos(1000, 0, false); err != nil {
			return err
		}
		all, err := ch.Consume("items", "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		for d := range all {
			if got++; got%underWay == 0 || got == n {
				if err := d.Ack(true); err != nil || got == n {
					return err
				}
			}
		}
		return io.ErrUnexpectedEOF
	})
}

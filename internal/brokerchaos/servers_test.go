//go:build unix

package brokerchaos

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	client "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/internal/servertest"
)

// This file starts the brokers, each a process of its own.

// A server is the process of a broker.
type server interface {
	Kill()
	Stop() error
	Again() error
}

// A peer is a broker that runs.
type peer struct {
	server      server
	url, secret string
}

func started(t *testing.T, brand brokertest.Brand, o brokertest.Options) (*brokertest.Server, peer) {
	s := brokertest.Start(t, brand, o)
	t.Cleanup(s.Close)
	return s, peer{s, s.URL, brokertest.Password}
}

func redis(t *testing.T, _ []string) peer {
	_, p := started(t, brokertest.Redis, brokertest.Options{})
	return p
}

// mosquitto starts one that saves its state when it is stopped.
func mosquitto(t *testing.T, _ []string) peer {
	_, p := started(t, brokertest.Mosquitto, brokertest.Options{Lines: []string{"autosave_on_changes false", "autosave_interval 3600"}})
	return p
}

// rabbit starts RabbitMQ with its queues. One that is killed loses queues that were made a
// moment ago, even durable ones, so it is stopped first, which keeps them.
func rabbit(t *testing.T, queues []string) peer {
	s, p := started(t, brokertest.RabbitMQ, brokertest.Options{})
	c, err := client.Dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queues {
		if _, err := ch.QueueDeclare(q, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	return p
}

// nats starts a flow with an embedded server, and makes its streams.
func nats(t *testing.T, queues []string) peer {
	s := servertest.New(t, "NATS")
	t.Cleanup(s.Close)
	at := "127.0.0.1:" + strconv.Itoa(s.Port)
	s.Root = true // nobody may not run the command of the tests
	s.Write(t, servertest.File{Name: "server.yaml", Text: fmt.Sprintf(`flow: server
nodes:
  server: {use: nats.read, with: {url: embedded, folder: store, listen: '%s', mode: core, subject: nobody, format: raw}}
  none:   {use: drop, in: server}
`, at)})
	s.Argv = []string{program, "run", filepath.Join(s.Dir, "server.yaml"), "--report", "none"}
	s.Ready = func() error { return answers(at) }
	s.Begin(t)
	for _, q := range queues {
		path := filepath.Join(s.Dir, q+".yaml")
		s.Write(t, servertest.File{Name: q + ".yaml", Text: fmt.Sprintf(`flow: make
nodes:
  none: {use: generate, with: {count: 0}}
  out:  {use: nats.write, in: none, with: {url: 'nats://%s', stream: %s, subject: %[2]s, create: true}}
`, at, q)})
		s.Prepare(t, program, "run", path, "--report", "none")
	}
	return peer{server: s, url: "nats://" + at}
}

func answers(at string) error {
	c, err := net.Dial("tcp", at)
	if err == nil {
		c.Close()
	}
	return err
}

const (
	partitions = 4
	// fakeKafka is the variable that makes this program a broker, in place of the tests.
	fakeKafka = "FLOWRUN_BROKERCHAOS_KAFKA"
)

// kafka starts Kafka where it is asked for, else kfake in a process of its own.
func kafka(t *testing.T, queues []string) peer {
	if os.Getenv("FLOWRUN_KAFKA") == "" {
		return fake(t, queues)
	}
	s, p := started(t, brokertest.Kafka, brokertest.Options{})
	for _, q := range queues {
		if _, err := s.Tool("", "org.apache.kafka.tools.TopicCommand", "--create", "--topic", q, "--partitions", strconv.Itoa(partitions)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func fake(t *testing.T, queues []string) peer {
	s := servertest.New(t, "kfake")
	t.Cleanup(s.Close)
	s.Root = true // as it has the files of the tests
	s.Argv = []string{os.Args[0]}
	s.Env = []string{fakeKafka + "=" + strings.Join(append([]string{strconv.Itoa(s.Port), s.In("DIR/data")}, queues...), " ")}
	at := "127.0.0.1:" + strconv.Itoa(s.Port)
	s.Ready = func() error { return answers(at) }
	s.Begin(t)
	return peer{server: s, url: at}
}

// serveKafka is a broker until it is told to end.
func serveKafka() {
	args := strings.Fields(os.Getenv(fakeKafka)) // the port, the folder and the topics
	port, err := strconv.Atoi(args[0])
	if err == nil {
		_, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(args[1]), kfake.SeedTopics(partitions, args[2:]...))
	}
	if err == nil {
		select {}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

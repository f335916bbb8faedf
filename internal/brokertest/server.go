package brokertest

import (
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

// Password is that of the user flow: a canary that nothing may show.
const Password = servertest.Password

// A Brand is whose server it is.
type Brand string

// The servers that there are.
const (
	// Redis keeps each command before it answers (appendfsync always).
	Redis Brand = "Redis"
	// Mosquitto writes its state at the end of each round of its loop, a moment after it has
	// acknowledged a message: a kill can lose that message, and Stop does not.
	Mosquitto Brand = "mosquitto"
	// RabbitMQ keeps durable queues, and of them the persistent messages that it confirmed.
	RabbitMQ Brand = "RabbitMQ"
	// Kafka is there only where FLOWRUN_KAFKA is set. What it acknowledged is in the files
	// of the system, where a kill leaves it.
	Kafka Brand = "Kafka"
)

// Options say how a server is set up.
type Options struct {
	// Lines are added to its configuration: redis.conf, mosquitto.conf, rabbitmq.conf or
	// server.properties. DIR is the folder of the server. A later line of a name counts.
	Lines []string
	Args  []string // for its command line, behind the others; not of RabbitMQ and Kafka
	Files []File   // for Dir, such as lists of rights; one named as a file of ours replaces it
	Env   []string // NAME=value
	TLS   *TLS     // the port takes TLS alone
	// Users are more users, with the same password. Those of Redis and RabbitMQ have no
	// rights; one of Redis with some is better made by a line, "user ann on >PASSWORD ~* +get".
	Users []string
	// SASL has Kafka ask for the users and passwords, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	SASL bool
	// Advertise is the address at which Kafka says to be reached, such as a Proxy's.
	Advertise string
	// Ready replaces the question whether the server answers.
	Ready func(*Server) error
}

// TLS are the certificates of a server, in PEM.
type TLS struct {
	CA, Cert, Key string
	// Client and its key are sent by the question whether the server answers. If they are
	// there, the server takes only clients with a certificate of CA.
	Client, ClientKey string
}

// A File is one that the server reads.
type File = servertest.File

// A Server runs until it is closed. Its methods may be called by one goroutine at a time.
type Server struct {
	*servertest.Server
	Brand Brand
	URL   string // with the password, as flows write it; of Kafka host and port
	o     Options

	user, password string // of the question whether it answers

	java     []string // of Kafka: how a class is run
	internal string   // of Kafka: the address without TLS and SASL
}

// Addr is host and port.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.Port) }

// At is the URL of the server for those who reach it at another address, such as a Proxy's.
func (s *Server) At(addr string) string {
	scheme := map[Brand]string{Redis: "redis", Mosquitto: "mqtt", RabbitMQ: "amqp"}[s.Brand]
	if scheme == "" {
		return addr
	}
	if s.o.TLS != nil {
		scheme += "s"
	}
	path := map[Brand]string{Redis: "/0", RabbitMQ: "/"}[s.Brand]
	return scheme + "://flow:" + Password + "@" + addr + path
}

// Start sets a server up and starts it. The test is skipped where the server is not
// installed, and where -short wants no servers.
func Start(t testing.TB, brand Brand, o Options) *Server {
	t.Helper()
	set := map[Brand]func(testing.TB, *Server){Redis: setRedis, Mosquitto: setMosquitto, RabbitMQ: setRabbitMQ, Kafka: setKafka}[brand]
	ready := map[Brand]func(*Server) error{Redis: readyRedis, Mosquitto: readyMosquitto, RabbitMQ: readyRabbitMQ, Kafka: readyKafka}[brand]
	if o.Ready != nil {
		ready = o.Ready
	}
	s := &Server{Server: servertest.New(t, string(brand)), Brand: brand, o: o, user: "flow", password: Password}
	begun := false
	defer func() {
		if !begun {
			s.Close()
		}
	}()
	s.URL = s.At(s.Addr())
	s.Ready = func() error { return ready(s) }
	s.Env = o.Env
	if o.TLS != nil {
		s.Write(t, File{Name: "ca.pem", Text: o.TLS.CA}, File{Name: "server.pem", Text: o.TLS.Cert}, File{Name: "server.key", Text: o.TLS.Key})
	}
	set(t, s)
	s.Begin(t)
	begun = true
	return s
}

// users are all that the server knows.
func (s *Server) users() []string { return append([]string{"flow"}, s.o.Users...) }

// configure writes the configuration, with the lines of the test behind ours, and the files.
func (s *Server) configure(t testing.TB, name string, lines ...string) (path string) {
	t.Helper()
	text := ""
	for _, line := range append(lines, s.o.Lines...) {
		text += s.In(line) + "\n"
	}
	s.Write(t, File{Name: name, Text: text})
	for _, f := range s.o.Files {
		s.Write(t, File{Name: f.Name, Text: s.In(f.Text)})
	}
	return s.In("DIR/" + name)
}

// strict reports whether the server takes only clients with a certificate.
func (s *Server) strict() bool { return s.o.TLS != nil && s.o.TLS.Client != "" }

package brokertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

// This file sets RabbitMQ up. The program of Debian's /usr/sbin insists on the user rabbitmq
// and its folders; what it calls does not.

func setRabbitMQ(t testing.TB, s *Server) {
	program := servertest.Program(t, "rabbitmq-server", packages, "/usr/lib/rabbitmq/bin/rabbitmq-server")
	epmd := servertest.Program(t, "epmd", packages)
	addr := s.Addr()
	lines := []string{"loopback_users = none", "load_definitions = DIR/definitions.json", "disk_free_limit.absolute = 1MB",
		"log.console = true", "log.console.level = warning", "log.file = false"}
	if s.o.TLS == nil {
		lines = append(lines, "listeners.tcp.1 = "+addr)
	} else {
		verify := "verify_none"
		if s.strict() {
			verify = "verify_peer"
		}
		lines = append(lines, "listeners.tcp = none", "listeners.ssl.1 = "+addr, "ssl_options.cacertfile = DIR/ca.pem", "ssl_options.certfile = DIR/server.pem", "ssl_options.keyfile = DIR/server.key",
			"ssl_options.verify = "+verify, fmt.Sprintf("ssl_options.fail_if_no_peer_cert = %t", s.strict()))
	}
	s.Write(t, File{Name: "definitions.json", Text: s.definitions(t)}, File{Name: "enabled_plugins", Text: "[].\n"}, File{Name: "none", Text: ""})
	config := s.configure(t, "rabbitmq.conf", lines...)
	port := func() string { return strconv.Itoa(servertest.FreePort(t)) }
	env := map[string]string{
		"HOME":                                s.Dir,
		"ERL_EPMD_ADDRESS":                    "127.0.0.1",
		"ERL_EPMD_PORT":                       port(),
		"RABBITMQ_CONFIG_FILE":                config,
		"RABBITMQ_CONF_ENV_FILE":              s.In("DIR/none"), // in the place of the machine's
		"RABBITMQ_ADVANCED_CONFIG_FILE":       s.In("DIR/advanced.config"),
		"RABBITMQ_DIST_PORT":                  port(),
		"RABBITMQ_ENABLED_PLUGINS_FILE":       s.In("DIR/enabled_plugins"),
		"RABBITMQ_LOGS":                       "-",
		"RABBITMQ_LOG_BASE":                   s.In("DIR/data"),
		"RABBITMQ_MNESIA_BASE":                s.In("DIR/data"),
		"RABBITMQ_GENERATED_CONFIG_DIR":       s.In("DIR/generated"),
		"RABBITMQ_NODENAME":                   "flowrun" + strconv.Itoa(s.Port) + "@localhost",
		"RABBITMQ_SCHEDULER_BIND_TYPE":        "u", // several servers would bind to the same cores
		"RUNNING_UNDER_SYSTEMD":               "true",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
	}
	var all []string
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	s.Env = append(all, s.Env...)
	// Erlang would start an epmd that leaves the group, so it finds one in the group. The
	// script becomes Erlang, as below systemd.
	s.Argv = []string{"/bin/sh", "-c", `"$1" & exec "$2"`, "sh", epmd, program}
}

// definitions are the users; flow alone has rights.
func (s *Server) definitions(t testing.TB) string {
	type m map[string]any
	var users []m
	for _, user := range s.users() {
		var salt [4]byte
		rand.Read(salt[:])
		sum := sha256.Sum256(append(salt[:], Password...))
		users = append(users, m{"name": user, "tags": map[bool]string{true: "administrator"}[user == "flow"],
			"hashing_algorithm": "rabbit_password_hashing_sha256", "password_hash": base64.StdEncoding.EncodeToString(append(salt[:], sum[:]...))})
	}
	text, err := json.Marshal(m{"users": users, "vhosts": []m{{"name": "/"}},
		"permissions": []m{{"user": "flow", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// AMQP 0-9-1: a frame is its type, a channel, a length, so many bytes and 0xce. A method
// begins with its class and number.
const (
	startMethod   = 10<<16 | 10
	startOkMethod = 10<<16 | 11
	tuneMethod    = 10<<16 | 30
)

// readyRabbitMQ logs in, up to where the server proposes limits.
func readyRabbitMQ(s *Server) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return amqpLogin(c, s)
}

func amqpLogin(c io.ReadWriter, s *Server) error {
	if _, err := c.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return err
	}
	if err := readMethod(c, startMethod); err != nil {
		return err
	}
	login := "\x00" + s.user + "\x00" + s.password
	args := append([]byte{0, 0, 0, 0}, "\x05PLAIN"...) // no properties
	args = binary.BigEndian.AppendUint32(args, uint32(len(login)))
	if err := writeMethod(c, 0, startOkMethod, append(args, login+"\x05en_US"...)); err != nil {
		return err
	}
	return readMethod(c, tuneMethod)
}

func writeFrame(w io.Writer, kind byte, channel uint16, body []byte) error {
	frame := binary.BigEndian.AppendUint16([]byte{kind}, channel)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(body)))
	_, err := w.Write(append(append(frame, body...), 0xce))
	return err
}

func writeMethod(w io.Writer, channel uint16, method uint32, args []byte) error {
	return writeFrame(w, 1, channel, append(binary.BigEndian.AppendUint32(nil, method), args...))
}

func readMethod(r io.Reader, want uint32) error {
	var head [7]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[3:])
	if head[0] != 1 || size < 4 || size > 1<<20 {
		return fmt.Errorf("answer %q of RabbitMQ", head)
	}
	body := make([]byte, size+1)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(body); got != want {
		return fmt.Errorf("answer of RabbitMQ: method %d.%d", got>>16, got&0xffff)
	}
	return nil
}

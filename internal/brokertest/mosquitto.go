package brokertest

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

// This file sets mosquitto up.

func setMosquitto(t testing.TB, s *Server) {
	program, passwd := servertest.Program(t, "mosquitto", packages), servertest.Program(t, "mosquitto_passwd", packages)
	// Without a limit a message for a client that is away is kept, and not thrown away.
	lines := []string{"listener " + strconv.Itoa(s.Port) + " 127.0.0.1", "allow_anonymous false", "password_file DIR/passwords", "persistence true", "persistence_location DIR/",
		"autosave_on_changes true", "autosave_interval 1", "max_queued_messages 0", "log_dest stderr"}
	if s.o.TLS != nil {
		lines = append(lines, "cafile DIR/ca.pem", "certfile DIR/server.pem", "keyfile DIR/server.key", fmt.Sprintf("require_certificate %t", s.strict()))
	}
	passwords := ""
	for _, user := range s.users() {
		passwords += user + ":" + Password + "\n"
	}
	s.Write(t, File{Name: "passwords", Text: passwords})
	s.Prepare(t, passwd, "-U", s.In("DIR/passwords")) // makes hashes of them
	s.Argv = []string{program, "-c", s.configure(t, "mosquitto.conf", lines...)}
	for _, a := range s.o.Args {
		s.Argv = append(s.Argv, s.In(a))
	}
}

// readyMosquitto says CONNECT of MQTT 3.1.1 and waits for CONNACK.
func readyMosquitto(s *Server) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := mqttConnect(c, s, "flowrun-ready", 2); err != nil {
		return err
	}
	var ack [4]byte
	if _, err := io.ReadFull(c, ack[:]); err != nil {
		return err
	}
	if ack != [4]byte{0x20, 2, 0, 0} {
		return fmt.Errorf("answer % x of mosquitto", ack)
	}
	_, err = c.Write([]byte{0xe0, 0}) // DISCONNECT
	return err
}

// text16 adds a text behind its length.
func text16(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
}

// mqttConnect sends CONNECT; of the flags, 2 is for a session that ends with the connection.
func mqttConnect(c io.Writer, s *Server, client string, flags byte) error {
	body := append(text16(nil, "MQTT"), 4, 0x80|0x40|flags, 0, 10) // with user and password; 10 s
	for _, part := range []string{client, s.user, s.password} {
		body = text16(body, part)
	}
	_, err := c.Write(append([]byte{0x10, byte(len(body))}, body...))
	return err
}

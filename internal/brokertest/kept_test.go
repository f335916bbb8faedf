package brokertest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
)

// This file has servers keep something, by the bytes of their protocols.

// askRedis sends a command, and gives so many lines of its answer.
func askRedis(s *Server, command string, lines int) ([]string, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	fmt.Fprintf(c, "AUTH flow %s\r\n%s\r\n", Password, command)
	r, all := bufio.NewReader(c), []string{}
	for range lines + 1 {
		line, err := r.ReadString('\n')
		if err != nil {
			return all, err
		}
		all = append(all, strings.TrimSpace(line))
	}
	return all[1:], nil
}

func keepRedis(s *Server) error {
	got, err := askRedis(s, "SET kept this", 1)
	if err == nil && got[0] != "+OK" {
		err = fmt.Errorf("SET: %q", got)
	}
	return err
}

func keptRedis(s *Server) error {
	got, err := askRedis(s, "GET kept", 1)
	if err == nil && got[0] != "$4" { // the length of what follows

		err = fmt.Errorf("GET: %q", got)
	}
	return err
}

// session opens the MQTT session of a client that stays when the client goes, and reports
// whether the server had it.
func session(s *Server) (c net.Conn, had bool, err error) {
	if c, err = s.dial(); err != nil {
		return nil, false, err
	}
	if err = mqttConnect(c, s, "kept", 0); err == nil {
		var ack [4]byte
		if _, err = io.ReadFull(c, ack[:]); err == nil && (ack[0] != 0x20 || ack[3] != 0) {
			err = fmt.Errorf("CONNACK % x", ack)
		}
		had = ack[2] == 1
	}
	return c, had, err
}

// keepMosquitto subscribes, goes, and publishes at QoS 1 what then waits for the session.
func keepMosquitto(s *Server) error {
	c, _, err := session(s)
	if err != nil {
		return err
	}
	defer c.Close()
	subscribe := append(text16([]byte{0, 1}, "kept/#"), 1)
	c.Write(append([]byte{0x82, byte(len(subscribe))}, subscribe...))
	var subAck [5]byte
	if _, err := io.ReadFull(c, subAck[:]); err != nil || subAck != [5]byte{0x90, 3, 0, 1, 1} {
		return fmt.Errorf("SUBACK % x: %v", subAck, err)
	}
	c.Close()
	p, err := s.dial()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := mqttConnect(p, s, "publisher", 2); err != nil {
		return err
	}
	publish := append(text16(nil, "kept/a"), 0, 2)
	publish = append(publish, "this"...)
	p.Write(append([]byte{0x32, byte(len(publish))}, publish...))
	var acks [8]byte // of CONNECT, then of PUBLISH
	if _, err := io.ReadFull(p, acks[:]); err != nil || acks != [8]byte{0x20, 2, 0, 0, 0x40, 2, 0, 2} {
		return fmt.Errorf("PUBACK % x: %v", acks, err)
	}
	// Its state is written in the round of its loop that has acknowledged; another question
	// and its answer are a later round.
	p.Write([]byte{0xc0, 0})
	var pong [2]byte
	_, err = io.ReadFull(p, pong[:])
	return err
}

func keptMosquitto(s *Server) error {
	c, had, err := session(s)
	if err != nil {
		return err
	}
	defer c.Close()
	if !had {
		return fmt.Errorf("the session is not there")
	}
	got := make([]byte, 2+2+len("kept/a")+2+len("this"))
	if _, err := io.ReadFull(c, got); err != nil || !strings.HasSuffix(string(got), "this") {
		return fmt.Errorf("the session has %q: %v", got, err)
	}
	return nil // not acknowledged, so it comes again
}

// amqpChannel logs in and opens a channel.
func amqpChannel(s *Server) (net.Conn, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	if err = amqpLogin(c, s); err != nil {
		return c, err
	}
	tuneOk := []byte{0, 9, 0, 1, 0, 0, 0, 0} // 9 channels, frames of 64 KiB, no heartbeat
	if err = writeMethod(c, 0, 10<<16|31, tuneOk); err != nil {
		return c, err
	}
	if err = writeMethod(c, 0, 10<<16|40, []byte("\x01/\x00\x00")); err != nil {
		return c, err
	}
	if err = readMethod(c, 10<<16|41); err != nil {
		return c, err
	}
	if err = writeMethod(c, 1, 20<<16|10, []byte{0}); err != nil {
		return c, err
	}
	return c, readMethod(c, 20<<16|11)
}

// declare asks for the durable queue kept; passively, it must be there.
func declare(s *Server, passive bool) (net.Conn, error) {
	c, err := amqpChannel(s)
	if err != nil {
		return c, err
	}
	flags := byte(2)
	if passive {
		flags |= 1
	}
	if err := writeMethod(c, 1, 50<<16|10, append([]byte("\x00\x00\x04kept"), flags, 0, 0, 0, 0)); err != nil {
		return c, err
	}
	return c, readMethod(c, 50<<16|11)
}

// keepRabbitMQ publishes a persistent message and waits for the confirmation.
func keepRabbitMQ(s *Server) error {
	c, err := declare(s, false)
	if c != nil {
		defer c.Close()
	}
	if err != nil {
		return err
	}
	writeMethod(c, 1, 85<<16|10, []byte{0})
	if err := readMethod(c, 85<<16|11); err != nil {
		return err
	}
	writeMethod(c, 1, 60<<16|40, []byte("\x00\x00\x00\x04kept\x00"))
	header := []byte{0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0x10, 0, 2} // 4 bytes, delivery-mode 2
	writeFrame(c, 2, 1, header)
	writeFrame(c, 3, 1, []byte("this"))
	return readMethod(c, 60<<16|80)
}

func keptRabbitMQ(s *Server) error {
	c, err := declare(s, true)
	if c != nil {
		defer c.Close()
	}
	if err != nil {
		return err
	}
	writeMethod(c, 1, 60<<16|70, []byte("\x00\x00\x04kept\x00"))
	if err := readMethod(c, 60<<16|71); err != nil {
		return err
	}
	for range 2 { // the header, and the body
		var head [7]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(c, body); err != nil {
			return err
		}
		if head[0] == 3 && string(body[:len(body)-1]) != "this" {
			return fmt.Errorf("the queue has %q", body)
		}
	}
	return nil // not acknowledged, so it comes again
}

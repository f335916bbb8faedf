package brokertest

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

// This file sets Apache Kafka up: one process that is broker and controller (KRaft).

// A client comes by the listener CLIENT. The broker calls itself by INTERNAL, which has
// neither TLS nor SASL, so that these can be set as a test wants them.
func setKafka(t testing.TB, s *Server) {
	if os.Getenv("FLOWRUN_KAFKA") == "" {
		t.Skip("no Kafka, which Maven would have to fetch: make kafka")
	}
	jars, java := kafkaJars(t), kafkaJava(t)
	s.Root = true // nobody could not read a home's cache
	// One quick compiler is enough for tests.
	s.java = []string{java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(jars, "*")}
	s.internal = fmt.Sprintf("127.0.0.1:%d", servertest.FreePort(t))
	controller := fmt.Sprintf("127.0.0.1:%d", servertest.FreePort(t))
	advertise := s.o.Advertise
	if advertise == "" {
		advertise = s.Addr()
	}
	protocol := map[bool]string{true: "SASL_"}[s.o.SASL] + map[bool]string{true: "SSL", false: "PLAINTEXT"}[s.o.TLS != nil]
	lines := []string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + controller, "controller.listener.names=CONTROLLER",
		"listeners=CLIENT://" + s.Addr() + ",INTERNAL://" + s.internal + ",CONTROLLER://" + controller,
		"advertised.listeners=CLIENT://" + advertise + ",INTERNAL://" + s.internal,
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENT:" + protocol,
		"inter.broker.listener.name=INTERNAL", "log.dirs=DIR/data", "auto.create.topics.enable=false",
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=4",
		"transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "transaction.state.log.num.partitions=4",
		"share.coordinator.state.topic.replication.factor=1", "share.coordinator.state.topic.min.isr=1", "share.coordinator.state.topic.num.partitions=4",
		"group.initial.rebalance.delay.ms=0",
		// A broker that was killed is let in again when its session is over.
		"broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500",
	}
	if s.o.TLS != nil {
		s.Write(t, File{Name: "keystore.pem", Text: s.o.TLS.Key + s.o.TLS.Cert})
		lines = append(lines, "ssl.keystore.type=PEM", "ssl.keystore.location=DIR/keystore.pem", "ssl.truststore.type=PEM", "ssl.truststore.location=DIR/ca.pem",
			"ssl.client.auth="+map[bool]string{true: "required", false: "none"}[s.strict()])
	}
	format := s.class("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAQ", "-c", s.In("DIR/server.properties"))
	if s.o.SASL {
		const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
		plain := "org.apache.kafka.common.security.plain.PlainLoginModule required"
		for _, user := range s.users() {
			plain += fmt.Sprintf(` user_%s="%s"`, user, Password)
			for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
				format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, Password))
			}
		}
		lines = append(lines, "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", "listener.name.client.plain.sasl.jaas.config="+plain+";",
			"listener.name.client.scram-sha-256.sasl.jaas.config="+scram, "listener.name.client.scram-sha-512.sasl.jaas.config="+scram)
	}
	s.Argv = s.class("kafka.Kafka", s.configure(t, "server.properties", lines...))
	s.Prepare(t, format...)
}

// class is a command line that runs a class of Kafka's.
func (s *Server) class(name string, args ...string) []string {
	line := append([]string{s.java[0], "-Xms32m", "-Xmx256m"}, s.java[1:]...)
	return append(append(line, name), args...)
}

// Tool runs one of Kafka's programs, such as org.apache.kafka.tools.TopicCommand, against the
// server, past TLS and SASL, and gives what it writes.
func (s *Server) Tool(input, class string, args ...string) (string, error) {
	argv := s.class(class, append([]string{"--bootstrap-server", s.internal}, args...)...)
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", class, err, out)
	}
	return string(out), nil
}

// readyKafka asks for the versions of the API, which a broker tells before anybody logs in.
func readyKafka(s *Server) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	const correlation = 7
	body := binary.BigEndian.AppendUint32([]byte{0, 18, 0, 0}, correlation) // ApiVersions, version 0
	body = text16(body, "flowrun-ready")
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		return err
	}
	var head [10]byte // length, correlation, error
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[4:]) != correlation || head[8] != 0 || head[9] != 0 {
		return fmt.Errorf("answer % x of Kafka", head)
	}
	return nil
}

// oldestJava is what a broker of this version wants.
const oldestJava = 17

func kafkaJava(t testing.TB) string {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("no Kafka: java is not installed: apt-get install default-jre-headless")
	}
	out, err := exec.Command(java, "-version").CombinedOutput()
	if err != nil {
		t.Skipf("no Kafka: java -version: %v", err)
	}
	if m := regexp.MustCompile(`version "(\d+)`).FindSubmatch(out); m != nil {
		if have, _ := strconv.Atoi(string(m[1])); have < oldestJava {
			t.Skipf("no Kafka: it wants Java %d, and this is %d", oldestJava, have)
		}
	}
	return java
}

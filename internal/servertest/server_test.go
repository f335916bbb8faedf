package servertest

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell is a server that says its group, and has a child that would outlive it.
const shell = `sleep 1000 & echo "$$ $!"; wait`

func started(t *testing.T, script string) (s *Server, group int) {
	t.Helper()
	s = New(t, "shell")
	s.Argv = []string{"/bin/sh", "-c", script}
	s.Ready = func() error {
		if fields := strings.Fields(s.Log()); len(fields) > 1 {
			id, err := strconv.Atoi(fields[len(fields)-2])
			if err == nil {
				group, err = syscall.Getpgid(id)
			}
			return err
		}
		return errors.New("it has said nothing")
	}
	s.Begin(t)
	return s, group
}

func TestKillEndsTheGroup(t *testing.T) {
	s, group := started(t, shell)
	defer s.Close()
	if !lives(group) || s.Ended() {
		t.Fatal("it does not run")
	}
	s.Kill()
	if lives(group) || !s.Ended() {
		t.Error("it runs after a kill")
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	if s.Ended() {
		t.Error("it does not run again")
	}
	s.Close()
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("its folder is there: %v", err)
	}
}

// TestStopAsks also has a server that does not listen.
func TestStopAsks(t *testing.T) {
	s, _ := started(t, `trap 'echo asked; exit' TERM; echo "$$ 1"; while :; do sleep 0.01; done`)
	defer s.Close()
	if err := s.Stop(); err != nil || !strings.Contains(s.Log(), "asked") {
		t.Errorf("%v; the log is %q", err, s.Log())
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stopped twice: %v", err)
	}
	deaf, group := started(t, `trap '' TERM; `+shell)
	defer deaf.Close()
	stopTime = 10 * time.Millisecond
	defer func() { stopTime = 30 * time.Second }()
	if err := deaf.Stop(); err == nil || !strings.Contains(err.Error(), "does not stop") {
		t.Errorf("%v", err)
	}
	if lives(group) {
		t.Error("it runs after a stop that failed")
	}
}

func TestServerThatCannotStart(t *testing.T) {
	s, _ := started(t, shell)
	defer s.Close()
	s.Kill()
	relaunchTime = 100 * time.Millisecond
	defer func() { relaunchTime = 20 * time.Second }()
	s.Argv = []string{"/bin/sh", "-c", "echo no such option; exit 1"}
	s.Ready = func() error { return errors.New("refused") }
	err := s.Again()
	if err == nil || !strings.Contains(err.Error(), "shell ends when it is started: refused") || strings.Count(err.Error(), "no such option") < 2 {
		t.Errorf("%v", err)
	}
}

// TestGroupEndsWithTheTests kills a process that has started a server.
func TestGroupEndsWithTheTests(t *testing.T) {
	if os.Getenv("FLOWRUN_SERVERTEST") != "" {
		s, group := started(t, shell)
		os.Stdout.WriteString(strconv.Itoa(group) + " " + s.Dir + "\n")
		select {}
	}
	c := exec.Command(os.Args[0], "-test.run=^TestGroupEndsWithTheTests$")
	c.Env = append(os.Environ(), "FLOWRUN_SERVERTEST=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c.Process.Kill()
	c.Wait()
	fields := strings.Fields(line)
	if err != nil || len(fields) != 2 {
		t.Fatalf("%q: %v", line, err)
	}
	defer os.RemoveAll(fields[1])
	group, _ := strconv.Atoi(fields[0])
	for range 1000 {
		if !lives(group) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("the server outlives the tests")
	syscall.Kill(-group, syscall.SIGKILL)
}

func TestFreePorts(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port := FreePort(t)
		if seen[port] || port < firstPort || port >= lastPort {
			t.Fatalf("port %d", port)
		}
		seen[port] = true
	}
}

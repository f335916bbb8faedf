package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Password is that of the user flow: a canary that nothing may show.
const Password = "geheim7Kanarienvogel"

// A Server runs until it is closed. Its methods may be called by one goroutine at a time.
type Server struct {
	Name string // in messages
	Dir  string // its folder, with what it reads and writes
	Port int    // of the loopback

	// How it is run.
	Argv  []string
	Env   []string     // besides that of the tests
	Root  bool         // it may be root where the tests are
	Ready func() error // whether it answers

	mu    sync.Mutex // over group, which Close may end at any time
	group *group
}

// New makes a server's folder, and gives it a port. The test is skipped where -short wants
// no servers.
func New(t testing.TB, name string) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	dir, err := os.MkdirTemp("", "flowrun-server-")
	if err != nil {
		t.Fatal(err)
	}
	Own(t, dir)
	return &Server{Name: name, Dir: dir, Port: FreePort(t)}
}

// A File is one that a server reads. Only the server's user may. DIR in a configuration is
// the folder of the server: see In.
type File struct{ Name, Text string }

// In puts the server's folder in the place of DIR.
func (s *Server) In(text string) string { return strings.ReplaceAll(text, "DIR", s.Dir) }

// Write puts files into the server's folder.
func (s *Server) Write(t testing.TB, files ...File) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(s.Dir, f.Name)
		if err := os.WriteFile(path, []byte(f.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		Own(t, path)
	}
}

// Prepare runs a program that must end well before the server can start.
func (s *Server) Prepare(t testing.TB, argv ...string) {
	t.Helper()
	if out, err := s.command(argv).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", argv[0], err, out)
	}
}

// Begin starts the server for the first time. If it does not start, the test fails, and
// nothing of it is left.
func (s *Server) Begin(t testing.TB) {
	t.Helper()
	if err := s.Again(); err != nil {
		s.Close()
		t.Fatal(err)
	}
}

func (s *Server) command(argv []string) *exec.Cmd {
	c := exec.Command(argv[0], argv[1:]...)
	if s.Root {
		c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	} else {
		AsNobody(c)
	}
	c.Env = append(c.Env, s.Env...)
	return c
}

// startTime bounds how long a server may take until it answers, relaunchTime how long one
// that ends at once is started again, and stopTime how long it may take to end.
var startTime, relaunchTime, stopTime = time.Minute, 20 * time.Second, 30 * time.Second

// Again starts a server that was killed, and waits until it answers.
func (s *Server) Again() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	ended, err := s.launch(log)
	if err != nil {
		return err
	}
	begin := time.Now()
	for ; ; time.Sleep(5 * time.Millisecond) {
		if err = s.Ready(); err == nil {
			return nil
		}
		took := time.Since(begin)
		if took > startTime {
			return fmt.Errorf("%s does not start: %w\n%s", s.Name, err, s.lastLog())
		}
		select {
		case <-ended: // one that was killed may still hold what this one wants
			if took > relaunchTime {
				return fmt.Errorf("%s ends when it is started: %w\n%s", s.Name, err, s.lastLog())
			}
			time.Sleep(50 * time.Millisecond)
			if ended, err = s.launch(log); err != nil {
				return err
			}
		default:
		}
	}
}

// launch starts the server's process, and ends what was left of the one before.
func (s *Server) launch(log *os.File) (ended chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
	c := s.command(s.Argv)
	c.Stdout, c.Stderr = log, log
	if s.group, err = startGroup(c); err != nil {
		return nil, err
	}
	return s.group.ended, nil
}

// Ended reports whether the server has ended, by itself too.
func (s *Server) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil {
		return true
	}
	select {
	case <-s.group.ended:
		return true
	default:
		return false
	}
}

func (s *Server) logFile() string { return filepath.Join(s.Dir, "log") }

// Log is what the server has written so far.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.logFile())
	return string(text)
}

// lastLog is the end of the log, which a server that is started again and again makes long.
func (s *Server) lastLog() string {
	const most = 8 << 10
	log := s.Log()
	if len(log) > most {
		log = "…" + log[len(log)-most:]
	}
	return log
}

// Kill ends the server at once, with all processes that it has started, as SIGKILL does.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

func (s *Server) kill() {
	if s.group != nil {
		s.group.kill()
		s.group = nil
	}
}

// Stop asks the server to end, as SIGTERM does, and waits for it; after half a minute it is
// killed, and that is an error.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil {
		return nil
	}
	defer s.kill()
	s.group.main.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.group.ended:
		return nil
	case <-time.After(stopTime):
		return fmt.Errorf("%s does not stop\n%s", s.Name, s.lastLog())
	}
}

// Close kills the server and takes its data away.
func (s *Server) Close() {
	s.Kill()
	os.RemoveAll(s.Dir)
}

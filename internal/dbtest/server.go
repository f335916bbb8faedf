package dbtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Password is that of the user flow: a canary that nothing may show.
const Password = "geheim7Kanarienvogel"

// A Brand is whose server it is.
type Brand string

// The servers that there are.
const (
	PostgreSQL Brand = "PostgreSQL"
	MariaDB    Brand = "MariaDB"
)

// Options say how a server is set up.
type Options struct {
	WAL   string   // of PostgreSQL: where its log lies, such as on a small disk; by default with the data
	Args  []string // for its command line, behind the others; DIR is the folder of the server
	Files []File   // for Dir, such as certificates
	HBA   string   // of PostgreSQL: pg_hba.conf
	Init  string   // of MariaDB: statements at every start
	Ready func(*Server) error
}

// A File is one that the server reads. Only the server's user may.
type File struct{ Name, Text string }

// A Server runs until it is closed. Its methods may be called by one goroutine at a time.
type Server struct {
	Brand Brand
	Dir   string
	Port  int
	URL   string // with the password, as flows write it

	argv  []string
	ready func(*Server) error
	mu    sync.Mutex // over process, which Close may end at any time
	proc  *exec.Cmd
	ended chan struct{}
}

// noAIO keeps servers that run at one time from taking each other's asynchronous I/O, of
// which a user has little.
const noAIO = "--innodb-use-native-aio=0"

// nobody is whom servers run as that refuse to be root.
const nobody = 65534

// AsNobody lets a command run as a user without rights, if this one is root.
func AsNobody(c *exec.Cmd) *exec.Cmd {
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME=/")
	return c
}

// program finds a program of a server.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/" + name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	t.Skipf("%s is not installed: apt-get install postgresql mariadb-server", name)
	return ""
}

// Start sets a server up and starts it. The test is skipped where the server is not
// installed, and where -short wants no servers.
func Start(t testing.TB, brand Brand, o Options) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	names := map[Brand][2]string{PostgreSQL: {"initdb", "postgres"}, MariaDB: {"mariadb-install-db", "mariadbd"}}[brand]
	initdb, run := program(t, names[0]), program(t, names[1])
	dir, err := os.MkdirTemp("", "flowrun-db-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Brand: brand, Dir: dir, Port: FreePort(t), ready: o.Ready}
	begun := false
	defer func() {
		if !begun {
			s.Close()
		}
	}()
	data, port := filepath.Join(dir, "data"), strconv.Itoa(s.Port)
	var prepare []string
	files := append([]File(nil), o.Files...)
	if brand == PostgreSQL {
		files = append(files, File{"pw", Password + "\n"})
		prepare = []string{initdb, "-D", data, "-U", "flow", "--auth=scram-sha-256", "--pwfile=" + filepath.Join(dir, "pw"), "-E", "UTF8", "--no-sync"}
		if o.WAL != "" {
			prepare = append(prepare, "-X", filepath.Join(o.WAL, "wal"))
		}
		s.argv = []string{run, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"}
		s.URL = "postgres://flow:" + Password + "@127.0.0.1:" + port + "/postgres?sslmode=disable"
	} else {
		files = append(files, File{"init.sql", "CREATE DATABASE IF NOT EXISTS shop;\nCREATE USER IF NOT EXISTS flow@'%' IDENTIFIED BY '" + Password + "';\nGRANT ALL ON *.* TO flow@'%';\n" + o.Init})
		prepare = []string{initdb, "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db", noAIO}
		s.argv = []string{run, "--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1", "--socket=" + filepath.Join(dir, "s"),
			"--pid-file=" + filepath.Join(dir, "pid"), "--init-file=" + filepath.Join(dir, "init.sql"), "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", noAIO}
		s.URL = "mysql://flow:" + Password + "@127.0.0.1:" + port + "/shop"
	}
	for _, a := range o.Args {
		s.argv = append(s.argv, strings.ReplaceAll(a, "DIR", dir))
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, []byte(f.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		own(t, path)
	}
	own(t, dir)
	if out, err := AsNobody(exec.Command(prepare[0], prepare[1:]...)).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", initdb, err, out)
	}
	if o.HBA != "" {
		path := filepath.Join(data, "pg_hba.conf")
		if err := os.WriteFile(path, []byte(o.HBA), 0o600); err != nil {
			t.Fatal(err)
		}
		own(t, path)
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	begun = true
	return s
}

func own(t testing.TB, path string) {
	t.Helper()
	if os.Getuid() == 0 {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
}

// FreePort is a port of the loopback that nobody listens at.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startTime bounds how long a server may take until it answers.
const startTime = time.Minute

// Again starts a server that was killed, and waits until it answers.
func (s *Server) Again() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := s.launch(log); err != nil {
		return err
	}
	for end := time.Now().Add(startTime); ; time.Sleep(5 * time.Millisecond) {
		if err = s.ready(s); err == nil {
			return nil
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("%s does not start: %w\n%s", s.Brand, err, text)
		}
		select {
		case <-s.ended: // one that was killed may still hold what this one wants
			time.Sleep(50 * time.Millisecond)
			if err := s.launch(log); err != nil {
				return err
			}
		default:
		}
	}
}

func (s *Server) launch(log *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := AsNobody(exec.Command(s.argv[0], s.argv[1:]...))
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return err
	}
	s.proc, s.ended = c, make(chan struct{})
	go func(ended chan struct{}) { c.Wait(); close(ended) }(s.ended)
	return nil
}

// Ended reports whether the server has ended, by itself too.
func (s *Server) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return true
	default:
		return s.proc == nil
	}
}

// Log is what the server has written so far.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(text)
}

// Kill ends the server at once, as SIGKILL does.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.Process.Kill()
		<-s.ended
		s.proc = nil
	}
}

// Close kills the server and takes its data away.
func (s *Server) Close() {
	s.Kill()
	os.RemoveAll(s.Dir)
}

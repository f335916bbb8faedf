package sql

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file starts the servers that tests talk to: those of Debian, on ports of their own,
// with data of their own. A test whose server is not installed is skipped.

// A server is one that runs until the tests of the package have ended.
type server struct {
	name    string
	dir     string
	port    int
	argv    []string
	url     string
	process *exec.Cmd
	ended   chan struct{}
}

var (
	serversMu sync.Mutex
	servers   = map[string]*server{}
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range servers {
		s.kill()
		os.RemoveAll(s.dir)
	}
	os.Exit(code)
}

// nobody is whom servers run as that refuse to be root.
const nobody = 65534

func asNobody(c *exec.Cmd) *exec.Cmd {
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME=/")
	return c
}

// program finds a program of a server.
func program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		for _, pattern := range []string{"/usr/lib/postgresql/*/bin/" + name, "/usr/sbin/" + name, "/usr/bin/" + name} {
			if found, _ := filepath.Glob(pattern); len(found) > 0 {
				return found[len(found)-1]
			}
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed: apt-get install postgresql mariadb-server", names[0])
	return ""
}

// started gives a server, which the first test that asks for it starts.
func started(t testing.TB, d dialect) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	serversMu.Lock()
	defer serversMu.Unlock()
	if s := servers[d.String()]; s != nil {
		return s
	}
	s := &server{name: d.String()}
	init, run := map[dialect]string{postgres: "initdb", mysql: "mariadb-install-db"}[d], map[dialect]string{postgres: "postgres", mysql: "mariadbd"}[d]
	init, run = program(t, init), program(t, run)
	dir, err := os.MkdirTemp("", "flowrun-sql-")
	if err != nil {
		t.Fatal(err)
	}
	s.dir = dir
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	data, port := filepath.Join(dir, "data"), fmt.Sprint(s.port)
	var prepare []string
	files := map[string]string{}
	switch d {
	case postgres:
		files["pw"] = canary + "\n"
		prepare = []string{init, "-D", data, "-U", "flow", "--auth=scram-sha-256", "--pwfile=" + filepath.Join(dir, "pw"), "-E", "UTF8", "--no-sync"}
		s.argv = []string{run, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"}
		s.url = "postgres://flow:" + canary + "@127.0.0.1:" + port + "/postgres?sslmode=disable"
	default:
		files["init.sql"] = "CREATE DATABASE IF NOT EXISTS shop;\nCREATE USER IF NOT EXISTS flow@'%' IDENTIFIED BY '" + canary + "';\nGRANT ALL ON *.* TO flow@'%';\n"
		prepare = []string{init, "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db"}
		s.argv = []string{run, "--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1", "--socket=" + filepath.Join(dir, "s"),
			"--pid-file=" + filepath.Join(dir, "pid"), "--init-file=" + filepath.Join(dir, "init.sql"), "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"}
		s.url = "mysql://flow:" + canary + "@127.0.0.1:" + port + "/shop"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := asNobody(exec.Command(prepare[0], prepare[1:]...)).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", init, err, out)
	}
	servers[d.String()] = s
	s.start(t)
	return s
}

// canary is the password of the tests, which nobody may show.
const canary = "geheim7Kanarienvogel"

// start starts the server and waits until it answers.
func (s *server) start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.launch(t, log)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		db, err := s.open()
		if err == nil {
			db.close()
			return
		}
		if time.Now().Before(end) {
			select {
			case <-s.ended: // one that was killed may still hold what this one wants
				s.launch(t, log)
			default:
			}
			continue
		}
		text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		t.Fatalf("%s does not start: %v\n%s", s.name, err, text)
	}
}

func (s *server) launch(t testing.TB, log *os.File) {
	s.process = asNobody(exec.Command(s.argv[0], s.argv[1:]...))
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		t.Error(err)
		return
	}
	s.ended = make(chan struct{})
	go func(c *exec.Cmd, ended chan struct{}) { c.Wait(); close(ended) }(s.process, s.ended)
}

// kill ends the server at once.
func (s *server) kill() {
	if s.process != nil {
		s.process.Process.Kill()
		<-s.ended
		s.process = nil
	}
}

func (s *server) open() (session, error) {
	l := &Link{URL: config.NewURL(s.url)}
	return l.open(context.Background(), &nodes.Env{Flow: &graph.Flow{Dir: s.dir}}, toCreate)
}

// database gives a session to a database for a test: a new SQLite file in a folder, or a
// server.
func database(t testing.TB, d dialect, dir string) (url string, s session) {
	t.Helper()
	url = "sqlite:test.db"
	at := &server{url: url, dir: dir}
	if d != sqlite {
		at = started(t, d)
	}
	s, err := at.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return at.url, s
}

// run runs statements.
func run(t testing.TB, s session, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := s.exec(context.Background(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// each runs a test with every database.
func eachDatabase(t *testing.T, f func(t *testing.T, d dialect)) {
	for _, d := range []dialect{sqlite, postgres, mysql} {
		t.Run(d.String(), func(t *testing.T) { f(t, d) })
	}
}

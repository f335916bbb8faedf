package recipes_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/flowrun/flowrun/internal/built"
	"github.com/flowrun/flowrun/internal/dbtest"
)

// This file has what the tests of recipes stand on: the real command, a PostgreSQL of their
// own, and a copy of the folder in which a reader would be.

var update = flag.Bool("update", false, "write the flows in the pages, and their drawings, again")

// flowrun is the real command, built once.
var flowrun string

func TestMain(m *testing.M) { os.Exit(tested(m)) }

func tested(m *testing.M) int {
	defer func() {
		if server != nil {
			server.Close()
		}
	}()
	return built.Main(m, &flowrun)
}

var (
	serverMu  sync.Mutex
	server    *dbtest.Server
	databases int
)

// database gives the address of an empty database for a test.
func database(t *testing.T) string {
	t.Helper()
	need(t, "psql")
	serverMu.Lock()
	defer serverMu.Unlock()
	if server == nil {
		server = dbtest.Start(t, dbtest.PostgreSQL, dbtest.Options{Ready: func(s *dbtest.Server) error {
			return exec.Command("psql", s.URL, "-qc", "SELECT 1").Run()
		}})
	}
	databases++
	name := fmt.Sprint("recipe_", databases)
	query(t, server.URL, "CREATE DATABASE "+name)
	return strings.Replace(server.URL, "/postgres?", "/"+name+"?", 1)
}

// query runs SQL and gives its rows, with | between columns.
func query(t *testing.T, url, text string) string {
	t.Helper()
	cmd := exec.Command("psql", url, "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text)
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		cmd = exec.Command("sqlite3", "-cmd", ".timeout 10000", path, text)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}
	return strings.TrimSpace(string(out))
}

// kafka starts a cluster that answers as Kafka does, at the port of the place.
func (p *place) kafka() {
	p.t.Helper()
	port, err := strconv.Atoi(p.ports["9092"])
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
}

// need skips a test where a program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	packages := map[string]string{"psql": "postgresql", "mosquitto_pub": "mosquitto-clients", "redis-cli": "redis-tools"}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			name := p
			if packages[p] != "" {
				name = packages[p]
			}
			t.Skipf("%s is not installed: apt-get install %s", p, name)
		}
	}
}

// A place is a copy of this folder, with the variables that recipes need.
type place struct {
	t     *testing.T
	dir   string
	env   []string
	ports map[string]string // of the pages, and those of this place
}

// copied copies flows and data. What listens at a fixed port gets a free one.
func copied(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), ports: map[string]string{}}
	for _, port := range []string{"8080", "8000", "4222", "1883", "6379", "9092"} {
		p.ports[port] = fmt.Sprint(dbtest.FreePort(t))
	}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		to := filepath.Join(p.dir, path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && (path == "out" || path == "drawings"):
			return filepath.SkipDir
		case e.IsDir():
			return os.MkdirAll(to, 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, []byte(p.moved(string(text))), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	p.set("PATH", filepath.Dir(flowrun)+":"+os.Getenv("PATH"))
	p.set("WEBHOOK_TOKEN", "letmein")
	return p
}

func (p *place) set(name, value string) { p.env = append(p.env, name+"="+value) }

// moved puts the ports of this place into a text, all at once: one of them may begin as one of
// those of the pages.
func (p *place) moved(text string) string {
	var pairs []string
	for from, to := range p.ports {
		for _, before := range []string{"127.0.0.1:", "http.server ", "--port ", "-p "} {
			pairs = append(pairs, before+from, before+to)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// command is flowrun in the place.
func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command(flowrun, args...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	return cmd
}

// run runs flowrun and gives what it says and its code.
func (p *place) run(args ...string) (said string, code int) {
	p.t.Helper()
	out, err := p.command(args...).CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		p.t.Fatal(err)
	}
	if err != nil {
		code = err.(*exec.ExitError).ExitCode()
	}
	return string(out), code
}

// must runs flowrun, which must succeed.
func (p *place) must(args ...string) string {
	p.t.Helper()
	said, code := p.run(args...)
	if code != 0 {
		p.t.Fatalf("%v ended with %d\n%s", args, code, said)
	}
	return said
}

// A flow is one that runs in a place.
type flow struct {
	t    *testing.T
	cmd  *exec.Cmd
	said bytes.Buffer // to be read when it has ended
}

func (p *place) start(args ...string) *flow {
	p.t.Helper()
	f := &flow{t: p.t, cmd: p.command(append([]string{"run", "-q"}, args...)...)}
	f.cmd.Stdout, f.cmd.Stderr = &f.said, &f.said
	if err := f.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { f.cmd.Process.Kill(); f.cmd.Wait() })
	return f
}

// stop ends it as ctrl-c does; it must end well.
func (f *flow) stop() {
	f.t.Helper()
	f.cmd.Process.Signal(syscall.SIGTERM)
	if err := f.cmd.Wait(); err != nil {
		f.t.Fatalf("%v: %v\n%s", f.cmd.Args, err, f.said.String())
	}
}

// kill ends it as a crash does.
func (f *flow) kill() {
	f.cmd.Process.Kill()
	f.cmd.Wait()
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// read gives a file, "" if it is not there.
func (p *place) read(name string) string {
	text, err := os.ReadFile(p.path(name))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return string(text)
}

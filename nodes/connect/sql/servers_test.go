package sql

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/internal/dbtest"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the servers that the tests of the package share: each is started by the
// first test that asks for it, and runs until all have ended.

var (
	serversMu sync.Mutex
	servers   = map[dialect]*dbtest.Server{}
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range servers {
		s.Close()
	}
	os.Exit(code)
}

// canary is the password of the tests, which nobody may show.
const canary = dbtest.Password

// brands are the servers of the dialects.
var brands = map[dialect]dbtest.Brand{postgres: dbtest.PostgreSQL, mysql: dbtest.MariaDB}

// started gives a server, which the first test that asks for it starts.
func started(t testing.TB, d dialect) *dbtest.Server {
	t.Helper()
	serversMu.Lock()
	defer serversMu.Unlock()
	if servers[d] == nil {
		servers[d] = dbtest.Start(t, brands[d], dbtest.Options{Ready: ready})
	}
	return servers[d]
}

// ready reports whether a server answers.
func ready(s *dbtest.Server) error {
	db, err := openAt(s.URL, s.Dir)
	if err == nil {
		db.close()
	}
	return err
}

// again starts a server that was killed.
func again(t testing.TB, d dialect) {
	t.Helper()
	if err := started(t, d).Again(); err != nil {
		t.Error(err)
	}
}

func openAt(url, dir string) (session, error) {
	l := &Link{URL: config.NewURL(url)}
	return l.open(context.Background(), &nodes.Env{Flow: &graph.Flow{Dir: dir}}, toCreate)
}

// database gives a session to a database for a test: a new SQLite file in a folder, or a
// server.
func database(t testing.TB, d dialect, dir string) (url string, s session) {
	t.Helper()
	url = "sqlite:test.db"
	if d != sqlite {
		server := started(t, d)
		url, dir = server.URL, server.Dir
	}
	s, err := openAt(url, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return url, s
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

package dbtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

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

// A Server runs until it is closed. Its methods may be called by one goroutine at a time.
type Server struct {
	*servertest.Server
	Brand Brand
	URL   string // with the password, as flows write it
}

// noAIO keeps servers that run at one time from taking each other's asynchronous I/O, of
// which a user has little.
const noAIO = "--innodb-use-native-aio=0"

// program finds a program of a server.
func program(t testing.TB, name string) string {
	t.Helper()
	return servertest.Program(t, name, "postgresql mariadb-server", "/usr/lib/postgresql/*/bin/"+name)
}

// Start sets a server up and starts it. The test is skipped where the server is not
// installed, and where -short wants no servers.
func Start(t testing.TB, brand Brand, o Options) *Server {
	t.Helper()
	names := map[Brand][2]string{PostgreSQL: {"initdb", "postgres"}, MariaDB: {"mariadb-install-db", "mariadbd"}}[brand]
	initdb, run := program(t, names[0]), program(t, names[1])
	s := &Server{Server: servertest.New(t, string(brand)), Brand: brand}
	begun := false
	defer func() {
		if !begun {
			s.Close()
		}
	}()
	s.Ready = func() error { return o.Ready(s) }
	dir, data, port := s.Dir, filepath.Join(s.Dir, "data"), strconv.Itoa(s.Port)
	var prepare []string
	if brand == PostgreSQL {
		s.Write(t, File{Name: "pw", Text: Password + "\n"})
		prepare = []string{initdb, "-D", data, "-U", "flow", "--auth=scram-sha-256", "--pwfile=" + filepath.Join(dir, "pw"), "-E", "UTF8", "--no-sync"}
		if o.WAL != "" {
			prepare = append(prepare, "-X", filepath.Join(o.WAL, "wal"))
		}
		s.Argv = []string{run, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"}
		s.URL = "postgres://flow:" + Password + "@127.0.0.1:" + port + "/postgres?sslmode=disable"
	} else {
		s.Write(t, File{Name: "init.sql", Text: "CREATE DATABASE IF NOT EXISTS shop;\nCREATE USER IF NOT EXISTS flow@'%' IDENTIFIED BY '" + Password + "';\nGRANT ALL ON *.* TO flow@'%';\n" + o.Init})
		prepare = []string{initdb, "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db", noAIO}
		s.Argv = []string{run, "--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1", "--socket=" + filepath.Join(dir, "s"),
			"--pid-file=" + filepath.Join(dir, "pid"), "--init-file=" + filepath.Join(dir, "init.sql"), "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", noAIO}
		s.URL = "mysql://flow:" + Password + "@127.0.0.1:" + port + "/shop"
	}
	for _, a := range o.Args {
		s.Argv = append(s.Argv, s.In(a))
	}
	s.Write(t, o.Files...)
	s.Prepare(t, prepare...)
	if o.HBA != "" {
		path := filepath.Join(data, "pg_hba.conf")
		if err := os.WriteFile(path, []byte(o.HBA), 0o600); err != nil {
			t.Fatal(err)
		}
		servertest.Own(t, path)
	}
	s.Begin(t)
	begun = true
	return s
}

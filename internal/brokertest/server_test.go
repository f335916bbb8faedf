package brokertest

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/servertest"
)

// brands are the servers of Debian, with what one of them keeps over a kill: keep puts it
// there, and kept asks for it.
var brands = []struct {
	brand      Brand
	keep, kept func(*Server) error
}{
	{Redis, keepRedis, keptRedis},
	{Mosquitto, keepMosquitto, keptMosquitto},
	{RabbitMQ, keepRabbitMQ, keptRabbitMQ},
}

func TestServersKeepTheirData(t *testing.T) {
	for _, b := range brands {
		t.Run(string(b.brand), func(t *testing.T) {
			begin := time.Now()
			s := Start(t, b.brand, Options{Users: []string{"ann"}})
			defer s.Close()
			t.Logf("start: %v", time.Since(begin).Round(time.Millisecond))
			knocks(t, s)
			found(t, s)
			if err := b.keep(s); err != nil {
				t.Fatal(err)
			}
			for i, end := range []func() error{func() error { s.Kill(); return nil }, s.Stop} {
				if err := end(); err != nil {
					t.Fatal(err)
				}
				refuses(t, s)
				if !s.Ended() {
					t.Error("a server that has ended runs")
				}
				begin = time.Now()
				if err := s.Again(); err != nil {
					t.Fatal(err)
				}
				t.Logf("again, after %s: %v", []string{"a kill", "a stop"}[i], time.Since(begin).Round(time.Millisecond))
				if err := b.kept(s); err != nil {
					t.Errorf("%s: %v", []string{"after a kill", "after a stop"}[i], err)
				}
			}
			s.Close()
			gone(t, s)
		})
	}
}

func TestTwoServersOfABrand(t *testing.T) {
	for _, b := range brands {
		t.Run(string(b.brand), func(t *testing.T) {
			one := Start(t, b.brand, Options{})
			defer one.Close()
			two := Start(t, b.brand, Options{})
			defer two.Close()
			if err := b.keep(one); err != nil {
				t.Fatal(err)
			}
			if b.kept(two) == nil {
				t.Error("the second server has the data of the first")
			}
			one.Close()
			gone(t, one)
			if err := two.Ready(); err != nil {
				t.Errorf("the second server ended with the first: %v", err)
			}
		})
	}
}

// TestServersTakeTLS also shows that the port takes nothing else, and that options arrive.
func TestServersTakeTLS(t *testing.T) {
	ca := servertest.NewAuthority(t, "ca")
	for _, b := range brands {
		t.Run(string(b.brand), func(t *testing.T) {
			o := &TLS{CA: ca.PEM}
			o.Cert, o.Key = ca.Sign(t, "broker.example", &x509.Certificate{DNSNames: []string{"broker.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
			o.Client, o.ClientKey = ca.Sign(t, "flow", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
			s := Start(t, b.brand, Options{TLS: o})
			defer s.Close()
			if !strings.Contains(s.URL, "s://flow:") {
				t.Errorf("the URL is %s", s.URL)
			}
			s.o.TLS = &TLS{}
			if s.Ready() == nil {
				t.Error("it takes a client without a certificate")
			}
			s.o.TLS = nil
			if s.Ready() == nil {
				t.Error("it takes a client without TLS")
			}
		})
	}
}

// knocks has others than flow log in.
func knocks(t *testing.T, s *Server) {
	t.Helper()
	defer func() { s.user, s.password = "flow", Password }()
	s.password = "other"
	if s.Ready() == nil {
		t.Error("it takes a wrong password")
	}
	s.user, s.password = "ann", Password
	if err := s.Ready(); (err == nil) == (s.Brand == Redis) { // where ann may not PING
		t.Errorf("ann logs in: %v", err)
	}
}

// TestOptions has Redis read lines, arguments and files.
func TestOptions(t *testing.T) {
	s := Start(t, Redis, Options{Lines: []string{"maxmemory 5mb", "include DIR/more.conf"}, Files: []File{{Name: "more.conf", Text: "dbfilename other.rdb\nmaxclients 77\n"}}, Args: []string{"--logfile", "DIR/own.log"}})
	defer s.Close()
	for name, want := range map[string]string{"maxmemory": "5242880", "maxclients": "77", "dbfilename": "other.rdb", "logfile": filepath.Join(s.Dir, "own.log"), "appendfsync": "always"} {
		if got, err := askRedis(s, "CONFIG GET "+name, 5); err != nil || got[4] != want {
			t.Errorf("%s is %q, not %q (%v)", name, got, want, err)
		}
	}
}

// refuses looks whether the port is free.
func refuses(t *testing.T, s *Server) {
	t.Helper()
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		c.Close()
		t.Errorf("somebody still listens at port %d", s.Port)
	}
}

// gone looks whether a server has left anything: a port, its folder, a process.
func gone(t *testing.T, s *Server) {
	t.Helper()
	refuses(t, s)
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	// Erlang's helpers have groups of their own, and see a moment later that it is gone.
	var left []string
	for range 400 {
		if left = processes(s.Dir); left == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("processes are still there: %q", left)
}

// processes are those that know a folder, by their command line, their environment or, like
// Redis, which writes over both, by the directory that they work in.
func processes(dir string) (all []string) {
	found, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range found {
		line, _ := os.ReadFile(p + "/cmdline")
		env, _ := os.ReadFile(p + "/environ")
		cwd, _ := os.Readlink(p + "/cwd")
		if strings.Contains(string(line), dir) || strings.HasPrefix(cwd, dir) || strings.Contains(string(env), dir) {
			all = append(all, fmt.Sprintf("%s %s", filepath.Base(p), line))
		}
	}
	return all
}

// found is the counterpart of gone: it would see processes that are left.
func found(t *testing.T, s *Server) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		return
	}
	all := strings.Join(processes(s.Dir), "\n")
	for _, want := range map[Brand][]string{Redis: {"redis-server"}, Mosquitto: {"mosquitto"}, RabbitMQ: {"beam.smp", "epmd", "erl_child_setup"}}[s.Brand] {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not among %s", want, all)
		}
	}
}

// Close may come from another goroutine than those that look at the server.
func TestCloseFromElsewhere(t *testing.T) {
	s := Start(t, Redis, Options{})
	var all sync.WaitGroup
	all.Go(s.Close)
	for !s.Ended() {
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	gone(t, s)
}

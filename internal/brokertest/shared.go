package brokertest

import (
	"os"
	"strings"
	"sync"
	"testing"
)

// A Shared is a server that the tests of a package share. The first that asks for it starts it,
// and none stops it.
type Shared struct {
	Brand   Brand
	Options Options

	mu sync.Mutex
	s  *Server
}

// Server gives the server.
func (x *Shared) Server(t testing.TB) *Server {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.s == nil {
		x.s = Start(t, x.Brand, x.Options)
	}
	return x.s
}

// Main is what TestMain does: it runs the tests, and ends the server behind them.
func (x *Shared) Main(m *testing.M) {
	code := m.Run()
	if x.s != nil {
		x.s.Close()
	}
	os.Exit(code)
}

// Own starts a server for one test, which ends with it.
func Own(t testing.TB, brand Brand, o Options) *Server {
	t.Helper()
	s := Start(t, brand, o)
	t.Cleanup(s.Close)
	return s
}

// NoCanary expects that the password is nowhere.
func NoCanary(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, Password) {
			t.Errorf("this tells the password:\n%s", text)
		}
	}
}

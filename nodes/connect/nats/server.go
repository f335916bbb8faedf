package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file runs a server within the process.

const (
	// embeddedName is the name of the server, which must not change: streams know it.
	embeddedName = "flowrun"
	// embeddedPayload is how long its messages may be.
	embeddedPayload = 8 << 20
	// lockFile says that a process has the folder.
	lockFile = "flowrun.lock"
	// startTime bounds how long the server may take to find all that the folder has.
	startTime = 60 * time.Second
)

// A shared server is one that the nodes of a run have together. It can be started anew, which
// ends all connections to it.
type shared struct {
	env  *nodes.Env
	l    Link
	dir  string
	lock io.Closer
	kept sync.Once

	mu     sync.Mutex
	server *server.Server
	closed bool
	hears  map[string]net.Listener // by address
	bridge sync.WaitGroup          // goroutines of connections from outside
	conns  map[net.Conn]bool
}

// share gives the server of the folder, which is started if no node of the run has yet.
func (l *Link) share(ctx context.Context, env *nodes.Env) (*shared, func() error, error) {
	dir, err := filepath.Abs(env.Path(l.Folder))
	if err != nil {
		return nil, nil, err
	}
	hold := func() (*shared, func() error, error) {
		return nodes.Share(ctx, env, "nats embedded "+dir, func(context.Context) (*shared, error) { return l.start(env, dir) })
	}
	s, release, err := hold()
	if err != nil {
		return nil, nil, err
	}
	s.kept.Do(func() { // it ends with the run, and not with the nodes that use it
		if env.Shared == nil {
			return
		}
		if _, release, err := hold(); err == nil {
			env.Shared.Keep(release)
		}
	})
	if l.Sync != s.l.Sync {
		release()
		return nil, nil, finally("write the same sync at all nodes with the folder "+l.Folder, "another node has the embedded server with sync: %s", s.l.Sync)
	}
	if l.Token.Reveal() != s.l.Token.Reveal() {
		release()
		return nil, nil, finally("write the same token at all nodes with the folder "+l.Folder, "another node has the embedded server with another token, or without one")
	}
	if l.Listen != "" {
		if err := s.listen(ctx, l.Listen, env); err != nil {
			release()
			return nil, nil, err
		}
	}
	return s, release, nil
}

// start locks the folder and starts a server in it.
func (l *Link) start(env *nodes.Env, dir string) (_ *shared, err error) {
	if err := env.MayWrite(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, final{err, "the folder must be one that this user can write"}
	}
	s := &shared{env: env, l: *l, dir: dir, hears: map[string]net.Listener{}, conns: map[net.Conn]bool{}}
	lock, ok, err := durable.Lock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, final{err, "the folder must be one that this user can write"}
	}
	if !ok {
		return nil, errTaken(l.Folder)
	}
	s.lock = lock
	if s.server, err = s.run(); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

func errTaken(folder string) error {
	return finally("end that flow, give this one a folder of its own, or reach that server: `listen` there, and its address as url here",
		"another process has an embedded server in the folder %s", folder)
}

// run starts the server.
func (s *shared) run() (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: embeddedName, DontListen: true, NoSigs: true, JetStream: true, StoreDir: s.dir, SyncAlways: s.l.Sync != syncLater,
		MaxPayload: embeddedPayload, DisableJetStreamBanner: true, Authorization: s.l.Token.Reveal(),
	})
	if err != nil {
		return nil, fmt.Errorf("the embedded server does not start: %w", err)
	}
	srv.SetLoggerV2(&serverLog{env: s.env}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTime) || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("the embedded server does not start in the folder %s", s.l.Folder)
	}
	return srv, nil
}

// InProcessConn implements client.InProcessConnProvider.
func (s *shared) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	srv := s.server
	s.mu.Unlock()
	if srv == nil {
		return nil, errors.New("the embedded server does not run")
	}
	return srv.InProcessConn()
}

// restart starts the server anew: one whose disk was full takes nothing until then.
func (s *shared) restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
		s.server = nil
	}
	srv, err := s.run()
	s.server = srv
	return err
}

// listen lets others connect to the server.
func (s *shared) listen(ctx context.Context, at string, env *nodes.Env) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hears[at] != nil {
		return nil
	}
	l, err := env.Listen(ctx, "tcp", at)
	if err != nil {
		return err
	}
	s.hears[at] = l
	s.bridge.Add(1)
	go func() {
		defer s.bridge.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(c)
		}
	}()
	return nil
}

// serve passes what comes by a connection on to the server, and back.
func (s *shared) serve(c net.Conn) {
	inner, err := s.InProcessConn()
	if err != nil {
		c.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close()
		inner.Close()
		return
	}
	s.conns[c] = true
	s.bridge.Add(2)
	pass := func(to, from net.Conn) {
		defer s.bridge.Done()
		io.Copy(to, from)
		to.Close()
		from.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}
	go pass(inner, c)
	go pass(c, inner)
}

// Close ends the server, and gives the folder back.
func (s *shared) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.hears {
		l.Close()
	}
	for c := range s.conns {
		c.Close()
	}
	srv := s.server
	s.server = nil
	s.mu.Unlock()
	if srv != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
	}
	s.bridge.Wait()
	return s.lock.Close()
}

// A serverLog passes on what the server has to say that somebody should know. What it says again
// and again, such as that its disk is full, is passed on every ten seconds.
type serverLog struct {
	env *nodes.Env

	mu   sync.Mutex
	last string
	said time.Time
}

func (l *serverLog) say(level slog.Level, format string, args []any) {
	text := "the embedded NATS server: " + fmt.Sprintf(format, args...)
	now := time.Now()
	l.mu.Lock()
	again := text == l.last && now.Sub(l.said) < 10*time.Second
	if !again {
		l.last, l.said = text, now
	}
	l.mu.Unlock()
	if !again {
		l.env.Log.Log(context.Background(), level, text)
	}
}

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, args ...any) { l.say(slog.LevelWarn, format, args) }

// Fatalf implements server.Logger.
func (l *serverLog) Fatalf(format string, args ...any) { l.say(slog.LevelWarn, format, args) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, args ...any) { l.say(slog.LevelInfo, format, args) }

// Noticef implements server.Logger.
func (*serverLog) Noticef(string, ...any) {}

// Debugf implements server.Logger.
func (*serverLog) Debugf(string, ...any) {}

// Tracef implements server.Logger.
func (*serverLog) Tracef(string, ...any) {}

package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the settings that both kinds have: which command, and what becomes of it
// when it ends.

// When a command that has ended is started again.
const (
	restartNever     = "never"
	restartOnFailure = "on_failure"
	restartAlways    = "always"
)

// A command is what to start, and when again.
type command struct {
	Command        []string                  `yaml:"command,required" doc:"The program and its arguments, each as it is: there is no shell. It works in the folder of the flow; a program with a / in its name is relative to that."`
	Env            config.Map[config.Secret] `yaml:"env" doc:"Variables of its environment. Of the flow's own it has PATH, HOME, USER, LANG, LC_ALL, TZ and TMPDIR."`
	Restart        string                    `yaml:"restart" enum:"never|on_failure|always" doc:"Whether it is started again when it has ended: never, if its exit status is not 0, or always."`
	RestartWait    time.Duration             `yaml:"restart_wait" min:"1ms" doc:"How long to wait before it is started again; twice as long each time, up to a minute, until it has run for a minute."`
	MaxRestarts    int                       `yaml:"max_restarts" min:"1" max:"1000000" doc:"How often it is started again within restarts_within. Then the run fails."`
	RestartsWithin time.Duration             `yaml:"restarts_within" min:"1s" doc:"See max_restarts."`
	Grace          time.Duration             `yaml:"grace" min:"0s" doc:"How long it and what it has started may take to end when they are asked to (SIGTERM). Then they are killed."`
	Confirm        bool                      `yaml:"confirm" doc:"Lines are confirmed: see the page of the kind."`
}

var commandDefaults = command{Restart: restartNever, RestartWait: time.Second, MaxRestarts: 10, RestartsWithin: 10 * time.Minute, Grace: 5 * time.Second}

// check reports what is wrong with the settings.
func (k *command) check(c *graph.Inference) {
	if len(k.Command) == 0 || k.Command[0] == "" {
		if !c.Unread("command") {
			c.List().Add(diag.WrongValue, c.Node.At, "command has no program").WithHint("write command: [PROGRAM, ARGUMENT, ...]")
		}
		return
	}
	if len(k.Command) == 1 && strings.ContainsAny(k.Command[0], " |<>;$") {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: %q is the name of a program as a whole: there is no shell that takes it apart", c.Node.ID, k.Command[0]).
			WithHint("write command: [PROGRAM, ARGUMENT, ...]")
	}
	for _, v := range k.Env {
		if strings.ContainsAny(v.Key, "=\x00") || v.Key == "" {
			c.List().Add(diag.WrongValue, v.At, "%q is no name of a variable", v.Key)
		}
	}
}

// name is what messages call the command: its arguments may be anybody's affair.
func (k *command) name() string { return filepath.Base(k.Command[0]) }

// kept are the variables that a command has of the environment of flowrun: a program needs
// them to find itself at home, and none holds a secret.
var kept = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SystemRoot", "TEMP", "PATHEXT"}

func (k *command) environment() []string {
	var env []string
	for _, name := range kept {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, v := range k.Env {
		env = append(env, v.Key+"="+v.Value.Reveal())
	}
	return env
}

// make makes a command that is ready to be started.
func (k *command) make(ctx context.Context, env *nodes.Env) (*exec.Cmd, error) {
	c, err := env.Command(context.WithoutCancel(ctx), k.Command...)
	if err != nil {
		return nil, err
	}
	if errors.Is(c.Err, exec.ErrDot) {
		return nil, fmt.Errorf("%s is in the folder of the flow: write ./%s", k.name(), k.name())
	}
	c.Env = k.environment()
	ownGroup(c)
	return c, nil
}

// Examine finds the program, and does not start it: nobody knows what it would do.
func (k *command) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	f := nodes.Finding{Peer: k.name(), What: "program"}
	c, err := k.make(ctx, env)
	switch {
	case err != nil:
		f.Err = err
	case c.Err != nil:
		f.Err = c.Err
	default:
		path := c.Path
		if !filepath.IsAbs(path) {
			path = env.Path(path)
		}
		f.Told, f.Err = path, executable(path)
	}
	if f.Err != nil {
		f.Told = ""
	}
	return []nodes.Finding{f}
}

// executable reports by an error whether a file is a program.
func executable(path string) error {
	_, err := exec.LookPath(path)
	return err
}

// restarts counts how often a command was started again.
type restarts struct {
	k     *command
	times []time.Time // when, of the last max_restarts
	wait  time.Duration
}

// next says how long to wait before the command is started again; an error if it has been
// too often. began is when it was started.
func (r *restarts) next(began time.Time) (time.Duration, error) {
	now := time.Now()
	if now.Sub(began) >= longestWait {
		r.wait = 0
	}
	if len(r.times) >= r.k.MaxRestarts && now.Sub(r.times[len(r.times)-r.k.MaxRestarts]) < r.k.RestartsWithin {
		return 0, fmt.Errorf("it was started again %d times within %s", r.k.MaxRestarts, r.k.RestartsWithin)
	}
	r.times = append(r.times, now)
	if len(r.times) > r.k.MaxRestarts {
		r.times = r.times[1:]
	}
	r.wait = min(max(2*r.wait, r.k.RestartWait), max(longestWait, r.k.RestartWait))
	return r.wait, nil
}

// longestWait is how long a command waits at most before it is started again.
const longestWait = time.Minute

// again reports whether a command that has ended is started again.
func (k *command) again(failed error) bool {
	return k.Restart == restartAlways || k.Restart == restartOnFailure && failed != nil
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// A topCall is a call of the verb top.
type topCall struct {
	*call
	token string
	once  bool
	json  bool
	every time.Duration
	sort  string
}

func topVerb(c *call) *cobra.Command {
	t := &topCall{call: c}
	verb := &cobra.Command{
		Use:     "top [ADDR]",
		GroupID: groupFlow,
		Short:   "Show a running flow as a table: who works, who waits, where it is stuck",
		Long: `Connects to the page of a running flow (at ` + pageAddr + ` if none is named) and
shows its nodes: what each is doing, items a second, how its time is spent, how full
the fullest queue before it is, errors; and above, in a sentence, what holds the flow
up. On a terminal it is drawn again every second: q quits, s sorts by another column,
r turns the order round. Elsewhere, and with --once, it is printed once.`,
		Example: `  flowrun top
  flowrun top 127.0.0.1:9000 --sort busy
  flowrun top --json | jq .verdict`,
		Args: wantAddress(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, ok := topOrders[t.sort]; !ok {
				return oneOf("sort", t.sort, topColumns...)
			}
			if t.every < 100*time.Millisecond {
				return misuse("--every %s: want 100ms or more", t.every)
			}
			addr := pageAddr
			if len(args) == 1 {
				addr = args[0]
			}
			return t.run(addr)
		},
	}
	f := verb.Flags()
	f.BoolVar(&t.once, "once", false, "print the table once, even on a terminal")
	f.BoolVar(&t.json, "json", false, "print the state once as JSON, as /api/v1/state gives it")
	durationFlag(f, &t.every, "every", time.Second, "how often to draw")
	f.StringVar(&t.sort, "sort", topColumns[0], "the order: "+strings.Join(topColumns, ", "))
	tokenFlag(f, &t.token)
	verb.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(topColumns, cobra.ShellCompDirectiveDefault))
	return verb
}

func (t *topCall) run(addr string) error {
	ctx, stop := t.signals().context()
	defer stop()
	from, err := newRemote(addr, t.token)
	if err != nil {
		return err
	}
	if t.json {
		var text json.RawMessage
		if err := from.get(ctx, "/api/v1/state", &text); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.stdout, "%s\n", escapeJSON(text))
		return err
	}
	var state remoteState
	if err := from.get(ctx, "/api/v1/state", &state); err != nil {
		return err
	}
	fd, ok := terminal(t.stdout)
	if !ok || t.once {
		width := 0
		if ok {
			width, _ = size(fd)
		}
		v := topView{state: &state, sort: t.sort, width: width, ink: t.ink(t.stdout)}
		_, err := io.WriteString(t.stdout, strings.Join(v.lines(), "\n")+"\n")
		return err
	}
	return t.watch(ctx, from, &state, fd)
}

// watch draws until a key or a signal ends it, or the run does.
func (t *topCall) watch(ctx context.Context, from *remote, state *remoteState, fd int) error {
	keys, restore := t.keys()
	defer restore()
	s := &screen{out: lineEnds{bare(t.stdout)}}
	v := topView{state: state, sort: t.sort, ink: t.ink(t.stdout), keys: keys != nil}
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		v.width, v.height = size(fd)
		v.width, v.height = v.width-1, v.height-1
		s.draw(v.lines())
		if v.state.Outcome != "running" {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case key := <-keys:
			if v.press(key) {
				return nil
			}
			continue
		case <-tick.C:
		}
		var now remoteState
		if err := from.get(ctx, "/api/v1/state", &now); err == nil {
			v.state, v.note = &now, ""
		} else if end, ok := errors.AsType[*ending](err); ok && end.code == codeUnreachable {
			v.note = "the page has gone; these are its last numbers"
		} else if ctx.Err() == nil {
			return err
		}
	}
}

// keys gives the keys that are pressed, nil if there are none to be had, and what
// gives the terminal back.
func (t *topCall) keys() (keys <-chan byte, restore func()) {
	file, ok := t.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	before, err := term.MakeRaw(int(file.Fd()))
	if err != nil {
		return nil, func() {}
	}
	pressed := make(chan byte)
	go func() { // it ends with the process: a read of a terminal cannot be called off
		var b [1]byte
		for {
			if n, err := file.Read(b[:]); err != nil || n == 0 {
				return
			}
			pressed <- b[0]
		}
	}()
	return pressed, func() { term.Restore(int(file.Fd()), before) }
}

// lineEnds writes for a terminal that takes every character as it is.
type lineEnds struct{ w io.Writer }

func (l lineEnds) Write(b []byte) (int, error) {
	if _, err := io.WriteString(l.w, strings.ReplaceAll(string(b), "\n", "\r\n")); err != nil {
		return 0, err
	}
	return len(b), nil
}

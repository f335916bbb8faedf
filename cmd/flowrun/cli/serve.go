package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/cmd/flowrun/internal/stopsignal"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// This file is the verb serve, and the page of run --ui.

// pageAddr is where the page is when nobody says. If something else is there, any
// free port will do.
const pageAddr = "127.0.0.1:8790"

// tokenVariable gives the token without showing it in the list of processes.
const tokenVariable = "FLOWRUN_UI_TOKEN"

// layoutVerb is the hidden verb that the page starts as its child.
const layoutVerb = "layout-worker"

// pageFlags are those of run about the page.
type pageFlags struct {
	addr     string // "": no page
	token    string
	readOnly bool
	stay     bool
	tap      tapFlags
	frames   []string // origins whose pages may show the drawing
}

func (p *pageFlags) flags(verb *cobra.Command, command string) {
	f := verb.Flags()
	f.StringVar(&p.addr, "ui", "", "show the run on a page at `ADDR` (without ADDR: "+pageAddr+"); a port alone is for this machine, 0 is any free one")
	f.Lookup("ui").NoOptDefVal = pageAddr
	f.StringVar(&p.token, "ui-token", os.Getenv(tokenVariable), "what a reader of the page must know; needed where others can reach it (or "+tokenVariable+")")
	f.Lookup("ui-token").DefValue = ""
	f.BoolVar(&p.readOnly, "ui-readonly", false, "the page can look, but not pause or stop the run")
	p.tap.flags(f, command)
	f.StringArrayVar(&p.frames, "ui-embed", nil, "an `ORIGIN` such as https://dashboard.example whose pages may show /?embed=1, the drawing alone, in a frame; may be repeated")
	f.BoolVar(&p.stay, "ui-stay", false, "keep the page after the run until ctrl-c")
}

// validate checks the flags of the page against each other.
func (p *pageFlags) validate(given func(string) bool) error {
	if p.addr == "" {
		for _, name := range []string{"ui-token", "ui-readonly", "ui-stay", "ui-embed", "ui-tap", "ui-tap-hide"} {
			if given(name) {
				return misuse("--%s is about the page, but there is none", name).or("--ui opens it")
			}
		}
		return nil
	}
	p.addr = ofThisMachine(p.addr)
	return reachable("--ui", p.addr, p.token)
}

// ofThisMachine makes an address of a port alone: one of this machine.
func ofThisMachine(addr string) string {
	if _, err := strconv.ParseUint(addr, 10, 16); err != nil {
		return addr
	}
	return "127.0.0.1:" + addr
}

// reachable refuses an address that others can reach while there is no token.
func reachable(flag, addr, token string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return misuse("%s %s: want a port, or an address such as %s", flag, addr, pageAddr)
	}
	if token == "" && othersReach(host) {
		return misuse("%s %s: others can reach this address, so the page needs a token", flag, addr).or("--ui-token or %s sets it; %s is for this machine alone", tokenVariable, pageAddr)
	}
	return nil
}

// othersReach reports whether a host is not this machine alone.
func othersReach(host string) bool {
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// listenFor opens an address; the usual one gives way to any that is free.
func listenFor(flag, addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) && addr == pageAddr {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, misuse("%s %s: %w", flag, addr, err)
	}
	return listener, nil
}

// announce tells where a page is.
func announce(w io.Writer, l net.Listener, token string) {
	address := "http://" + l.Addr().String() + "/"
	if token != "" {
		address += "?token=…"
	}
	fmt.Fprintf(w, "page: %s\n", address)
}

// newLayouter makes layouts in a child that is this program again.
func newLayouter() *web.Layouter {
	self, err := os.Executable()
	if err != nil {
		return web.NewLayouter() // the built-in layout serves then
	}
	return web.NewLayouter(self, layoutVerb)
}

// A page is the page of a run while it is up; nil is no page.
type page struct {
	server   *web.Server
	layouter *web.Layouter
	works    sync.WaitGroup
}

// openPage shows a run before it starts.
func openPage(r *runCall, run *scheduler.Run) (*page, error) {
	if r.page.addr == "" {
		return nil, nil
	}
	listener, err := listenFor("--ui", r.page.addr)
	if err != nil {
		return nil, err
	}
	p := &page{layouter: newLayouter()}
	ask := func(sig pageSignal) {
		select {
		case r.stop <- sig:
		default: // two stops are on their way already, which end the run
		}
	}
	p.server, err = web.New(r.flow, run, web.Options{
		Token: r.page.token, ReadOnly: r.page.readOnly, Frames: r.page.frames, Layout: p.layouter.Layout,
		Tap:   r.page.tap.rules(&r.secrets),
		Drain: func() { ask(pageSignal{}) }, Kill: func() { ask(pageSignal{kill: true}) },
	})
	if err != nil {
		listener.Close()
		return nil, misuse("--ui-embed: %w", err)
	}
	p.works.Go(func() { p.server.Serve(listener) })
	if r.forPeople() {
		announce(r.stderr, listener, r.page.token)
	} else {
		r.served("page", "http://"+listener.Addr().String()+"/")
	}
	return p, nil
}

// A pageSignal is a reader of the page who stops the run, or ends it at once.
type pageSignal struct{ kill bool }

func (pageSignal) Signal()        {}
func (pageSignal) String() string { return "the page" }

// linger keeps the page after the run for those who want to look at its end.
func (p *page) linger(r *runCall) {
	if p == nil || !r.page.stay {
		return
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, stopsignal.All()...)
	defer signal.Stop(stop)
	if r.forPeople() {
		fmt.Fprintln(r.stderr, "the page stays up; ctrl-c ends it")
	}
	<-stop
}

func (p *page) close() {
	if p == nil {
		return
	}
	p.server.Close()
	p.works.Wait()
	p.layouter.Close()
}

func serveVerb(c *call) *cobra.Command {
	var addr, token string
	var runs runnerFlags
	verb := &cobra.Command{
		Use:     "serve [DIR]",
		GroupID: groupFlow,
		Short:   "Show the flows of a folder on a page, with what is wrong with them",
		Long: `Shows the flows below a folder (the one you are in, if none is named): their
drawings, the problems that check finds, and the catalogue of kinds. A change shows
after a reload: a flow is checked again when its file has changed, or data that it reads
types from. Nothing is run, unless you allow it; ` + c.command + ` run FLOW --ui shows one at work.

With --allow-run readers start, pause, drain and end the flows of the folder, four at
once at most. A flow does then what ` + c.command + ` run would do here: it reads and writes
files as it says. Each run has the page of run --ui, and is kept. The first interrupt
(ctrl-c) drains what runs, the second one ends it at once.

The playground is a page to write flows on, with the same checks. What is written
there sees the files of the folder and nothing else. With --allow-run it can be tried
on the first rows of its sources; nothing is written then.`,
		Example: `  flowrun serve
  flowrun serve flows --addr 127.0.0.1:9000
  flowrun serve flows --allow-run --ui-tap`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return noFolder("serve", dir, err == nil)
			}
			addr = ofThisMachine(addr)
			if err := reachable("--addr", addr, token); err != nil {
				return err
			}
			if !runs.allow && (runs.tap.allow || len(runs.tap.hide) > 0) {
				return misuse("--ui-tap shows items of flows that run, and none can").or("--allow-run lets them")
			}
			s := &serveCall{call: c, dir: dir, addr: addr, token: token, runs: runs}
			return s.serve()
		},
	}
	verb.Flags().StringVar(&addr, "addr", pageAddr, "the `ADDR` to answer at; a port alone is for this machine, 0 is any free one")
	verb.Flags().StringVar(&token, "ui-token", os.Getenv(tokenVariable), "what a reader must know; needed where others can reach the page (or "+tokenVariable+")")
	verb.Flags().Lookup("ui-token").DefValue = ""
	verb.Flags().BoolVar(&runs.allow, "allow-run", false, "let readers run the flows of the folder, and what they write in the playground on samples")
	runs.tap.flags(verb.Flags(), c.command)
	return verb
}

// layoutWorkerVerb is for the page alone; see web.Layouter.
func layoutWorkerVerb(c *call) *cobra.Command {
	return &cobra.Command{
		Use: layoutVerb, Hidden: true, Args: cobra.NoArgs,
		Short: "Lay out scenes for the page",
		RunE:  func(*cobra.Command, []string) error { return web.LayoutWorker(c.stdin, bare(c.stdout)) },
	}
}

package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// pageAddr is where the page is when nobody says. If something else is there, any
// free port will do.
const pageAddr = "127.0.0.1:8790"

// tokenVariable gives the token without showing it in the list of processes.
const tokenVariable = "FLOWRUN_UI_TOKEN"

// layoutVerb is the hidden verb that the page starts as its child.
const layoutVerb = "layout-worker"

// A pageCall is what the flags of run say about the page.
type pageCall struct {
	addr     string // "": no page
	token    string
	readOnly bool
	stay     bool
}

func (p *pageCall) flags(verb *cobra.Command) {
	f := verb.Flags()
	f.StringVar(&p.addr, "ui", "", "show the run on a page at `ADDR` (without ADDR: "+pageAddr+")")
	f.Lookup("ui").NoOptDefVal = pageAddr
	f.StringVar(&p.token, "ui-token", os.Getenv(tokenVariable), "what a reader of the page must know; needed where others can reach it (or "+tokenVariable+")")
	f.Lookup("ui-token").DefValue = ""
	f.BoolVar(&p.readOnly, "ui-readonly", false, "the page can look, but not stop the run")
	f.BoolVar(&p.stay, "ui-stay", false, "keep the page after the run until ctrl-c")
}

// validate checks the flags of the page against each other.
func (p *pageCall) validate(given func(string) bool) error {
	if p.addr == "" {
		for _, name := range []string{"ui-token", "ui-readonly", "ui-stay"} {
			if given(name) {
				return misuse("--%s says how the page is, but there is none", name).or("--ui opens it")
			}
		}
		return nil
	}
	host, _, err := net.SplitHostPort(p.addr)
	if err != nil {
		return misuse("--ui %s: want an address such as %s", p.addr, pageAddr)
	}
	if ip := net.ParseIP(host); p.token == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return misuse("--ui %s: others can reach this address, so the page needs a token", p.addr).or("--ui-token or %s sets it; %s is for this machine alone", tokenVariable, pageAddr)
	}
	return nil
}

// A page is the page of a run while it is up; nil is no page.
type page struct {
	server   *web.Server
	layouter *web.Layouter
	works    sync.WaitGroup
}

// openPage shows a run before it starts.
func (r *runCall) openPage(run *scheduler.Run) (*page, error) {
	if r.page.addr == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", r.page.addr)
	if errors.Is(err, syscall.EADDRINUSE) && r.page.addr == pageAddr {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, misuse("--ui %s: %w", r.page.addr, err)
	}
	self, err := os.Executable()
	if err != nil {
		self = "" // the layouter then does without a child
	}
	p := &page{layouter: web.NewLayouter(self, layoutVerb)}
	ask := func(times int) {
		for range times {
			select {
			case r.signals <- pageSignal{}:
			default: // both stops are on their way already
			}
		}
	}
	p.server, err = web.New(r.flow, run, web.Options{
		Token: r.page.token, ReadOnly: r.page.readOnly, Layout: p.layouter.Layout,
		Drain: func() { ask(1) }, Kill: func() { ask(2) },
	})
	if err != nil {
		listener.Close()
		return nil, err
	}
	p.works.Go(func() { p.server.Serve(listener) })
	if !r.quiet && r.report != "json" {
		address := "http://" + listener.Addr().String() + "/"
		if r.page.token != "" {
			address += "?token=…"
		}
		fmt.Fprintf(r.stderr, "page: %s\n", address)
	}
	return p, nil
}

// pageSignal is a reader of the page who stops the run.
type pageSignal struct{}

func (pageSignal) Signal()        {}
func (pageSignal) String() string { return "the page" }

// linger keeps the page after the run for those who want to look at its end.
func (r *runCall) linger(p *page) {
	if p == nil || !r.page.stay {
		return
	}
	if !r.quiet && r.report != "json" {
		fmt.Fprintln(r.stderr, "the page stays up; ctrl-c ends it")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, stopSignals()...)
	defer signal.Stop(stop)
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

// layoutWorkerVerb is for the page alone; see web.Layouter.
func (c *call) layoutWorkerVerb() *cobra.Command {
	return &cobra.Command{
		Use: layoutVerb, Hidden: true, Args: cobra.NoArgs,
		Short: "Lay out scenes for the page",
		RunE:  func(*cobra.Command, []string) error { return web.LayoutWorker(c.stdin, c.stdout) },
	}
}

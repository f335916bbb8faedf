package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/otlp"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
)

// This file lets a run be measured from outside: --metrics and --otlp.

// metricsToken gives the token without showing it in the list of processes.
const metricsToken = "FLOWRUN_METRICS_TOKEN"

// monitorFlags are those of run about who measures it.
type monitorFlags struct {
	addr  string // where metrics and health are served; "": nowhere
	token string
	otlp  string // the collector that is sent to, or env; "": none

	settings otlp.Settings
}

func (m *monitorFlags) flags(verb *cobra.Command) {
	f := verb.Flags()
	f.StringVar(&m.addr, "metrics", "", "serve /metrics for Prometheus, /healthz and /readyz at `ADDR` while the flow runs; a port alone is for this machine, 0 is any free one")
	f.StringVar(&m.token, "metrics-token", os.Getenv(metricsToken), "what a reader of /metrics must know; needed where others can reach it (or "+metricsToken+")")
	f.Lookup("metrics-token").DefValue = ""
	f.StringVar(&m.otlp, "otlp", "", "send metrics and a trace to the OpenTelemetry collector at `URL`, such as http://localhost:4318; env: as OTEL_EXPORTER_OTLP_ENDPOINT and its kin say")
}

// validate checks the flags and completes them.
func (m *monitorFlags) validate(r *runCall, given func(string) bool) error {
	if r.compare && (given("metrics") || given("otlp")) {
		return misuse("--compare-serial runs the flow twice, and --metrics and --otlp watch one run").or("leave them out")
	}
	if given("metrics") {
		if err := m.complete(); err != nil {
			return err
		}
	} else if given("metrics-token") {
		return misuse("--metrics-token says who may read metrics, but they are not served").or("--metrics 9464 serves them")
	}
	if !given("otlp") {
		return nil
	}
	endpoint := m.otlp
	if endpoint == "env" {
		endpoint = ""
	}
	var err error
	if m.settings, err = otlp.FromEnv(endpoint, os.Getenv); err != nil || m.otlp == "" {
		if m.otlp == "" {
			err = errors.New(`"" is no address of a collector`)
		}
		return misuse("--otlp: %w", err).or("--otlp http://localhost:4318, or --otlp env for what OTEL_EXPORTER_OTLP_ENDPOINT says")
	}
	return nil
}

// complete turns a port alone into an address of this machine, and refuses one that
// others can reach while there is no token.
func (m *monitorFlags) complete() error {
	addr := m.addr
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	host, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 {
		return misuse("--metrics %s: want a port, or an address such as 127.0.0.1:9464", m.addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	m.addr = net.JoinHostPort(host, port)
	if m.token == "" && othersReach(host) {
		return misuse("--metrics %s: others can reach this address, so reading needs a token", m.addr).or("--metrics-token or %s sets it; --metrics %s is for this machine alone", metricsToken, port)
	}
	return nil
}

// listen opens the address.
func (m *monitorFlags) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", m.addr)
	if err == nil {
		return listener, nil
	}
	end := misuse("--metrics %s: %w", m.addr, err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		end = misuse("--metrics %s: another program listens there", m.addr).or("--metrics 0 takes a port that is free")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		end = misuse("--metrics %s: this machine has no such address", m.addr)
	case errors.Is(err, syscall.EACCES):
		end = misuse("--metrics %s: you may not listen there", m.addr).or("ports from 1024 on are open to everybody")
	}
	return nil, end
}

// A monitor is what measures a run from outside, while it is there.
type monitor struct {
	server *web.Monitor // nil: none
	works  sync.WaitGroup
	push   *otlp.Push // nil: none
}

// openMonitor lets a run be measured before it starts.
func openMonitor(r *runCall, run *scheduler.Run, show progress) (*monitor, error) {
	m := &monitor{}
	if r.monitor.addr != "" {
		listener, err := r.monitor.listen()
		if err != nil {
			return nil, err
		}
		m.server = web.NewMonitor(run, r.monitor.token)
		m.works.Go(func() { m.server.Serve(listener) })
		if address := "http://" + listener.Addr().String() + "/metrics"; r.forPeople() {
			fmt.Fprintf(r.stderr, "metrics: %s\n", address)
		} else {
			r.served("metrics", address)
		}
	}
	if r.monitor.otlp != "" {
		log := r.logger(show)
		m.push = otlp.Start(run, r.monitor.settings, func(err error) {
			log.Warn("--otlp: "+err.Error(), "until", "the end of the run, this is not said again")
		})
	}
	return m, nil
}

// end sends what is left to send about a run that has ended, and closes the doors.
func (m *monitor) end(report *metrics.Report) {
	if m.push != nil {
		m.push.Close(report)
	}
	if m.server != nil {
		m.server.Close()
		m.works.Wait()
	}
}

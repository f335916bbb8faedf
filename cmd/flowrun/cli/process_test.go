package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/built"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes/std"
)

// program is the real command, built once.
var program string

func TestMain(m *testing.M) {
	if os.Getenv(faultyVariable) != "" {
		cli.Main(std.Nodes, faulty)
	}
	heedSignals()
	os.Exit(built.Main(m, &program))
}

// heedSignals has processes heed signals that whoever started the tests had ignored, as
// nohup does: a process inherits that a signal is ignored, but not that it is caught.
func heedSignals() {
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

// A process is the real command at work. A test that waits for what does not come
// ends with the process after some minutes.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err *bufio.Reader
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	errs, errErr := cmd.StderrPipe()
	for _, err := range []error{inErr, outErr, errErr, cmd.Start()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &process{t, cmd, in, bufio.NewReader(out), bufio.NewReader(errs)}
}

// line waits for a line of standard output.
func (p *process) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("standard output ended: %v", err)
	}
	return line
}

// says waits for a line of standard error that has the text.
func (p *process) says(text string) {
	p.t.Helper()
	var all strings.Builder
	for {
		line, err := p.err.ReadString('\n')
		all.WriteString(line)
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			p.t.Fatalf("standard error ended without %q:\n%s", text, all.String())
		}
	}
}

func (p *process) signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// insist sends a signal until stop is called: of those that come at once, only the first
// counts.
func (p *process) insist(sig os.Signal) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for every := time.NewTicker(10 * time.Millisecond); ; {
			p.cmd.Process.Signal(sig) // it may have ended
			select {
			case <-every.C:
			case <-over:
				every.Stop()
				return
			}
		}
	}()
	return func() { close(over); <-ended }
}

// end reads what comes until the process has ended, and gives its code.
func (p *process) end() (code int, out, errs string) {
	p.t.Helper()
	var outText bytes.Buffer
	read := make(chan error, 1)
	go func() { _, err := io.Copy(&outText, p.out); read <- err }()
	errText, err := io.ReadAll(p.err)
	if rerr := <-read; err != nil || rerr != nil {
		p.t.Fatal(err, rerr)
	}
	return p.wait(), outText.String(), string(errText)
}

func (p *process) wait() int {
	p.t.Helper()
	p.cmd.Wait()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// long writes numbers to a file and to standard output; endless has no end of its own.
// As long as nobody reads there, they stay where they are.
const (
	long = `
nodes:
  n: {use: generate, with: {count: 10000000}}
  file: {use: file.write, in: n, with: {path: out.jsonl}}
  out: {use: file.write, in: n, with: {path: "-", format: jsonl}}
`
	endless = `
nodes:
  n: {use: generate}
  file: {use: file.write, in: n, with: {path: out.jsonl}}
  out: {use: file.write, in: n, with: {path: "-", format: jsonl}}
`
)

// stuck is endless with items so large that a pipe cannot hold those that are on their way.
var stuck = strings.Replace(endless, "generate}", `generate, with: {set: {text: 'repeat("x", 20000)'}}}`, 1)

func TestSecondSignalEndsAtOnce(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			folder(t, map[string]string{"e.yaml": long})
			p := start(t, "run", "e.yaml")
			p.line() // and nothing more: the pipe fills up, the flow cannot drain
			p.signal(sig)
			p.says("once more to end at once")
			stop := p.insist(sig)
			p.says("ended by a second signal")
			stop()
			if code := p.wait(); code != want {
				t.Errorf("exit %d, want %d", code, want)
			}
			if files, _ := os.ReadDir("."); len(files) != 1 {
				t.Errorf("it leaves %v", files)
			}
		})
	}
}

// A signal that comes twice at once, as timeout sends it, stops a run and does not end it:
// what is on its way goes through, and what had been taken is written.
func TestASignalThatIsSentTwice(t *testing.T) {
	folder(t, map[string]string{"e.yaml": stuck})
	p := start(t, "run", "e.yaml")
	p.line() // and nothing more: it cannot drain before both have come
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGTERM)
	p.says("once more to end at once")
	code, _, errs := p.end()
	if code != 0 || strings.Contains(errs, "second signal") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

func TestDrainHasADeadline(t *testing.T) {
	folder(t, map[string]string{"e.yaml": stuck})
	p := start(t, "run", "e.yaml", "--drain", "50ms", "-q")
	p.line()
	p.signal(syscall.SIGINT)
	p.says("did not finish in time")
	p.says("--drain")
	if code := p.wait(); code != 1 {
		t.Errorf("exit %d", code)
	}
	if files, _ := os.ReadDir("."); len(files) != 1 {
		t.Errorf("it leaves %v", files)
	}
}

// Who reads no further wants no more: that is no failure, and what goes elsewhere
// is written all the same.
func TestReaderGoesAway(t *testing.T) {
	folder(t, map[string]string{
		"only.yaml": strings.Replace(long, "  file: {use: file.write, in: n, with: {path: out.jsonl}}\n", "", 1),
		"both.yaml": strings.Replace(long, "10000000", "500000", 1),
	})
	for _, flow := range []string{"only.yaml", "both.yaml"} {
		cmd := exec.Command(program, "run", "-q", flow)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || line != "{\"n\":0}\n" {
			t.Errorf("got %q, %v", line, err)
		}
		out.Close()
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 0 || errs.String() != "" {
			t.Errorf("%s: exit %d, it says %q", flow, code, errs.String())
		}
	}
	if n := strings.Count(read(t, "out.jsonl"), "\n"); n != 500_000 {
		t.Errorf("the file has %d lines", n)
	}
}

const copying = `
nodes:
  in: {use: file.read, with: {path: "-", format: jsonl}}
  out: {use: file.write, in: in, with: {path: "-", format: jsonl}}
`

// A row passes while more may come.
func TestProcessPipe(t *testing.T) {
	folder(t, map[string]string{"copy.yaml": copying})
	p := start(t, "run", "-q", "copy.yaml")
	for _, row := range []string{"{\"a\":1}\n", "{\"a\":2}\n"} {
		io.WriteString(p.in, row)
		if got := p.line(); got != row {
			t.Errorf("got %q", got)
		}
	}
	p.in.Close()
	if code, out, errs := p.end(); code != 0 || out != "" || errs != "" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
}

// A flow that waits for standard input can be interrupted.
func TestInterruptWhileInputIsSilent(t *testing.T) {
	folder(t, map[string]string{"copy.yaml": copying})
	p := start(t, "run", "copy.yaml")
	io.WriteString(p.in, "{\"a\":1}\n")
	p.line()
	p.signal(syscall.SIGINT)
	if code, _, errs := p.end(); code != 0 || !strings.Contains(errs, "copy: done in") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

func TestProcessExitCodes(t *testing.T) {
	folder(t, map[string]string{"bad.yaml": "nodes: {a: {use: fliter}}\n"})
	for _, test := range []struct {
		args string
		code int
		err  string
	}{
		{"version", 0, ""},
		{"run nope.yaml", 2, "nope.yaml: there is no such file"},
		{"check bad.yaml", 2, "bad.yaml:1:18: unknown kind"},
		{"rnu", 2, `did you mean "run"?`},
	} {
		p := start(t, strings.Fields(test.args)...)
		if code, _, errs := p.end(); code != test.code || !strings.Contains(errs, test.err) || strings.Contains(errs, "\x1b") {
			t.Errorf("%s: exit %d, %s", test.args, code, errs)
		}
	}
}

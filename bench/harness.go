package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A harness runs contenders as processes and keeps the claims.
type harness struct {
	out     io.Writer
	quick   bool
	rounds  int
	dir     string // for data
	flights string // the CSV file that data is made from
	self    string // this program
	flowrun string // the command, built from the tree beside
	claims  []claim
}

func (h *harness) begin() error {
	if h.rounds < 1 {
		return fmt.Errorf("-rounds %d: at least 1", h.rounds)
	}
	var err error
	if h.self, err = os.Executable(); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	fmt.Fprintf(h.out, "%s, %d cores, %s/%s, %d rounds", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, h.rounds)
	if h.quick {
		fmt.Fprint(h.out, ", quick: not to be quoted")
	}
	fmt.Fprintln(h.out)
	return nil
}

// command builds the flowrun command once.
func (h *harness) command(ctx context.Context) (string, error) {
	if h.flowrun != "" {
		return h.flowrun, nil
	}
	path, err := filepath.Abs(filepath.Join(h.dir, "flowrun"))
	if err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/flowrun")
	build.Dir = ".." // a module of its own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	h.flowrun = path
	return path, nil
}

// size picks a number for the mode.
func (h *harness) size(full, quick int) int {
	if h.quick {
		return quick
	}
	return full
}

// A contender does the work of a workload in a process of its own.
type contender struct {
	name string
	argv []string
	// timed says that the process prints a result with the time of the work alone;
	// else the time is that of the process from its start to its end.
	timed bool
	// check gives the digest of what the last run made, for processes that do not
	// print one. It is not part of the time.
	check func() (string, error)
}

// child makes a contender of a function of this program.
func (h *harness) child(name string, args ...string) contender {
	return contender{name: name, argv: append([]string{h.self, "child", name}, args...), timed: true}
}

// A measurement is one run of a contender.
type measurement struct {
	wall, cpu time.Duration
	rss       int64   // bytes, the most it had
	others    float64 // the share of the machine that was taken by others
	result    result
}

// A result is what a child prints.
type result struct {
	Seconds float64            `json:"seconds"`
	Digest  string             `json:"digest"`
	More    map[string]float64 `json:"more,omitempty"`
	Ratios  []float64          `json:"ratios,omitempty"` // of a child that compares in itself
}

// run runs a contender once.
func (h *harness) run(ctx context.Context, c contender) (measurement, error) {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	busy, start := machineBusy(), time.Now()
	if err := cmd.Run(); err != nil {
		return measurement{}, fmt.Errorf("%s: %w\n%s", c.name, err, stderr.String())
	}
	m := measurement{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if all := m.wall.Seconds() * float64(runtime.NumCPU()); busy > 0 {
		m.others = max(0, (machineBusy()-busy-m.cpu.Seconds())/all)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.rss = int64(usage.Maxrss)
		if runtime.GOOS == "linux" { // there it is in kilobytes
			m.rss *= 1024
		}
	}
	if c.timed {
		if err := json.Unmarshal(stdout.Bytes(), &m.result); err != nil {
			return m, fmt.Errorf("%s printed %q: %w", c.name, stdout.String(), err)
		}
		m.wall = time.Duration(m.result.Seconds * float64(time.Second))
	}
	if c.check != nil {
		var err error
		if m.result.Digest, err = c.check(); err != nil {
			return m, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return m, nil
}

// machineBusy is how many CPU seconds the whole machine has worked, what the
// machines beside it took from it included; 0 where that cannot be told.
func machineBusy() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var user, nice, system, idle, iowait, irq, softirq, steal int64
	if _, err := fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return 0
	}
	return float64(user+nice+system+irq+softirq+steal) / 100
}

// A series is what the rounds gave for a contender.
type series []measurement

func (s series) sorted(of func(measurement) float64) []float64 {
	var xs []float64
	for _, m := range s {
		xs = append(xs, of(m))
	}
	slices.Sort(xs)
	return xs
}

func (s series) median(of func(measurement) float64) float64 {
	xs := s.sorted(of)
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

func wall(m measurement) float64   { return m.wall.Seconds() }
func cpu(m measurement) float64    { return m.cpu.Seconds() }
func rss(m measurement) float64    { return float64(m.rss) / 1e6 }
func others(m measurement) float64 { return 100 * m.others }

// noisy is the share of the machine that others may take before a round counts as
// disturbed.
const noisy = 0.2

// compare lets contenders take turns and prints what each of them took. Their
// digests must agree. Disturbed rounds are repeated, as long as it does not take
// more than three times as many; the quietest are kept. items and bytes are those
// of the input; 0 prints no rate.
func (h *harness) compare(ctx context.Context, title string, items, bytes int64, contenders ...contender) ([]series, error) {
	fmt.Fprintf(h.out, "\n%s\n", title)
	var rounds [][]measurement
	loudest := func(round []measurement) float64 {
		return slices.MaxFunc(round, func(a, b measurement) int { return cmp.Compare(a.others, b.others) }).others
	}
	digest, first := "", ""
	for quiet := 0; quiet < h.rounds && len(rounds) < h.most(); {
		var round []measurement
		for _, c := range contenders {
			m, err := h.run(ctx, c)
			if err != nil {
				return nil, err
			}
			switch d := m.result.Digest; {
			case d == "":
				return nil, fmt.Errorf("%s gave no digest of its result", c.name)
			case digest == "":
				digest, first = d, c.name
			case d != digest:
				return nil, fmt.Errorf("%s and %s gave different results", c.name, first)
			}
			round = append(round, m)
		}
		rounds = append(rounds, round)
		if loudest(round) <= noisy {
			quiet++
		}
	}
	slices.SortStableFunc(rounds, func(a, b []measurement) int { return cmp.Compare(loudest(a), loudest(b)) })
	all := make([]series, len(contenders))
	for _, round := range rounds[:h.rounds] {
		for i, m := range round {
			all[i] = append(all[i], m)
		}
	}
	h.print(all, items, bytes, contenders)
	if n := len(rounds) - h.rounds; n > 0 {
		fmt.Fprintf(h.out, "  the quietest %d of %d rounds\n", h.rounds, len(rounds))
	}
	return all, nil
}

// most is how many rounds there may be.
func (h *harness) most() int {
	if h.quick {
		return h.rounds
	}
	return 3 * h.rounds
}

func (h *harness) print(all []series, items, bytes int64, contenders []contender) {
	for i, c := range contenders {
		s := all[i]
		xs := s.sorted(wall)
		fmt.Fprintf(h.out, "  %-32s %8.3f s (%.3f to %.3f)  CPU %7.3f s  %5.0f MB", c.name, s.median(wall), xs[0], xs[len(xs)-1], s.median(cpu), s.median(rss))
		if bytes > 0 {
			fmt.Fprintf(h.out, "  %5.0f MB/s", float64(bytes)/1e6/s.median(wall))
		}
		if items > 0 {
			fmt.Fprintf(h.out, "  %6.2f M items/s", float64(items)/1e6/s.median(wall))
		}
		fmt.Fprintf(h.out, "  others %.0f %%\n", s.median(others))
	}
}

// A claim is a speed line: what was measured, and what it should be.
type claim struct {
	text   string
	got    float64
	unit   string
	target float64 // 0: there is none
	most   bool    // the target is the most it may be, not the least
	others float64 // the share of the machine that others took meanwhile
}

// claim keeps a claim that was measured by the series.
func (h *harness) claim(c claim, measured ...series) {
	for _, s := range measured {
		c.others = max(c.others, s.median(others)/100)
	}
	h.claims = append(h.claims, c)
}

// summary prints every claim with its verdict. A target that was missed while
// others worked on the machine says nothing.
func (h *harness) summary() {
	fmt.Fprintln(h.out)
	for _, c := range h.claims {
		verdict, bound := "ok", fmt.Sprintf("at least %g", c.target)
		if c.most {
			bound = fmt.Sprintf("at most %g", c.target)
		}
		switch {
		case c.target == 0:
			verdict, bound = "", "for comparison"
		case c.most && c.got > c.target, !c.most && c.got < c.target:
			verdict = "MISSED"
			if c.others > noisy {
				verdict, bound = "noisy", fmt.Sprintf("%s; others took %.0f %% of the machine", bound, 100*c.others)
			}
		}
		fmt.Fprintf(h.out, "%-6s  %-78s %8.2f %-2s  %s\n", verdict, c.text, c.got, c.unit, bound)
	}
}

// children are the contenders that are functions of this program.
var children = map[string]func(args []string) (result, error){
	"flowrun":                   flowrunJSONL,
	"channels of maps":          channelsOfMaps,
	"by hand":                   byHand,
	"digest":                    digestRows,
	"queue":                     queueWork,
	"flowrun, from a slice":     chainFromSlice,
	"flowrun, from a function":  chainFromFunc,
	"chan int64":                chainOfChannels,
	"flowrun, workers":          cpuWork,
	"flowrun, 100 workers":      sleepWork,
	"flowrun, 16 workers":       turningFlow,
	"errgroup, 16 at once":      turningGroup,
	"100 goroutines that sleep": sleepAlone,
	"http.call, 64 workers":     callWork,
	"flowrun, 10,000 nodes":     wideGraph,
	"flowrun with cuts":         flowWithCuts,
	"cuts on and off":           slicedCuts,

	"64 goroutines with net/http": callAlone,
	"listener":                    listenerWork,
	"load":                        loadWork,
	"sql.write to SQLite":         sqlFlow(createSQLite, sqliteURL, digestSQLite),
	"the client of SQLite":        clientOfSQLite,
	"sql.write to PostgreSQL":     sqlFlow(createPostgres, sameURL, digestPostgres),
	"the client of PostgreSQL":    clientOfPostgres,

	"redis.send":                   redisSend,
	"redis.receive":                redisReceive,
	"the client of Redis, send":    clientOfRedisSends,
	"the client of Redis, receive": clientOfRedisReceives,
	"nats.write":                   natsFlowWrites,
	"nats.read":                    natsFlowReads,
	"s3.read":                      s3FlowReads,
	"the client of S3: read":       s3ClientReads,
	"the client of NATS: write":    natsClientWrites,
	"the client of NATS: read":     natsClientReads,
	"kafka.write":                  kafkaFlow("write"),
	"kafka.read":                   kafkaFlow("read"),
	"franz-go, write":              clientOfKafka("write"),
	"franz-go, read":               clientOfKafka("read"),
	"mqtt.send":                    brokerFlow(mqttNothing, sendFlow("use: mqtt.write, with: {url: %q, topic: items}")),
	"mqtt.receive":                 brokerFlow(mqttFill, receiveFlow("use: mqtt.read, with: {url: %q, topics: items, as: '{id: int, text: string}'}")),
	"the client of mqtt, send":     brokerClient(mqttNothing, mqttSends),
	"the client of mqtt, receive":  brokerClient(mqttFill, mqttReceives),
	"amqp.send":                    brokerFlow(amqpQueue, sendFlow("use: amqp.write, with: {url: %q, routing_key: items}")),
	"amqp.receive":                 brokerFlow(amqpFill, receiveFlow("use: amqp.read, with: {url: %q, queue: items, as: '{id: int, text: string}'}")),
	"the client of amqp, send":     brokerClient(amqpQueue, amqpSends),
	"the client of amqp, receive":  brokerClient(amqpFill, amqpReceives),
}

// child runs one of them and prints its result.
func child(name string, args []string) {
	f := children[name]
	if f == nil {
		fail(fmt.Errorf("there is no contender %q", name))
	}
	r, err := f(args)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fail(err)
	}
}

// timed measures f.
func timed(f func() (digest string, err error)) (result, error) {
	start := time.Now()
	digest, err := f()
	return result{Seconds: time.Since(start).Seconds(), Digest: digest}, err
}

//go:build unix

package torture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// asCommand makes the test binary the command, with the kinds of the tests, if it is called
// with the verb run.
func asCommand() {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		cli.Main(std.Nodes, []nodes.Decl{
			nodes.ReadFrom("test.broker", "Gives numbers, again and again until they are acknowledged.", &broker{}),
			nodes.Map("test.service", "Passes numbers on, now and then late.", &service{}),
		})
	}
}

// A broker gives the numbers from 0 on, in the first run and after a restart those that are
// not acknowledged. What it was told, it keeps in a file: a line for each time, with how many
// numbers were taken. It is slow now and then, hangs, and loses its connection, which ends the
// run; all of that is drawn, another time in each run.
type broker struct {
	Path  string  `yaml:"path,required" doc:"The file of acknowledgements."`
	Items int     `yaml:"items,required" doc:"How many numbers there are."`
	Run   int     `yaml:"run,required" doc:"The number of the run."`
	Seed  uint64  `yaml:"seed,required" doc:"What chance is drawn from."`
	Piece int     `yaml:"piece,required" doc:"How many numbers come at once, at most."`
	Wait  float64 `yaml:"wait,required" doc:"How many ms there are between two pieces, on average."`
	Stays bool    `yaml:"stays" doc:"It ends when everything is acknowledged, and not when everything was given."`
	Fault string  `yaml:"fault" doc:"What it does wrong: hasty (it takes what it gives for acknowledged) or forgetful (it gives everything again)."`

	mu     sync.Mutex
	random *rand.Rand
	file   *os.File
	given  int
	acked  int
	news   chan struct{} // closed, and made anew, when acked has changed
}

// delivered is what leaves a broker.
type delivered struct {
	N   int64 `flow:"n"`
	Run int64 `flow:"run"`
}

// lostConnection is in the error of each fault of a broker that ends a run.
const lostConnection = "the broker has closed the connection"

// Chances of the faults, for a piece or an acknowledgement.
const (
	hangs      = 1.0 / 40
	slowTaken  = 1.0 / 6
	closesGive = 1.0 / 800
	closesAck  = 1.0 / 60
)

// Open reads what was acknowledged.
func (b *broker) Open(context.Context, *nodes.Env) (err error) {
	b.random = rand.New(rand.NewPCG(b.Seed, uint64(b.Run)))
	b.news = make(chan struct{})
	acks, err := acknowledged(b.Path)
	if err != nil {
		return err
	}
	if len(acks) > 0 && b.Fault != "forgetful" {
		b.acked = acks[len(acks)-1]
	}
	b.given = b.acked
	b.file, err = os.OpenFile(b.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return err
}

// Close implements nodes.Closer.
func (b *broker) Close() error { return b.file.Close() }

// chance says yes with a probability.
func (b *broker) chance(p float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.random.Float64() < p
}

// pause waits for a drawn time.
func (b *broker) pause(ctx context.Context, most time.Duration) error {
	b.mu.Lock()
	span := time.Duration(b.random.Float64() * float64(most))
	b.mu.Unlock()
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ReadFrom gives what is not acknowledged, in pieces.
func (b *broker) ReadFrom(ctx context.Context, _ nodes.Position, emit func(delivered, nodes.Position) error) error {
	for n := b.given; n < b.Items; {
		b.mu.Lock()
		end := min(b.Items, n+1+b.random.IntN(b.Piece))
		b.given = end // before they can be acknowledged
		b.mu.Unlock()
		for ; n < end; n++ {
			if err := emit(delivered{int64(n), int64(b.Run)}, nodes.Position(strconv.Itoa(n+1))); err != nil {
				return err
			}
		}
		if b.Fault == "hasty" {
			if err := b.note(n); err != nil {
				return err
			}
		}
		most := time.Duration(2 * b.Wait * float64(time.Millisecond))
		if b.chance(hangs) {
			most *= 50
		}
		if err := b.pause(ctx, most); err != nil {
			return err
		}
		if b.chance(closesGive) {
			return errors.New(lostConnection)
		}
	}
	for b.Stays {
		b.mu.Lock()
		all, news := b.acked == b.Items, b.news
		b.mu.Unlock()
		if all {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Taken implements nodes.Acknowledger.
func (b *broker) Taken(after nodes.Position) error {
	if b.Fault == "hasty" {
		return nil
	}
	n, err := strconv.Atoi(string(after))
	if err != nil {
		return err
	}
	b.mu.Lock()
	given, acked := b.given, b.acked
	b.mu.Unlock()
	if n > given || n <= acked {
		return fmt.Errorf("%d numbers are acknowledged; %d were given, and %d acknowledged before", n, given, acked)
	}
	if b.chance(slowTaken) {
		b.pause(context.Background(), 200*time.Millisecond)
	}
	if b.chance(closesAck) {
		return errors.New(lostConnection)
	}
	if err := b.note(n); err != nil {
		return err
	}
	if b.chance(closesAck) {
		return errors.New(lostConnection)
	}
	return nil
}

// note writes down that so many numbers were taken.
func (b *broker) note(n int) error {
	if _, err := fmt.Fprintln(b.file, n); err != nil {
		return err
	}
	if err := b.file.Sync(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked = n
	close(b.news)
	b.news = make(chan struct{})
	return nil
}

// acknowledged reads the file of a broker: how many numbers were taken, each time.
func acknowledged(path string) (all []int, err error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		whole, ok := strings.CutSuffix(line, "\n")
		if !ok {
			break // it died as it wrote this
		}
		n, err := strconv.Atoi(whole)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// A service passes items on. Some take long, so that others overtake them where the order
// is not kept.
type service struct{}

// Map implements nodes.Mapper.
func (*service) Map(ctx context.Context, d delivered) (delivered, error) {
	if rand.IntN(60) > 0 {
		return d, nil
	}
	timer := time.NewTimer(rand.N(40 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return d, nil
	case <-ctx.Done():
		return d, context.Cause(ctx)
	}
}

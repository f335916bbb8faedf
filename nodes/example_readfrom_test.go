package nodes_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A mailbox stands for a broker or a table: messages stay in it until they are
// acknowledged.
type mailbox struct {
	mu       sync.Mutex
	messages []string
	first    int // the number of the first of them
}

// oldest is the number of the first message that is still there.
func (m *mailbox) oldest() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first
}

// message gives message n, while there is one.
func (m *mailbox) message(n int) (text string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n-m.first >= len(m.messages) {
		return "", false
	}
	return m.messages[n-m.first], true
}

// forget removes what comes before message n.
func (m *mailbox) forget(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages, m.first = m.messages[n-m.first:], n
}

var office = &mailbox{messages: []string{"to Ann", "to Bob", "to Eve"}, first: 1}

type letter struct{ Text string }

// A receive is a source whose positions are the numbers of messages.
type receive struct{}

// ReadFrom implements nodes.ResumableSource. With each item it tells the position behind
// it, which may come back as the beginning of another run.
func (*receive) ReadFrom(_ context.Context, after nodes.Position, emit func(letter, nodes.Position) error) error {
	n, err := office.oldest(), error(nil)
	if after != nil {
		if n, err = strconv.Atoi(string(after)); err != nil {
			return err
		}
	}
	for {
		text, ok := office.message(n)
		if !ok {
			return nil // this source has an end
		}
		n++
		if err := emit(letter{text}, nodes.Position(strconv.Itoa(n))); err != nil {
			return err
		}
	}
}

// Taken implements nodes.Acknowledger: whatever came before the position has arrived.
func (*receive) Taken(after nodes.Position) error {
	n, err := strconv.Atoi(string(after))
	if err == nil {
		office.forget(n)
	}
	return err
}

// A deliver is a sink. It holds letters back until Flush, which says that they have
// arrived.
type deliver struct{ bag []letter }

// Write implements nodes.Sink.
func (d *deliver) Write(_ context.Context, letters []letter) error {
	d.bag = append(d.bag, letters...)
	return nil
}

// Flush implements nodes.Flusher.
func (d *deliver) Flush(context.Context) error {
	for _, l := range d.bag {
		fmt.Println("delivered", l.Text)
	}
	d.bag = nil
	return nil
}

// A source that is told what has arrived loses nothing: what was not acknowledged is
// read again by the next run.
func ExampleReadFrom() {
	registry, err := nodes.NewRegistry([]nodes.Decl{
		nodes.ReadFrom("mail.receive", "Reads letters.", &receive{}),
		nodes.Write("mail.deliver", "Delivers letters.", &deliver{}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	flow, problems := graph.Load(diag.NewSource("post.yaml", []byte(`flow: post
nodes:
  in:  {use: mail.receive}
  out: {use: mail.deliver, in: in}
`)), registry, graph.Options{})
	if problems.Err() != nil {
		fmt.Println(problems)
		return
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = run.Run(context.Background())
	fmt.Println(len(office.messages), "left,", err)
	// Output:
	// delivered to Ann
	// delivered to Bob
	// delivered to Eve
	// 0 left, <nil>
}

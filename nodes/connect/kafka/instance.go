package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file gives a process the name that it has in the group.

// maxNamesakes bounds how many processes share a group under one name.
const maxNamesakes = 1000

var errFenced = errors.New("another process has joined the group under the instance of this one")

// nameOf is the n-th name of a node.
func nameOf(flow, node string, n int) string {
	name := legal(flow + "." + node)
	name = name[:min(len(name), 240)]
	if n > 1 {
		name += "-" + strconv.Itoa(n)
	}
	return name
}

// instance is the name of this process in the group.
func (i *inlet) instance() string {
	if i.k.Instance != "" {
		return i.k.Instance
	}
	return nameOf(i.env.Flow.Name, i.env.Node.ID, i.namesake)
}

// fenced is what to do where another process has joined under this one's name: take the next,
// or end if the flow has given it.
func (i *inlet) fenced() error {
	switch {
	case i.k.Instance != "":
		return hinted(fmt.Errorf("%w, %s", errFenced, i.k.Instance), "give each process a name of its own, such as instance: ${env:HOSTNAME}, or leave out instance")
	case i.namesake >= maxNamesakes:
		return fmt.Errorf("%w, and %d have its name", errFenced, i.namesake)
	}
	i.namesake++
	i.env.Log.Info("another process has joined the group under the name of this one, so this one goes on under the next", "instance", i.instance())
	return message.ErrAnew
}

// A self is what a member tells of its process, as the end of its client id.
type self struct {
	host string
	pid  int
}

func thisProcess() self {
	host, _ := os.Hostname()
	return self{legal(host), os.Getpid()}
}

func (s self) String() string { return "@" + s.host + "." + strconv.Itoa(s.pid) }

// taken reports whether a name in the group is that of a process which runs, from the client
// id of the member that has it. One of this machine is looked at. One of another machine may
// run or not, so it counts as running: it loses its name when it shows no sign of life. A
// process that has this one's own number is the one before, which a container was that has
// started again.
func (s self) taken(client string, alive func(pid int) bool) bool {
	_, told, ok := strings.Cut(client, "@")
	dot := strings.LastIndexByte(told, '.')
	if !ok || dot < 0 {
		return false
	}
	pid, err := strconv.Atoi(told[dot+1:])
	switch {
	case err != nil:
		return false
	case told[:dot] != s.host:
		return true
	}
	return pid != s.pid && alive(pid)
}

// choose takes the first name that no process has which runs. Two that begin at the same time
// may choose the same one: then the newer has it, see fenced.
func (i *inlet) choose(ctx context.Context, c *kgo.Client) error {
	ctx, cancel := within(ctx)
	defer cancel()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{i.group}
	resp, err := req.RequestWith(ctx, c)
	for ; err != nil; resp, err = req.RequestWith(ctx, c) {
		// A cluster that has no groups yet is about to find out which broker minds them.
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator) {
			return orCause(ctx, err)
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	of := map[string]string{}
	for _, g := range resp.Groups { // one that may not be looked at has no members
		for _, m := range g.Members {
			if m.InstanceID != nil {
				of[*m.InstanceID] = m.ClientID
			}
		}
	}
	own := thisProcess()
	for i.namesake = 1; i.namesake < maxNamesakes; i.namesake++ {
		if client, there := of[i.instance()]; !there || !own.taken(client, alive) {
			break
		}
	}
	if i.namesake > 1 {
		i.env.Log.Info("other processes are in the group under the name of this one, so it has a name of its own", "instance", i.instance())
	}
	return nil
}

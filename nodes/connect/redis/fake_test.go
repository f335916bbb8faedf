package redis

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// This file plays Redis in the examples, whose time is virtual.

var kit = nodetest.New(std.Nodes, Nodes)

func TestKinds(t *testing.T) {
	kit.Peers("redis.read", played(true, nil)).Peers("redis.write", played(false, nil)).Peers("redis.lookup", played(false, nil)).Conform(t, Nodes...)
}

// played answers the commands that the examples need: from a stream of two entries if it is to
// be read. The flow is stopped when the entries are acknowledged. What other, if not nil, has an
// answer to, that one answers; it may stop the flow, too.
func played(read bool, other func(command string, stop func()) string) nodetest.World {
	return func(ctx context.Context, n *nodetest.Network, stop func()) {
		l, err := n.Listen(ctx, "tcp", "127.0.0.1:6379")
		if err != nil {
			return
		}
		defer context.AfterFunc(ctx, func() { l.Close() })()
		given := false
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer context.AfterFunc(ctx, func() { c.Close() })()
				defer c.Close()
				queued := 0
				answer(c, func(args []string) string {
					command := strings.ToLower(args[0])
					if other != nil {
						if reply := other(command, stop); reply != "" {
							return reply
						}
					}
					switch {
					case command == "hello":
						return "-ERR unknown command\r\n"
					case command == "ping":
						return "+PONG\r\n"
					case command == "client" && strings.EqualFold(args[1], "id"):
						return ":1\r\n"
					case command == "client" && strings.EqualFold(args[1], "list"):
						return "$0\r\n\r\n"
					case command == "get":
						if args[1] == "customer:7" {
							return "$3\r\nAnn\r\n"
						}
						return "$-1\r\n"
					case command == "xinfo", command == "xpending":
						return "*0\r\n"
					case command == "xack":
						go func() {
							if nodes.Sleep(ctx, time.Second) == nil {
								stop()
							}
						}()
						return ":2\r\n"
					case command == "exec":
						n := queued
						queued = 0
						return fmt.Sprintf("*%d\r\n", n) + strings.Repeat("$15\r\n1700000000000-0\r\n", n)
					case command == "xadd":
						queued++
						return "+QUEUED\r\n"
					case command == "xreadgroup" && read && args[len(args)-1] == ">" && !given:
						given = true
						return "*1\r\n*2\r\n$6\r\norders\r\n*2\r\n" + entry(0, 1, "cup") + entry(1, 2, "lamp")
					case command == "xreadgroup":
						for i, a := range args {
							if strings.EqualFold(a, "block") {
								ms, _ := strconv.Atoi(args[i+1])
								nodes.Sleep(ctx, time.Duration(ms)*time.Millisecond)
							}
						}
						return "*-1\r\n"
					}
					return "+OK\r\n"
				})
			}()
		}
	}
}

func entry(at, id int, item string) string {
	return fmt.Sprintf("*2\r\n$15\r\n1700000000000-%d\r\n*4\r\n$2\r\nid\r\n$1\r\n%d\r\n$4\r\nitem\r\n$%d\r\n%s\r\n", at, id, len(item), item)
}

// answer answers the commands of a connection.
func answer(c net.Conn, to func(args []string) string) {
	for r := bufio.NewReader(c); ; {
		var n int
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Sscanf(line, "*%d", &n)
		args := make([]string, n)
		for i := range args {
			var size int
			line, _ := r.ReadString('\n')
			fmt.Sscanf(line, "$%d", &size)
			text := make([]byte, size+2)
			if _, err := io.ReadFull(r, text); err != nil {
				return
			}
			args[i] = string(text[:size])
		}
		if _, err := io.WriteString(c, to(args)); err != nil {
			return
		}
	}
}

// Command bench measures flowrun against what it stands in for, and prints the
// speed lines of the README: ratios within one sitting, since absolute times say
// more about the machine than about the program.
//
//	go run .            everything, about ten minutes
//	go run . -quick     the same on little data, about one
//	go run . -only chain,sleep
//
// Terms. A workload is one question. Its contenders do the same work; each run of a
// contender is a process of its own, so that its CPU time and memory can be told.
// Contenders take turns, round after round; what is printed is the median of the
// rounds with the least and the most. A contender whose result is not that of the
// others has no time: the program fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// workloads in the order in which they run.
var workloads = []struct {
	name string
	run  func(ctx context.Context, h *harness) error
}{
	{"jsonl", jsonlWorkload},
	{"parquet", parquetWorkload},
	{"chain", chainWorkload},
	{"cpu", cpuWorkload},
	{"sleep", sleepWorkload},
	{"http", callsWorkload},
	{"listen", listenWorkload},
	{"turning", turningWorkload},
	{"graph", graphWorkload},
	{"memory", memoryWorkload},
	{"queue", queueWorkload},
	{"cuts", cutsWorkload},
	{"sql", sqlWorkload},
	{"redis", redisWorkload},
	{"nats", natsWorkload},
	{"kafka", kafkaWorkload},
	{"mqtt", mqttWorkload},
	{"amqp", amqpWorkload},
	{"s3", s3Workload},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3:])
		return
	}
	h := &harness{out: os.Stdout}
	flag.BoolVar(&h.quick, "quick", false, "little data: to see that everything works, not to quote")
	flag.IntVar(&h.rounds, "rounds", 5, "runs of each contender")
	flag.StringVar(&h.dir, "dir", filepath.Join(os.TempDir(), "flowrun-bench"), "folder for data, which is kept for the next time")
	flag.StringVar(&h.flights, "flights", "../flows/data/flights.csv", "the flights to make data from")
	only := flag.String("only", "", "workloads to run, with commas between them; all by default")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := h.begin(); err != nil {
		fail(err)
	}
	for _, w := range workloads {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), w.name) {
			continue
		}
		if err := w.run(ctx, h); err != nil {
			fail(fmt.Errorf("%s: %w", w.name, err))
		}
	}
	h.summary()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

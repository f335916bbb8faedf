package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workloads over JSON lines, as a flow file: how fast, and in how
// much memory.

// flow is the work as a flow file.
//
//go:embed late.yaml
var flow []byte

// jsonlWorkload: JSON lines, a filter that keeps a fifth of them, a computed field,
// JSON lines.
func jsonlWorkload(ctx context.Context, h *harness) error {
	n := h.size(1_050_000, 50_000)
	in, size, err := h.flightsFile(n)
	if err != nil {
		return err
	}
	binary, err := h.command(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(h.dir, "late.yaml"), flow, 0o600); err != nil {
		return err
	}
	contenders := []contender{
		h.child("flowrun", in, h.output("flowrun")),
		{name: "flowrun command", argv: []string{binary, "run", filepath.Join(h.dir, "late.yaml"), "-s", "IN=" + in, "-s", "OUT=" + h.output("command")}},
		h.child("channels of maps", in, h.output("channels")),
		h.child("by hand", in, h.output("hand")),
	}
	for i, name := range []string{"flowrun", "command", "channels", "hand"} {
		contenders[i].check = h.digest(ctx, h.output(name))
	}
	title := fmt.Sprintf("JSONL -> filter -> computed field -> JSONL: %d flights, %.0f MB", n, float64(size)/1e6)
	all, err := h.compare(ctx, title, int64(n), size, contenders...)
	if err != nil {
		return err
	}
	maps := all[2].median(wall)
	h.claim(claim{text: "JSONL flow: times as fast as stages over channels with encoding/json maps", got: maps / all[0].median(wall), unit: "x", target: 15}, all...)
	h.claim(claim{text: "the same, the command from its start to its end", got: maps / all[1].median(wall), unit: "x", target: 15}, all...)
	h.claim(claim{text: "JSONL flow: times less CPU than stages over channels with encoding/json maps", got: all[2].median(cpu) / all[0].median(cpu), unit: "x"}, all...)
	h.claim(claim{text: "JSONL flow: share of the speed of a program tuned by hand, without channels", got: 100 * all[3].median(wall) / all[0].median(wall), unit: "%"}, all...)
	return nil
}

func (h *harness) output(name string) string { return filepath.Join(h.dir, "out-"+name+".jsonl") }

// digest gives a check of a file of rows, which it removes, so that no run finds
// what the one before left.
func (h *harness) digest(ctx context.Context, path string) func() (string, error) {
	return func() (string, error) {
		m, err := h.run(ctx, h.child("digest", path))
		if err != nil {
			return "", err
		}
		return m.result.Digest, os.Remove(path)
	}
}

// digestRows hashes the rows of a file in their order, with the fields of each row
// in order of the alphabet.
func digestRows(args []string) (result, error) {
	f, err := os.Open(args[0])
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	sum, rows := sha256.New(), 0
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	dec.UseNumber()
	for ; ; rows++ {
		var row map[string]any
		if err := dec.Decode(&row); err == io.EOF {
			break
		} else if err != nil {
			return result{}, err
		}
		text, err := json.Marshal(row)
		if err != nil {
			return result{}, err
		}
		sum.Write(append(text, '\n'))
	}
	return result{Digest: fmt.Sprintf("%d rows %x", rows, sum.Sum(nil))}, nil
}

// flowrunJSONL runs the flow on the engine, without the command around it.
func flowrunJSONL(args []string) (result, error) {
	return timed(func() (string, error) {
		return "", runFlow(diag.NewSource("late.yaml", flow), map[string]string{"IN": args[0], "OUT": args[1]})
	})
}

func runFlow(src *diag.Source, set map[string]string) error {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		return err
	}
	f, list := graph.Load(src, registry, graph.Options{Set: set})
	if err := list.Err(); err != nil {
		return err
	}
	run, err := scheduler.New(f, registry, scheduler.Options{})
	if err != nil {
		return err
	}
	_, err = run.Run(context.Background())
	return err
}

// memoryWorkload: the same flow on a file of more than a gigabyte.
func memoryWorkload(ctx context.Context, h *harness) error {
	n := h.size(10_500_000, 300_000)
	in, size, err := h.flightsFile(n)
	if err != nil {
		return err
	}
	binary, err := h.command(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(h.dir, "late.yaml"), flow, 0o600); err != nil {
		return err
	}
	out := h.output("large")
	rounds := h.rounds
	h.rounds = min(rounds, 3)
	defer func() { h.rounds = rounds }()
	// The rows were compared on the smaller file; here their number must do.
	check := func() (string, error) {
		lines, err := countLines(out)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(lines, " rows"), os.Remove(out)
	}
	engine := h.child("flowrun", in, out)
	engine.check = check
	command := contender{name: "flowrun command", argv: []string{binary, "run", filepath.Join(h.dir, "late.yaml"), "-s", "IN=" + in, "-s", "OUT=" + out}, check: check}
	all, err := h.compare(ctx, fmt.Sprintf("The same flow on %d flights, %.0f MB", n, float64(size)/1e6), int64(n), size, engine, command)
	if err != nil {
		return err
	}
	h.claim(claim{text: fmt.Sprintf("memory of the flow on %.1f GB, the command, at its most", float64(size)/1e9), got: all[1].median(rss), unit: "MB", target: 150, most: true}, all...)
	return nil
}

func countLines(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); ; lines++ {
		if !s.Scan() {
			return lines, s.Err()
		}
	}
}

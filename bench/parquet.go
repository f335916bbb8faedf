package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the workloads that read Parquet: the flow of jsonl from a Parquet file, to
// JSON lines and to Parquet, beside DuckDB with the same file and the same query.

// toParquet makes the data.
const toParquet = `flow: data
types:
  Flight: {id: int, date: time, origin: string, destination: string, delay: int, distance: int}
nodes:
  in: {use: file.read, with: {path: "${IN}", as: Flight}}
  out: {use: file.write, in: in, with: {path: "${OUT}"}}
`

// toLines makes of what a contender has written what can be compared.
const toLines = `flow: compared
nodes:
  in: {use: file.read, with: {path: "${IN}", as: {id: int, date: time, origin: string, destination: string, delay: int, distance: int, cost: int}}}
  out: {use: file.write, in: in, with: {path: "${OUT}"}}
`

// duckdb is the program of DuckDB. What it prints is the time of the query alone.
const duckdb = `
import duckdb, json, sys, time
c = duckdb.connect()
c.execute("SET timezone = 'UTC'; SET enable_progress_bar = false")
date = "strftime(date::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ') AS date" if sys.argv[2].endswith(".jsonl") else "date"
how = "FORMAT json" if sys.argv[2].endswith(".jsonl") else "FORMAT parquet, COMPRESSION zstd"
began = time.perf_counter()
c.execute(f"COPY (SELECT id, {date}, origin, destination, delay, distance, delay * distance AS cost FROM read_parquet('{sys.argv[1]}') WHERE delay > 15) TO '{sys.argv[2]}' ({how})")
print(json.dumps({"seconds": time.perf_counter() - began}))
`

// duckPython is a Python that has DuckDB; "" if there is none.
func duckPython(ctx context.Context) string {
	python := os.Getenv("BENCH_PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.CommandContext(ctx, python, "-c", "import duckdb").Run() != nil {
		return ""
	}
	return python
}

func parquetWorkload(ctx context.Context, h *harness) error {
	n := h.size(3_150_000, 50_000)
	lines, _, err := h.flightsFile(n)
	if err != nil {
		return err
	}
	in := filepath.Join(h.dir, fmt.Sprintf("flights-%d.parquet", n))
	if _, err := os.Stat(in); err != nil {
		if err := runFlow(diag.NewSource("data.yaml", []byte(toParquet)), map[string]string{"IN": lines, "OUT": in}); err != nil {
			return err
		}
	}
	info, err := os.Stat(in)
	if err != nil {
		return err
	}
	python := duckPython(ctx)
	if python == "" {
		fmt.Fprintln(h.out, "\nthere is no Python with duckdb, and BENCH_PYTHON names none: DuckDB is left out")
	}
	for _, ext := range []string{"jsonl", "parquet"} {
		out := func(name string) string { return filepath.Join(h.dir, "late-"+name+"."+ext) }
		contenders := []contender{h.child("flowrun", in, out("flowrun")), h.child("flowrun", lines, out("lines"))}
		if python != "" {
			contenders = append(contenders, contender{name: "DuckDB", argv: []string{python, "-c", duckdb, in, out("duckdb")}, timed: true})
		}
		contenders[1].name = "flowrun from JSONL"
		for i, name := range []string{"flowrun", "lines", "duckdb"}[:len(contenders)] {
			contenders[i].check = h.comparable(ctx, out(name))
		}
		all, err := h.compare(ctx, fmt.Sprintf("Parquet -> filter -> computed field -> %s: %d flights, %.0f MB", ext, n, float64(info.Size())/1e6), int64(n), info.Size(), contenders...)
		if err != nil {
			return err
		}
		h.claim(claim{text: "Parquet to " + ext + ": times as fast as from JSONL", got: all[1].median(wall) / all[0].median(wall), unit: "x"}, all...)
		if python != "" {
			h.claim(claim{text: "Parquet to " + ext + ": share of the speed of DuckDB", got: 100 * all[2].median(wall) / all[0].median(wall), unit: "%"}, all...)
		}
	}
	return nil
}

// comparable is digest for files of any format.
func (h *harness) comparable(ctx context.Context, path string) func() (string, error) {
	return func() (string, error) {
		rows := path + ".rows.jsonl"
		if err := runFlow(diag.NewSource("compared.yaml", []byte(toLines)), map[string]string{"IN": path, "OUT": rows}); err != nil {
			return "", err
		}
		if err := os.Remove(path); err != nil {
			return "", err
		}
		return h.digest(ctx, rows)()
	}
}

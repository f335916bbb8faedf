#!/usr/bin/env python3
"""Runs random flows over random files, and compares them with a program that shares nothing
with flowrun.

    python3 flows.py FLOWRUN [COUNT [FIRST SEED]]

FLOWRUN is the command. Each seed makes one to four files, a flow of sources and up to six
nodes, whose every output is written, and what it should write: all rows in their order,
numbers as they are written, the items that failed, and how many each node has taken and
lost. Prints a line for each flow that differs and keeps it; the exit code is 1 if one did.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meaning import date_text, decimal_text, duration_text, float_text, time_text
from nodes import ONE, TWO, Stream, fields_of_both, near_times
from sources import Source


def canon(v, kind):
    """A value as JSON has it, with numbers as their text."""
    if v is None or isinstance(v, bool):
        return v
    if isinstance(kind, list):
        return [canon(x, kind[0]) for x in v]
    if isinstance(kind, dict):
        return [(f, canon(v[f], t)) for f, t in kind.items()]
    if kind.startswith("decimal"):
        return ("number", decimal_text(v, int(kind[-1])))
    return {
        "date": lambda: date_text(v), "any": lambda: parse(v.text), "int": lambda: ("number", str(v)), "float": lambda: ("number", float_text(float(v))), "string": lambda: v, "time": lambda: time_text(v), "duration": lambda: duration_text(v),
    }[kind]()


def canon_rows(s):
    return [[(f, canon(row[f], t)) for f, t in s.fields.items()] for row in s.rows]


def parse(line):
    number = lambda text: ("number", text)
    return json.loads(line, object_pairs_hook=list, parse_int=number, parse_float=number)


def parse_csv(text):
    """Rows of cells, each with whether it was quoted."""
    rows, row, p = [], [], 0
    while p < len(text):
        quoted, start = text[p] == '"', p
        if quoted:
            p += 1
            cell = ""
            while True:
                end = text.index('"', p)
                cell += text[p:end]
                p = end + 1
                if p == len(text) or text[p] != '"':
                    break
                cell += '"'
                p += 1
        else:
            while text[p] not in ",\n":
                p += 1
            cell = text[start:p]
        row.append((cell, quoted))
        if text[p] == "\n":
            rows.append(row)
            row = []
        p += 1
    return rows


def cell_is(cell, want):
    text, quoted = cell
    if want is None:
        return text == "" and not quoted
    if isinstance(want, tuple):
        want = want[1]
    if isinstance(want, bool):
        want = str(want).lower()
    return text == want


class Flow:
    """A random flow, and what it should do."""

    def __init__(self, seed):
        self.r = r = random.Random(seed)
        self.sources, self.lines, self.streams = [], [], []
        self.failures, self.takes, self.writers, self.errors = {}, {}, {}, {}
        size = r.choice([0, 1, 5, 30, 30, 200])
        free = [self.source(size)]
        for i in range(r.randrange(1, 6)):
            s, two = r.choice(free), len(self.sources) < 4 and r.random() < 0.25
            name = f"n{i}"
            if two:
                other = self.source(r.choice([0, 3, size]))
                pair = (s, other) if r.random() < 0.7 else (other, s)
                node = r.choice([k for k in TWO if k.__name__ != "window_join" or all(map(near_times, pair))])(r, name, *pair)
                if "one" in node.outs[0].fields:
                    self.lines.append(f"  {name}_as: {node.line}")
                    whole = node.outs[0]
                    whole.port = name + "_as"
                    self.write(whole)
                    node = fields_of_both(name, whole, *pair)
                # Zip reads no further than the shortest.
                self.takes[name] = None if node.line.startswith("{use: zip") else len(whole.rows) if node.line.startswith("{use: map") else sum(len(x.rows) for x in pair)
            else:
                kinds = [k for k in ONE if k.__name__ not in ("window", "session") or near_times(s)]
                node = r.choice(kinds)(r, name, s)
                self.takes[name] = len(s.rows)
            self.lines.append(f"  {name}: {node.line}")
            self.failures[name] = node.failures
            if node.failures and node.failed is not None:
                of = node.of or [s] * len(node.failed)
                self.errors[name] = [canon_rows(x.like("", [row]))[0] for x, row in zip(of, node.failed)]
            for out in node.outs:
                self.write(out)
                if self.usable(out):
                    free.append(out)

    def usable(self, s):
        """Whether nodes are made for a stream: with a time, from which all else can be made,
        without lists, and not with the fields of a window, for the next would have them too."""
        return "time" in s.fields.values() and not s.mixed and not any(isinstance(t, list) for t in s.fields.values()) and not any(f in ("start", "end") for f in s.fields)

    def source(self, size):
        letter = "abcd"[len(self.sources)]
        source = Source(self.r, letter, size)
        self.sources.append(source)
        name = "src_" + letter
        self.lines.append(source.node(name))
        self.failures[name] = len(source.bad)
        s = Stream(name, source.fields, source.nullable, source.rows)
        self.write(s)
        return s

    def write(self, s):
        name = "out_" + s.port.replace(".", "_")
        flat = len(s.fields) > 1 and not s.mixed and not any(isinstance(t, (list, dict)) or t == "any" for t in s.fields.values())
        form = "csv" if flat and self.r.random() < 0.3 else "jsonl"
        self.writers[f"{name}.{form}"] = s
        self.lines.append(f"  {name}: {{use: file.write, in: {s.port}, with: {{path: {name}.{form}}}}}")

    def text(self):
        dead = [f"  dead_{n}: {{use: file.write, in: {n}.errors, with: {{path: dead_{n}.jsonl}}}}" for n in self.errors | {"src_" + s.letter: 0 for s in self.sources}]
        return "flow: random\nnodes:\n" + "\n".join(self.lines + dead) + "\n"

    def run(self, flowrun, folder):
        """Gives what differs."""
        for s in self.sources:
            (folder / f"src_{s.letter}.{s.format}").write_bytes(s.text.encode())
        (folder / "flow.yaml").write_text(self.text())
        workers = self.r.choice(["1", "2", "4"])
        run = subprocess.run([flowrun, "run", "--json", "--no-sync", "--workers", workers, "flow.yaml"], cwd=folder, capture_output=True, text=True)
        if run.returncode != 0:
            report = json.loads(run.stdout or run.stderr)
            said = [f"{d.get('line')}: {d['message']}" for d in report.get("diagnostics") or [] if d["severity"] == "error"]
            return [f"exit code {run.returncode}: {report.get('error')}", *said]
        differ = []
        for file, s in self.writers.items():
            text, want = (folder / file).read_bytes().decode(), canon_rows(s)
            if file.endswith(".csv"):
                got = parse_csv(text)
                if [c[0] for c in got[0]] != list(s.fields):
                    differ.append(f"{file}: columns {got[0]}, want {list(s.fields)}")
                same = len(got) - 1 == len(want) and all(len(g) == len(w) and all(cell_is(c, v) for c, (_, v) in zip(g, w)) for g, w in zip(got[1:], want))
                got = got[1:]
            else:
                got = [parse(line) for line in text.split("\n")[:-1]]
                if s.mixed:
                    got, want = sorted(got, key=repr), sorted(want, key=repr)
                same = got == want
            if not same:
                i = next((i for i, (g, w) in enumerate(zip(got, want)) if (g != w if file.endswith("jsonl") else not all(cell_is(c, v) for c, (_, v) in zip(g, w)))), min(len(got), len(want)))
                differ.append(f"{file}: {len(got)} rows, want {len(want)}; row {i} is {got[i:i + 1]}, want {want[i:i + 1]}")
        for name, want in self.errors.items():
            got = [dict(parse(line))["item"] for line in (folder / f"dead_{name}.jsonl").read_bytes().decode().split("\n")[:-1]]
            if got != want:
                differ.append(f"failed at {name}: {got[:3]} of {len(got)}, want {want[:3]} of {len(want)}")
        for s in self.sources:
            got = [int(dict(parse(line))["line"][1]) for line in (folder / f"dead_src_{s.letter}.jsonl").read_bytes().decode().split("\n")[:-1]]
            if sorted(got) != s.bad:
                differ.append(f"bad rows of src_{s.letter} in lines {got}, want {s.bad}")
        report = {n["id"]: n for n in json.loads(run.stdout or run.stderr)["nodes"]}
        for name, want in self.failures.items():
            if report[name]["dead"] + report[name]["skipped"] + report[name]["failed"] != want:
                differ.append(f"{name} counts {report[name]['dead']} failed, want {want}")
        for name, want in self.takes.items():
            if want is not None and report[name]["in"] != want:
                differ.append(f"{name} counts {report[name]['in']} items in, want {want}")
        return differ


def main():
    flowrun, count = str(Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    first, differing, rows, failed, nodes = int(sys.argv[3]) if len(sys.argv) > 3 else 1, 0, 0, 0, 0

    def one(seed):
        flow, folder = Flow(seed), Path(tempfile.mkdtemp(prefix="flowrun-oracle-"))
        return seed, flow, folder, flow.run(flowrun, folder)

    for seed, flow, folder, differ in ThreadPoolExecutor(os.cpu_count()).map(one, range(first, first + count)):
        rows += sum(len(s.rows) for s in flow.writers.values())
        failed += sum(flow.failures.values())
        nodes += len(flow.failures) + len(flow.writers)
        if differ:
            differing += 1
            print(f"FAIL seed {seed}, in {folder}:", *differ, sep="\n  ")
        else:
            shutil.rmtree(folder)
    print(f"{'FAIL' if differing else 'ok':5} {count} random flows of {nodes} nodes, {rows} rows and {failed} failed items compared: {differing} differ")
    sys.exit(differing > 0)


main()

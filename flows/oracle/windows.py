#!/usr/bin/env python3
"""Compares windows and windowed joins with a program that shares nothing with them.

    python3 windows.py FLOWRUN

FLOWRUN is the command. The items are those of ../data/flights.csv, brought out of
order by up to 30 minutes with a fixed seed, and some brought so far that they are
late. Each flow is run with one worker and with four. What it should give is computed
here from dictionaries and lists, by the words of the documentation: a window has its
start and not its end, the watermark is the greatest time seen less the lateness, an
item all of whose windows are closed is late. Prints a line for each comparison; the
exit code is 1 if one failed.
"""

import csv
import random
import subprocess
import sys
import tempfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

LATENESS = timedelta(minutes=30)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FAR = datetime(9999, 1, 1, tzinfo=timezone.utc)


def flights():
    with open(Path(__file__).parent.parent / "data" / "flights.csv", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
            yield int(row["id"]), at, row["origin"], row["destination"], int(row["delay"])


def disordered(rows, far):
    """Rows in an order in which none is older than the newest before it by more than
    the lateness; but for a share `far` of them, which come up to four hours late."""
    chance = random.Random(7)

    def arrives(row):
        late = LATENESS * chance.random()
        if chance.random() < far:
            late = HOUR * (1 + 3 * chance.random())
        return row[1] + late

    return [row for _, row in sorted(((arrives(row), row) for row in rows), key=lambda pair: pair[0])]


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def starts(at, size, every):
    """The beginnings of the windows that an item of this time is in."""
    last = EPOCH + (at - EPOCH) // every * every
    return [last - i * every for i in range(size // every) if last - i * every > at - size]


def windows(rows, size, every):
    """For each closed window and key, in no order, and the ids of the late items."""
    open_, late, newest = defaultdict(list), [], EPOCH
    for row in rows:
        mark = newest - LATENESS
        mine = [s for s in starts(row[1], size, every) if s + size > mark]
        if not mine:
            late.append(row[0])
        for s in mine:
            open_[s, row[2]].append(row[4])
        newest = max(newest, row[1])
    return {(key, text(s), text(s + size), len(d), sum(d), min(d), max(d)) for (s, key), d in open_.items()}, late


def sessions(rows, gap):
    """Sessions of each origin; rows have no late items."""
    by_key = defaultdict(list)
    for row in rows:
        by_key[row[2]].append((row[1], row[4]))
    for key, items in by_key.items():
        items.sort()
        run = [items[0]]
        for item in items[1:] + [(FAR, 0)]:
            if item[0] - run[-1][0] >= gap:
                delays = [d for _, d in run]
                yield key, text(run[0][0]), text(run[-1][0] + gap), len(run), sum(delays), min(delays), max(delays)
                run = []
            run.append(item)


def counted(rows, count, every):
    """For each origin a window that begins with every `every`-th item and has `count`
    items, or what there is when the input ends."""
    by_key = defaultdict(list)
    for row in rows:
        by_key[row[2]].append(row)
    for key, items in by_key.items():
        for begin in range(0, len(items), every):
            run = items[begin:begin + count]
            delays = [row[4] for row in run]
            yield key, text(min(r[1] for r in run)), text(max(r[1] for r in run)), len(run), sum(delays), min(delays), max(delays)


def pairs(left, right, within):
    """Landings and departures at one airport at most `within` apart."""
    by_key = defaultdict(list)
    for row in right:
        by_key[row[2]].append((row[1], row[0]))
    for items in by_key.values():
        items.sort()
    for row in left:
        items = by_key[row[3]]
        low, high = bisect_left(items, (row[1] - within, 0)), bisect_right(items, (row[1] + within, 1 << 60))
        for _, other in items[low:high]:
            yield row[0], other


HEAD = "flow: oracle\ntypes:\n  Flight: {id: int, date: time, origin: string, destination: string, delay: int}\nnodes:\n"
READ = "  %s: {use: file.read, with: {path: %s.csv, as: Flight}}\n"
WINDOW = """  windows:
    use: window
    in: flights
    with: {time: date, by: origin, %s, set: {n: count(), sum: sum(delay), least: min(delay), most: max(delay)}}
  out: {use: file.write, in: windows, with: {path: out.csv}}
  late: {use: file.write, in: windows.late, with: {path: late.csv}}
"""
JOIN = """  both:
    use: window_join
    in: {left: flights, right: others}
    with: {on: {destination: origin}, time: date, within: 45m, lateness: 30m, prefix: next_}
  ids: {use: map, in: both, with: {select: [id, next_id]}}
  out: {use: file.write, in: ids, with: {path: out.csv}}
"""


class Oracle:
    def __init__(self, flowrun):
        self.flowrun, self.failed = flowrun, False
        self.dir = Path(tempfile.mkdtemp())

    def write(self, name, rows):
        with open(self.dir / (name + ".csv"), "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "date", "origin", "destination", "delay"])
            out.writerows([row[0], text(row[1]), *row[2:]] for row in rows)

    def read(self, name, types):
        with open(self.dir / (name + ".csv"), newline="") as file:
            rows = list(csv.reader(file))[1:]
        return [tuple(t(v) for t, v in zip(types, row)) for row in rows]

    def compare(self, what, flow, types, want, late=()):
        (self.dir / "oracle.yaml").write_text(HEAD + flow)
        for workers in "1", "4":
            run = subprocess.run([self.flowrun, "run", "--quiet", "--workers", workers, "oracle.yaml"], cwd=self.dir, capture_output=True, text=True)
            if run.returncode != 0:
                sys.exit(run.stderr)
            got = self.read("out", types)
            same = sorted(got) == sorted(want)
            if (self.dir / "late.csv").exists():
                same = same and sorted(row[0] for row in self.read("late", [int])) == sorted(late)
            self.failed = self.failed or not same
            print(f"{'ok' if same else 'FAIL':5} {what}, workers {workers}: {len(got)} rows, {len(want)} wanted, {len(late)} late")
            if not same:
                print("  only got:   ", sorted(set(got) - set(want))[:3])
                print("  only wanted:", sorted(set(want) - set(got))[:3])


def main():
    oracle = Oracle(str(Path(sys.argv[1]).resolve()))
    rows = list(flights())
    within, some_late = disordered(rows, 0), disordered(rows, 0.02)
    types = [str, str, str, int, int, int, int]
    for name, items in ("in time", within), ("some late", some_late):
        oracle.write("flights", items)
        read = READ % ("flights", "flights")
        for settings, size, every in ("size: 1h, lateness: 30m", HOUR, HOUR), ("size: 2h, every: 15m, lateness: 30m", 2 * HOUR, 15 * MINUTE):
            want, late = windows(items, size, every)
            oracle.compare(f"window {settings}, {name}", read + WINDOW % settings, types, list(want), late)
        want = list(counted(items, 10, 4))
        oracle.compare(f"window count: 10, every: 4, {name}", read + WINDOW % "count: 10, every: 4", types, want)
    oracle.write("flights", within)
    oracle.compare("window session: 20m, in time", READ % ("flights", "flights") + WINDOW % "session: 20m, lateness: 30m", types, list(sessions(within, 20 * MINUTE)))
    left, right = [r for r in within if r[0] % 5 == 0], [r for r in within if r[0] % 5 != 0]
    oracle.write("flights", left)
    oracle.write("others", right)
    (oracle.dir / "late.csv").unlink()
    oracle.compare("window_join within: 45m", READ % ("flights", "flights") + READ % ("others", "others") + JOIN, [int, int], list(pairs(left, right, 45 * MINUTE)))
    sys.exit(oracle.failed)


main()

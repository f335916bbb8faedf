"""Random nodes: their text, and what leaves them, by the words of their pages."""

import math
from decimal import Decimal

from expressions import Expressions, text
from meaning import DAY, Failed, GREATEST, LEAST, SECOND, as_float, fits, key, value
from sources import NOON


class Stream:
    """What leaves a port: rows, the types of their fields, and which may be null."""

    def __init__(self, port, fields, nullable, rows):
        self.port, self.fields, self.nullable, self.rows = port, fields, nullable, rows
        self.mixed = False  # the rows come in an order that is not computed here

    def like(self, port, rows):
        return Stream(port, self.fields, self.nullable, rows)


class Node:
    def __init__(self, line, outs, failed=None, count=None, of=None):
        self.line, self.outs = line, outs
        self.failed = failed  # the rows that fail, in their order
        self.of = of  # the streams that they are of, one for each; None: the only input
        self.failures = count if count is not None else len(failed or [])


def names_of(stream, *kinds):
    return [f for f, t in stream.fields.items() if t in kinds]


def computed(rows, f):
    """What f makes of each row, and the rows for which it fails."""
    done, failed = [], []
    for row in rows:
        try:
            done.append((row, f(row)))
        except Failed:
            failed.append(row)
    return done, failed


def filter_(r, name, s):
    where = Expressions(r, s.fields, s.nullable).made("bool", 3)
    done, failed = computed(s.rows, lambda row: value(where, row))
    return Node(f"{{use: filter, in: {s.port}, with: {{where: '{yaml(text(where))}'}}, on_error: dead}}", [s.like(name, [row for row, v in done if v is True])], failed)


def yaml(s):
    return s.replace("'", "''")


def map_(r, name, s):
    made = Expressions(r, s.fields, s.nullable)
    settings, fields, renamed = [], list(s.fields), {}
    sets = {}
    for i in range(r.randrange(1, 4)):
        kind = r.choice(["int", "int", "float", "float", "string", "bool", "bool", "time", "duration", "date"] + made.decimals())
        target = f"{name}_{i}"
        if r.random() < 0.2 and len(names_of(s, kind)) > 1:
            target = r.choice(names_of(s, kind)[1:])  # a computed field replaces one of the same name
        sets[target] = (kind, made.made(kind, 3))
    if r.random() < 0.3:
        # A time stays: windows and expressions want one.
        dropped = r.choice([f for f in fields if f != names_of(s, "time")[0]])
        if dropped not in sets:
            settings.append(f"drop: [{dropped}]")
            fields.remove(dropped)
    if r.random() < 0.3:
        kept = [f for f in fields if f not in sets]
        if kept:
            old = r.choice(kept)
            renamed[old] = name + "_r"
            settings.append(f"rename: {{{old}: {name}_r}}")
    settings.append("set: {%s}" % ", ".join(f"{f}: '{yaml(text(e))}'" for f, (_, e) in sets.items()))
    done, failed = computed(s.rows, lambda row: {f: value(e, row) for f, (_, e) in sets.items()})
    order = [(renamed.get(f, f), f) for f in fields]
    types = {new: s.fields[old] for new, old in order} | {f: kind for f, (kind, _) in sets.items()}
    nullable = {new for new, old in order if old in s.nullable and new not in sets} | {f for f, (_, e) in sets.items() if made.may_be_null(e)}
    rows = [{new: row[old] for new, old in order} | results for row, results in done]
    return Node(f"{{use: map, in: {s.port}, with: {{{', '.join(settings)}}}, on_error: dead}}", [Stream(name, types, nullable, rows)], failed)


def route(r, name, s):
    made = Expressions(r, s.fields, s.nullable)
    cases = {c: made.made("bool", 2) for c in ("x", "y")}
    every = r.random() < 0.5

    def taken(row):
        out = []
        for c, e in cases.items():
            if value(e, row) is True:
                out.append(c)
                if not every:
                    break
        return out

    done, failed = computed(s.rows, taken)
    outs = [s.like(f"{name}.{c}", [row for row, out in done if c in out]) for c in cases]
    outs.append(s.like(name + ".else", [row for row, out in done if not out]))
    listed = ", ".join(f"{c}: '{yaml(text(e))}'" for c, e in cases.items())
    return Node(f"{{use: route, in: {s.port}, with: {{cases: {{{listed}}}, match: {'all' if every else 'first'}}}, on_error: dead}}", outs, failed)


def sort(r, name, s):
    by = r.sample([f for f, t in s.fields.items() if t != "any"], r.randrange(1, 3))
    minus = [r.random() < 0.5 for _ in by]
    first, limit = r.random() < 0.3, r.choice([None, None, 3, 50])
    keys = [("field", f) for f in by]
    if r.random() < 0.3:
        keys[0] = Expressions(r, s.fields, s.nullable).made(r.choice(["int", "float", "string", "bool", "time", "date"]), 2)
    rows, failed = computed(s.rows, lambda row: [value(e, row) for e in keys])
    for i, down in reversed(list(enumerate(minus))):
        with_value = sorted((row for row in rows if row[1][i] is not None), key=lambda row: key(row[1][i]), reverse=down)
        null = [row for row in rows if row[1][i] is None]
        rows = null + with_value if first else with_value + null
    shown = [("-" if down else "") + e[1] if e[0] == "field" else f"{{expr: '{yaml(text(e))}', desc: {str(down).lower()}}}" for e, down in zip(keys, minus)]
    settings = [f"by: [{', '.join(shown)}]"] + ["nulls: first"] * first + [f"limit: {limit}"] * bool(limit)
    return Node(f"{{use: sort, in: {s.port}, with: {{{', '.join(settings)}}}, on_error: dead}}", [s.like(name, [row for row, _ in rows[:limit]])], failed)


def key_fields(r, s):
    """Fields to be a key, of JSON more often than others."""
    if "any" in s.fields.values() and r.random() < 0.3:
        return [r.choice(names_of(s, "any"))]
    return r.sample(list(s.fields), r.randrange(0, 3))


def unique(r, name, s):
    by = key_fields(r, s)
    seen, rows = set(), []
    keys = [("field", f) for f in by or s.fields]
    if by and r.random() < 0.3:
        keys[0] = Expressions(r, s.fields, s.nullable).made(r.choice(["int", "float", "string", "bool", "time", "date"]), 2)
    done, failed = computed(s.rows, lambda row: tuple(value(e, row) for e in keys))
    for row, k in done:
        if k not in seen:
            seen.add(k)
            rows.append(row)
    shown = ", ".join(f"'{yaml(text(e))}'" for e in keys)
    return Node(f"{{use: unique, in: {s.port}" + (f", with: {{by: [{shown}]}}, on_error: dead" if by else "") + "}", [s.like(name, rows)], failed)


class Aggregates:
    """Random aggregates over the fields of a stream, by name: text, type and function."""

    def __init__(self, r, name, s, lists=True):
        self.all, self.where, self.nullable = {}, {}, set()
        made = Expressions(r, s.fields, s.nullable)
        for i in range(r.randrange(1, 5)):
            target, (shown, kind, f, null) = f"{name}_{i}", self.one(r, s, lists)
            self.all[target] = (shown, kind, f)
            if r.random() < 0.25:
                self.where[target] = made.made("bool", 2)
            if null or (target in self.where and kind != "int" and not isinstance(kind, list)):
                self.nullable.add(target)

    def one(self, r, s, lists):
        # A computed field may have taken the place of a column of small numbers.
        small = [f for f in s.fields if f[1:] in ("n", "q") and len(f) == 2 and all(abs(row[f] or 0) < 1000 and (row[f] or 0) * 4 % 1 == 0 for row in s.rows)]
        any_ = r.choice(list(s.fields))
        exact = names_of(s, "int", "string", "time", "date", "decimal2", "decimal3")
        some = lambda f: lambda rows: [row[f] for row in rows if row[f] is not None]
        choices = [("count()", "int", len, False), (f"count({any_})", "int", lambda rows: len(some(any_)(rows)), False)]
        for which, i in ("first", 0), ("last", -1):
            choices.append((f"{which}({any_})", s.fields[any_], lambda rows, i=i: (some(any_)(rows) or [None])[i], True))
        if exact:
            f = r.choice(exact)
            choices.append((f"min({f})", s.fields[f], lambda rows: min(some(f)(rows), key=key, default=None), True))
            choices.append((f"max({f})", s.fields[f], lambda rows: max(some(f)(rows), key=key, default=None), True))
        choices.append((f"{r.choice(['distinct', 'count_distinct'])}({any_})", "int", lambda rows: len(set(some(any_)(rows))), False))
        if names_of(s, "int"):
            i = r.choice(names_of(s, "int"))
            choices.append((f"sum({i})", "int", lambda rows: sum(some(i)(rows)), False))
        if names_of(s, "decimal2", "decimal3"):
            m = r.choice(names_of(s, "decimal2", "decimal3"))
            choices.append((f"sum({m})", s.fields[m], lambda rows: fits(sum(some(m)(rows), Decimal(0)), int(s.fields[m][-1])), False))
            if m[1:] == "m" and all(abs(row[m] or 0) < 1000 for row in s.rows):
                choices.append((f"mean({m})", "float", lambda rows: math.fsum(map(float, some(m)(rows))) / len(some(m)(rows)) if some(m)(rows) else None, True))
        if small:
            q = r.choice(small)
            choices.append((f"sum({q})", s.fields[q], lambda rows: sum(some(q)(rows)) + (0 if s.fields[q] == "int" else 0.0), False))
            choices.append((f"mean({q})", "float", lambda rows: sum(some(q)(rows)) / len(some(q)(rows)) if some(q)(rows) else None, True))
            choices.append((f"median({q})", "float", lambda rows: median(some(q)(rows)), True))
        if lists:
            choices.append((f"collect({any_})", [s.fields[any_]], some(any_), False))
        return r.choice(choices)

    def setting(self):
        def shown(f, text_):
            return f"{{value: '{text_}', where: '{yaml(text(self.where[f]))}'}}" if f in self.where else text_
        return "set: {%s}" % ", ".join(f"{f}: {shown(f, t)}" for f, (t, _, _) in self.all.items())

    def conditions(self, row):
        return {f: value(e, row) for f, e in self.where.items()}

    def types(self):
        return {f: kind for f, (_, kind, _) in self.all.items()}

    def compute(self, items):
        """items are rows with their conditions."""
        out = {}
        for f, (_, kind, of) in self.all.items():
            out[f] = of([row for row, conditions in items if f not in conditions or conditions[f] is True])
            if kind == "int" and not LEAST <= out[f] <= GREATEST if out[f] is not None else False:
                raise Failed("overflow")
        return out


def median(values):
    values = sorted(values)
    half = len(values) // 2
    if not values:
        return None
    return float(values[half]) if len(values) % 2 else (values[half - 1] + values[half]) / 2


def group(r, name, s):
    by = key_fields(r, s)
    a = Aggregates(r, name, s)
    keys, types, nullable = {f: ("field", f) for f in by}, {f: s.fields[f] for f in by}, s.nullable & set(by)
    if r.random() < 0.3:
        kind, made = r.choice(["int", "float", "string", "bool", "time", "date"]), Expressions(r, s.fields, s.nullable)
        keys[name + "_k"], types[name + "_k"] = made.made(kind, 2), kind
        nullable |= {name + "_k"} if made.may_be_null(keys[name + "_k"]) else set()
    by = list(keys)
    done, failed = computed(s.rows, lambda row: (tuple(value(e, row) for e in keys.values()), a.conditions(row)))
    groups = {} if by else {(): []}
    for row, (k, conditions) in done:
        groups.setdefault(k, []).append((row, conditions))
    rows, overflows = [], 0
    for k, items in groups.items():
        try:
            rows.append(dict(zip(by, k)) | a.compute(items))
        except Failed:
            overflows += 1
    shown = ", ".join(f if e[0] == "field" else f"{f}: '{yaml(text(e))}'" for f, e in keys.items())
    line = f"{{use: group, in: {s.port}, with: {{{f'by: [{shown}], ' if by else ''}{a.setting()}}}, on_error: dead}}"
    return Node(line, [Stream(name, types | a.types(), nullable | a.nullable, rows)], None if overflows else failed, len(failed) + overflows)


def near_times(s):
    """Fields of times that are near each other, so that lateness can bridge them: those of
    the column t, unless a computed field has taken its place."""
    return [f for f in s.fields if f[1:] == "t" and all(row[f] is None or 0 <= row[f] - NOON < 2 * DAY for row in s.rows)]


def timed(s, at, a):
    """The rows that have a time, with the conditions of the aggregates a, and the others."""

    def conditions(row):
        if row[at] is None:
            raise Failed("no time")
        return a.conditions(row)

    return computed(s.rows, conditions)


def windows_of(name, line, s, by, a, rows, failed, overflows, *more):
    types = {f: s.fields[f] for f in by} | {"start": "time", "end": "time"} | a.types()
    return Node(line, [Stream(name, types, s.nullable & set(by) | a.nullable, rows), *more], None if overflows else failed, len(failed) + overflows)


def window(r, name, s):
    hour = 3600 * SECOND
    at = r.choice(near_times(s))
    by = r.sample([f for f in s.fields if f != at], r.randrange(0, 2))
    size, every = r.choice([(1, 1), (6, 6), (6, 2), (3, 1)])
    late = r.choice([0, 1, 12, 48])
    a = Aggregates(r, name, s, lists=False)
    done, failed = timed(s, at, a)
    open_, lates, newest = {}, [], None
    for item in done:
        t = item[0][at]
        start = t // (every * hour) * every * hour
        starts = [start - i * every * hour for i in range(size // every)]
        mine = [b for b in starts if newest is None or b + size * hour > newest - late * hour]
        if not mine:
            lates.append(item[0])
        for b in mine:
            open_.setdefault((b, tuple(item[0][f] for f in by)), []).append(item)
        newest = t if newest is None else max(newest, t)
    rows, overflows = [], 0
    for (b, k), items in sorted(open_.items(), key=lambda pair: pair[0][0]):
        try:
            rows.append(dict(zip(by, k)) | {"start": b, "end": b + size * hour} | a.compute(items))
        except Failed:
            overflows += 1
    every_ = f", every: {every}h" if every != size else ""
    by_ = f"by: [{by[0]}], " if by else ""
    line = f"{{use: window, in: {s.port}, with: {{time: {at}, size: {size}h{every_}, lateness: {late}h, {by_}{a.setting()}}}, on_error: dead}}"
    return windows_of(name, line, s, by, a, rows, failed, overflows, s.like(name + ".late", lates))


class Key:
    """The key of a join: fields of left with fields of right, of types that can be equal."""

    def __init__(self, r, left, right):
        pairs = [(a, b) for a, t in left.fields.items() for b, u in right.fields.items() if t == u and t != "bool"]
        small = [(a, b) for a, b in pairs if a[1:] == b[1:] in ("n", "q", "k", "g", "m", "d", "a")]
        mixed = [(a, b) for a in left.fields for b in right.fields if {a[1:], b[1:]} in ({"n", "q"}, {"k", "g"}, {"m", "q"}, {"w", "g"}, {"m", "w"})]
        self.on = dict([r.choice(small)] if small and r.random() < 0.7 else r.sample(pairs, 1))
        anys = [pair for pair in pairs if left.fields[pair[0]] == "any"]
        if mixed and r.random() < 0.5:
            self.on = dict([r.choice(mixed)])
        elif anys and r.random() < 0.6:
            self.on = dict([r.choice(anys)])
        if r.random() < 0.2:
            a, b = r.choice(pairs)
            if a not in self.on and b not in self.on.values():
                self.on[a] = b
        self.types = [self.both(left.fields[a], right.fields[b]) for a, b in self.on.items()]
        self.left, self.right = left, right

    def both(self, t, u):
        """The type that holds both: a float if one of them is, else the longer decimal."""
        return t if t == u else "float" if "float" in (t, u) else max(t, u)

    def of(self, row, fields, stream):
        """The key of a row; None in the place of what the type of the key does not hold."""
        key = []
        for f, to in zip(fields, self.types):
            v, t = row[f], stream.fields[f]
            if v is not None and to == "float" and t != "float":
                v = (float(v) if float(v) == v else None) if t == "int" else as_float(v, int(t[-1]))
            key.append(v)
        return tuple(key)

    def of_left(self, row):
        return self.of(row, self.on, self.left)

    def of_right(self, row):
        return self.of(row, self.on.values(), self.right)

    def lost(self, row, fields, key):
        """Whether the key of a row lacks something that is there."""
        return any(v is None and row[f] is not None for f, v in zip(fields, key))

    def setting(self):
        return f"on: {{{', '.join(f'{a}: {b}' for a, b in self.on.items())}}}"


def join(r, name, left, right):
    kind = r.choice(["inner", "left", "right", "full", "semi", "anti"])
    k = Key(r, left, right)
    # Where items of right come out alone, the key is one field, and an item that it does not hold fails.
    failed, of = [], []
    rights = []
    for row in right.rows:
        if kind in ("right", "full") and k.lost(row, k.on.values(), k.of_right(row)):
            failed.append(row)
            of.append(right)
        else:
            rights.append(row)
    index = {}
    for i, row in enumerate(rights):
        if None not in k.of_right(row):
            index.setdefault(k.of_right(row), []).append(i)
    others = [f for f in right.fields if f not in k.on.values()]
    rows, met, alone = [], set(), []
    for row in left.rows:
        own = k.of_left(row)
        if kind == "full" and k.lost(row, k.on, own):
            failed.append(row)
            of.append(left)
            continue
        partners = index.get(own, []) if None not in own else []
        met.update(partners)
        if not partners:
            alone.append(row)
        if kind == "semi" and partners or kind == "anti" and not partners:
            rows.append(row)
        elif kind not in ("semi", "anti"):
            whole = row | dict(zip(k.on, own)) if kind in ("right", "full") else row
            rows += [whole | {f: rights[i][f] for f in others} for i in partners]
            if not partners and kind in ("left", "full"):
                rows.append(whole | dict.fromkeys(others))
    fields, nullable = dict(left.fields), set(left.nullable)
    if kind in ("right", "full"):
        fields |= dict(zip(k.on, k.types))
        for i, row in enumerate(rights):
            if i not in met:
                rows.append(dict.fromkeys(left.fields) | dict(zip(k.on, k.of_right(row))) | {f: row[f] for f in others})
    if kind not in ("semi", "anti"):
        fields |= {f: right.fields[f] for f in others}
        nullable |= {f for f in others if f in right.nullable or kind in ("left", "full")}
        if kind in ("right", "full"):
            nullable |= {f for f in left.fields if f not in k.on} | {a for a, b in k.on.items() if b in right.nullable}
    dead = ", on_error: dead" if failed else ""
    line = f"{{use: join, in: {{left: {left.port}, right: {right.port}}}, with: {{{k.setting()}, kind: {kind}}}{dead}}}"
    outs = [Stream(name, fields, nullable, rows)]
    if kind in ("inner", "right"):
        outs.append(left.like(name + ".unmatched", alone))
    return Node(line, outs, failed, of=of)


def window_join(r, name, left, right):
    """Pairs of items whose times are near, of which none is late."""
    k, kind, within = Key(r, left, right), r.choice(["inner", "left"]), r.choice([0, 1, 12])
    times = {}
    for s in (left, right):
        times[s.port] = r.choice(near_times(s))
    at, of_other = times[left.port], times[right.port]
    index = {}
    for row in right.rows:
        if row[of_other] is not None and None not in k.of_right(row):
            index.setdefault(k.of_right(row), []).append(row)
    others = [f for f in right.fields if f not in k.on.values()]
    rows = []
    for row in left.rows:
        if row[at] is None:
            continue
        own = k.of_left(row)
        partners = [other for other in index.get(own, []) if abs(other[of_other] - row[at]) <= within * 3600 * SECOND] if None not in own else []
        rows += [row | {f: other[f] for f in others} for other in partners]
        if not partners and kind == "left":
            rows.append(row | dict.fromkeys(others))
    fields = left.fields | {f: right.fields[f] for f in others}
    nullable = left.nullable | {f for f in others if f in right.nullable or kind == "left"}
    line = f"{{use: window_join, in: {{left: {left.port}, right: {right.port}}}, with: {{{k.setting()}, time: {{{at}: {of_other}}}, within: {within}h, lateness: 1000h, kind: {kind}}}, on_error: dead}}"
    count = sum(row[at] is None for row in left.rows) + sum(row[of_other] is None for row in right.rows)
    out = Stream(name, fields, nullable, rows)
    out.mixed = True
    return Node(line, [out], count=count)


def zip_(r, name, left, right):
    longest = r.random() < 0.6
    n = (max if longest else min)(len(left.rows), len(right.rows))
    line = f"{{use: zip, in: [{left.port}, {right.port}]" + (", with: {longest: true}" if longest else "") + "}"
    rows = []
    for i in range(n):
        rows.append({f: v for s in (left, right) for f, v in (s.rows[i] if i < len(s.rows) else dict.fromkeys(s.fields)).items()})
    fields = left.fields | right.fields
    return Node(line, [Stream(name, fields, set(fields) if longest else left.nullable | right.nullable, rows)])


def session(r, name, s):
    """Sessions in which nothing is late, and windows of a number of items."""
    at = r.choice(near_times(s))
    by = r.sample([f for f in s.fields if f != at], r.randrange(0, 2))
    gap, size, every = r.choice([1, 2, 7]), r.choice([1, 3, 10]), r.choice([1, 2, 10])
    counted = r.random() < 0.5
    a = Aggregates(r, name, s, lists=False)
    done, failed = timed(s, at, a)
    by_key, windows = {}, []
    for i, item in enumerate(done):
        by_key.setdefault(tuple(item[0][f] for f in by), []).append((i, item))
    gap_ns = gap * 3600 * SECOND
    for k, items in by_key.items():
        if counted:
            for begin in range(0, len(items), every):
                run = items[begin:begin + size]
                times = [item[0][at] for _, item in run]
                # Those that are not full leave at the end, in the order of the first item of each key.
                windows.append(((len(run) < size, run[-1][0] if len(run) == size else items[0][0]), k, min(times), max(times), run))
            continue
        runs = []
        for i, item in sorted(items, key=lambda pair: pair[1][0][at]):
            if not runs or item[0][at] - runs[-1][-1][1][0][at] >= gap_ns:
                runs.append([])
            runs[-1].append((i, item))
        for run in runs:
            last = run[-1][1][0][at] + gap_ns
            windows.append(((last, min(i for i, _ in run)), k, run[0][1][0][at], last, run))
    rows, overflows = [], 0
    for _, k, start, end, run in sorted(windows, key=lambda w: w[0]):
        try:
            rows.append(dict(zip(by, k)) | {"start": start, "end": end} | a.compute([item for _, item in sorted(run, key=lambda pair: pair[0])]))
        except Failed:
            overflows += 1
    by_ = f"by: [{by[0]}], " if by else ""
    how = f"count: {size}, every: {every}" if counted else f"session: {gap}h, lateness: 100h"
    line = f"{{use: window, in: {s.port}, with: {{time: {at}, {how}, {by_}{a.setting()}}}, on_error: dead}}"
    return windows_of(name, line, s, by, a, rows, failed, overflows)


def zip_as(r, name, left, right):
    """Whole items under names of their own."""
    longest = r.random() < 0.6
    n = (max if longest else min)(len(left.rows), len(right.rows))
    rows = [{f: s.rows[i] if i < len(s.rows) else None for f, s in (("one", left), ("two", right))} for i in range(n)]
    line = f"{{use: zip, in: [{left.port}, {right.port}], with: {{as: [one, two], longest: {str(longest).lower()}}}}}"
    return Node(line, [Stream(name, {"one": left.fields, "two": right.fields}, {"one", "two"} if longest else set(), rows)])


def fields_of_both(name, s, left, right):
    """Takes the items of zip_as apart again: a field of null is null."""
    parts = {f: whole for whole, part in (("one", left), ("two", right)) for f in part.fields}
    line = f"{{use: map, in: {s.port}, with: {{drop: [one, two], set: {{{', '.join(f'{f}: {whole}.{f}' for f, whole in parts.items())}}}}}}}"
    rows = [{f: row[whole] and row[whole][f] for f, whole in parts.items()} for row in s.rows]
    nullable = {f for f, whole in parts.items() if whole in s.nullable or f in left.nullable | right.nullable}
    return Node(line, [Stream(name, left.fields | right.fields, nullable, rows)])


ONE = [filter_, filter_, map_, map_, map_, route, sort, unique, group, group, window, session]
TWO = [join, join, join, zip_, zip_, zip_as, window_join]

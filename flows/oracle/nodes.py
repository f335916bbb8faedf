"""Random nodes: their text, and what leaves them, by the words of their pages."""

from expressions import Expressions, text
from meaning import Failed, GREATEST, LEAST, SECOND, key, value


class Stream:
    """What leaves a port: rows, the types of their fields, and which may be null."""

    def __init__(self, port, fields, nullable, rows):
        self.port, self.fields, self.nullable, self.rows = port, fields, nullable, rows

    def like(self, port, rows):
        return Stream(port, self.fields, self.nullable, rows)


class Node:
    def __init__(self, line, outs, failed=None, count=None):
        self.line, self.outs = line, outs
        self.failed = failed  # the rows that fail, in their order
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
        kind = r.choice(["int", "int", "float", "float", "string", "bool", "bool", "time", "duration"])
        target = f"{name}_{i}"
        if r.random() < 0.2 and len(names_of(s, kind)) > 1:
            target = r.choice(names_of(s, kind)[1:])  # a computed field replaces one of the same name
        sets[target] = (kind, made.made(kind, 3))
    if r.random() < 0.3:
        # A time stays: windows and expressions want one.
        dropped = r.choice([f for f in fields if f != names_of(s, "time")[0]])
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
    by = r.sample(list(s.fields), r.randrange(1, 3))
    minus = [r.random() < 0.5 for _ in by]
    first, limit = r.random() < 0.3, r.choice([None, None, 3, 50])
    rows = list(s.rows)
    for f, down in reversed(list(zip(by, minus))):
        with_value = sorted((row for row in rows if row[f] is not None), key=lambda row: key(row[f]), reverse=down)
        null = [row for row in rows if row[f] is None]
        rows = null + with_value if first else with_value + null
    settings = [f"by: [{', '.join(('-' if down else '') + f for f, down in zip(by, minus))}]"] + ["nulls: first"] * first + [f"limit: {limit}"] * bool(limit)
    return Node(f"{{use: sort, in: {s.port}, with: {{{', '.join(settings)}}}}}", [s.like(name, rows[:limit])])


def unique(r, name, s):
    by = r.sample(list(s.fields), r.randrange(0, 3))
    seen, rows = set(), []
    for row in s.rows:
        k = tuple(row[f] for f in by or s.fields)
        if k not in seen:
            seen.add(k)
            rows.append(row)
    return Node(f"{{use: unique, in: {s.port}" + (f", with: {{by: [{', '.join(by)}]}}" if by else "") + "}", [s.like(name, rows)])


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
        small = [f for f in s.fields if f[1:] in ("n", "q") and len(f) == 2]
        any_ = r.choice(list(s.fields))
        exact = names_of(s, "int", "string", "time")
        some = lambda f: lambda rows: [row[f] for row in rows if row[f] is not None]
        choices = [("count()", "int", len, False), (f"count({any_})", "int", lambda rows: len(some(any_)(rows)), False)]
        for which, i in ("first", 0), ("last", -1):
            choices.append((f"{which}({any_})", s.fields[any_], lambda rows, i=i: (some(any_)(rows) or [None])[i], True))
        if exact:
            f = r.choice(exact)
            choices.append((f"min({f})", s.fields[f], lambda rows: min(some(f)(rows), key=key, default=None), True))
            choices.append((f"max({f})", s.fields[f], lambda rows: max(some(f)(rows), key=key, default=None), True))
            choices.append((f"{r.choice(['distinct', 'count_distinct'])}({f})", "int", lambda rows: len(set(some(f)(rows))), False))
        if names_of(s, "int"):
            i = r.choice(names_of(s, "int"))
            choices.append((f"sum({i})", "int", lambda rows: sum(some(i)(rows)), False))
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
    by = r.sample(list(s.fields), r.randrange(0, 3))
    a = Aggregates(r, name, s)
    done, failed = computed(s.rows, a.conditions)
    groups = {} if by else {(): []}
    for item in done:
        groups.setdefault(tuple(item[0][f] for f in by), []).append(item)
    rows, overflows = [], 0
    for k, items in groups.items():
        try:
            rows.append(dict(zip(by, k)) | a.compute(items))
        except Failed:
            overflows += 1
    line = f"{{use: group, in: {s.port}, with: {{{f'by: [{chr(44).join(by)}], ' if by else ''}{a.setting()}}}, on_error: dead}}"
    return Node(line, [Stream(name, {f: s.fields[f] for f in by} | a.types(), s.nullable & set(by) | a.nullable, rows)], None if overflows else failed, len(failed) + overflows)


def window(r, name, s):
    hour = 3600 * SECOND
    at = r.choice([f for f in s.fields if f[1:] == "t"])
    by = r.sample([f for f in s.fields if f != at], r.randrange(0, 2))
    size, every = r.choice([(1, 1), (6, 6), (6, 2), (3, 1)])
    late = r.choice([0, 1, 12, 48])
    a = Aggregates(r, name, s, lists=False)
    done, failed = [], []
    for row in s.rows:
        try:
            if row[at] is None:
                raise Failed("no time")
            done.append((row, a.conditions(row)))
        except Failed:
            failed.append(row)
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
    types = {f: s.fields[f] for f in by} | {"start": "time", "end": "time"} | a.types()
    return Node(line, [Stream(name, types, s.nullable & set(by) | a.nullable, rows), s.like(name + ".late", lates)], None if overflows else failed, len(failed) + overflows)


def join(r, name, left, right):
    kind = r.choice(["inner", "left", "right", "full", "semi", "anti"])
    pairs = [(a, b) for a, t in left.fields.items() for b, u in right.fields.items() if t == u and t != "bool"]
    small = [(a, b) for a, b in pairs if a[1:] == b[1:] in ("n", "q")]
    on = dict([r.choice(small)] if small and r.random() < 0.7 else r.sample(pairs, 1))
    if r.random() < 0.2:
        a, b = r.choice(pairs)
        if a not in on and b not in on.values():
            on[a] = b
    index = {}
    for i, row in enumerate(right.rows):
        k = tuple(row[b] for b in on.values())
        if None not in k:
            index.setdefault(k, []).append(i)
    others = [f for f in right.fields if f not in on.values()]
    rows, met, alone = [], set(), []
    for row in left.rows:
        partners = index.get(tuple(row[a] for a in on), [])
        met.update(partners)
        if not partners:
            alone.append(row)
        if kind == "semi" and partners or kind == "anti" and not partners:
            rows.append(row)
        elif kind not in ("semi", "anti"):
            rows += [row | {f: right.rows[i][f] for f in others} for i in partners]
            if not partners and kind in ("left", "full"):
                rows.append(row | dict.fromkeys(others))
    if kind in ("right", "full"):
        for i, row in enumerate(right.rows):
            if i not in met:
                rows.append({f: row[on[f]] if f in on else None for f in left.fields} | {f: row[f] for f in others})
    fields, nullable = dict(left.fields), set(left.nullable)
    if kind not in ("semi", "anti"):
        fields |= {f: right.fields[f] for f in others}
        nullable |= {f for f in others if f in right.nullable or kind in ("left", "full")}
        if kind in ("right", "full"):
            nullable |= {f for f in left.fields if f not in on} | {a for a, b in on.items() if b in right.nullable}
    line = f"{{use: join, in: {{left: {left.port}, right: {right.port}}}, with: {{on: {{{', '.join(f'{a}: {b}' for a, b in on.items())}}}, kind: {kind}}}}}"
    outs = [Stream(name, fields, nullable, rows)]
    if kind in ("inner", "right"):
        outs.append(left.like(name + ".unmatched", alone))
    return Node(line, outs)


def zip_(r, name, left, right):
    longest = r.random() < 0.6
    n = (max if longest else min)(len(left.rows), len(right.rows))
    line = f"{{use: zip, in: [{left.port}, {right.port}]" + (", with: {longest: true}" if longest else "") + "}"
    rows = []
    for i in range(n):
        rows.append({f: v for s in (left, right) for f, v in (s.rows[i] if i < len(s.rows) else dict.fromkeys(s.fields)).items()})
    fields = left.fields | right.fields
    return Node(line, [Stream(name, fields, set(fields) if longest else left.nullable | right.nullable, rows)])


ONE = [filter_, filter_, map_, map_, map_, route, sort, unique, group, window]
TWO = [join, join, zip_]

"""Random expressions that a flow accepts, as trees, and their text."""

from decimal import Decimal

from sources import NOON, TEXTS
from meaning import DAY, SECOND, date_text, duration_text, time_text

OPERATORS = {"+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??", "contains", "startsWith", "endsWith"}

# What is written otherwise than as a function of its name.
WRITTEN = {
    "time_text": "string({})", "same_time": "time(string({}))", "same_int": "int(string({}))", "begins": "time({})", "date_text": "string({})", "same_date": "to_date(string({}))",
    "days_between": "({} - {})", "plus_days": "({} + {})", "minus_days": "({} - {})", "decimal2_text": "string({})", "decimal3_text": "string({})", "json_int": "int({})",
} | {part + "_of": part + "({})" for part in ("year", "month", "day", "weekday", "yearday")}
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]


def quoted(s):
    out = ""
    for c in s:
        out += {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\u2028": "\\u2028"}.get(c, c)
    return f'"{out}"'


def text(e):
    op, *a = e
    if op == "lit":
        v, kind = a
        if kind == "time":
            return f'time("{time_text(v)}")'
        if kind == "duration":
            return f'duration("{duration_text(v)}")'
        if kind == "date":
            return f'to_date("{date_text(v)}")'
        if isinstance(v, bool):
            return str(v).lower()
        if isinstance(v, str):
            return quoted(v)
        return f"({v})" if v < 0 else str(v)
    if op == "field":
        return a[0]
    if op in OPERATORS or op == "concat":
        return f"({text(a[0])} {'+' if op == 'concat' else op} {text(a[1])})"
    if op == "?:":
        return f"({text(a[0])} ? {text(a[1])} : {text(a[2])})"
    if op in ("null?", "some?"):
        return f"({text(a[0])} {'==' if op == 'null?' else '!='} null)"
    if op == "neg":
        return f"(-{text(a[0])})"
    if op == "not":
        return f"(!{text(a[0])})"
    if op == "in":
        return f"({text(a[0])} in [{', '.join(quoted(v) if isinstance(v, str) else str(v) for v in a[1])}])"
    if op == "at":
        return f"{text(a[0])}[{text(a[1])}]"
    if op == "cut":
        return f"{text(a[0])}[{text(a[1])}:{text(a[2])}]"
    if op in WRITTEN:
        return WRITTEN[op].format(*map(text, a))
    return f"{op}({', '.join(map(text, a))})"


class Expressions:
    """Over the fields of a stream: their types, and which may be null."""

    def __init__(self, r, fields, nullable):
        self.r, self.fields, self.nullable = r, fields, nullable

    def may_be_null(self, e):
        op, *a = e
        if op == "lit":
            return False
        if op == "field":
            return a[0] in self.nullable
        if op in ("at", "try", "json_int"):
            return True
        if op in ("null?", "some?"):
            return False
        if op == "in":
            return self.may_be_null(a[0])
        if op == "??":
            return self.may_be_null(a[1])
        if op == "?:":
            return self.may_be_null(a[1]) or self.may_be_null(a[2])
        return any(self.may_be_null(x) for x in a if isinstance(x, tuple))

    def field(self, kind):
        names = [f for f, t in self.fields.items() if t == kind]
        return ("field", self.r.choice(names)) if names else None

    def literal(self, kind):
        r = self.r
        return ("lit", {
            "int": lambda: r.choice([1, 2, 3, 10, -7, 1 << 40]), "float": lambda: r.choice([0.5, 2.0, -1.25, 1e10, 0.1]), "string": lambda: r.choice(TEXTS),
            "bool": lambda: r.random() < 0.5, "time": lambda: NOON + r.randrange(-9, 9) * 3600 * SECOND, "duration": lambda: r.randrange(1, 10**13),
            "date": lambda: NOON // DAY + r.randrange(-400, 400), "decimal2": lambda: r.choice([Decimal("0.25"), Decimal("1"), Decimal("-2.5")]), "decimal3": lambda: r.choice([Decimal("0.125"), Decimal("7")]),
        }[kind](), kind)

    def leaf(self, kind):
        return self.field(kind) or self.last(kind)

    def one(self, kind, depth):
        """An expression in which there is a field."""
        if depth <= 0 or self.r.random() < 0.15:
            return self.leaf(kind)
        return self.made(kind, depth)

    def other(self, kind, depth):
        """One that may be a literal."""
        # Of what is no decimal yet, a decimal is made beside one alone.
        return self.literal(kind) if self.r.random() < 0.4 and not kind.startswith("decimal") and kind != "any" else self.one(kind, depth)

    def beside(self, kind, depth):
        """What stands beside a decimal: one, or a number that is one."""
        return self.literal(kind) if self.r.random() < 0.4 else self.one(kind, depth)

    def decimals(self):
        return [k for k in ("decimal2", "decimal3") if k in self.fields.values()]

    def made(self, kind, depth):
        r, d = self.r, depth - 1
        if r.random() < 0.12:
            left = self.one(kind, d)
            if self.may_be_null(left):
                return ("??", left, self.other(kind, d))
        if r.random() < 0.1:
            return ("?:", self.one("bool", d), self.one(kind, d), self.other(kind, d), kind)
        if r.random() < 0.06:
            return ("try", self.one(kind, d))
        if kind.startswith("decimal"):
            return self.make_decimal(d, kind)
        return getattr(self, "make_" + kind)(d)

    def last(self, kind):
        """From the time that every stream has."""
        t = next((f for f, k in self.fields.items() if k == "time"))
        t = ("field", t)
        return {
            "int": ("hour", t), "float": ("float", ("hour", t)), "string": ("string", ("day", t)), "bool": ("<", t, self.literal("time")), "time": t,
            "duration": ("-", t, self.literal("time"), "duration"), "date": ("to_date", t),
        }[kind]

    def make_decimal(self, d, kind):
        r = self.r
        choice = r.randrange(6)
        if choice < 2:
            return (r.choice("+-"), self.one(kind, d), self.beside(kind, d), kind)
        if choice == 2:
            return ("*", *r.sample([self.one(kind, d), self.one("int", d)], 2), kind)
        if choice == 3:
            return (r.choice(["min", "max"]), self.one(kind, d), self.one(kind, d))
        if choice == 4:
            return (r.choice(["neg", "abs"]), self.one(kind, d))
        return self.field(kind)

    def make_any(self, d):
        return self.field("any")

    def make_date(self, d):
        r = self.r
        choice = r.randrange(5)
        if choice == 0:
            return ("to_date", self.one("time", d))
        if choice == 1:
            return (r.choice(["min", "max"]), self.one("date", d), self.other("date", d))
        if choice == 2:
            return ("same_date", self.one("date", d))
        # Other durations than whole days are errors, mostly.
        span = ("lit", r.choice([1, -3, 30, 365, 100_000]) * DAY, "duration") if r.random() < 0.8 else self.one("duration", d)
        return (r.choice(["plus_days", "minus_days"]), self.one("date", d), span)

    def make_int(self, d):
        r = self.r
        if r.random() < 0.12:
            choices = [(r.choice(["year_of", "month_of", "day_of", "weekday_of", "yearday_of"]), self.one("date", d))]
            choices += [("int", self.one(k, d)) for k in self.decimals()]
            choices += [("json_int", self.field("any"))] * ("any" in self.fields.values())
            return r.choice(choices)
        choice = r.randrange(12)
        if choice == 9:
            return (r.choice(["min", "max"]), self.one("int", d), self.other("int", d))
        if choice == 10:
            return (r.choice(["indexOf", "lastIndexOf"]), self.one("string", d), self.other("string", d))
        if choice == 11:
            return r.choice([("same_int", self.one("int", d)), ("yearday", self.one("time", d))])
        if choice < 4:
            return (r.choice("+-*"), self.one("int", d), self.other("int", d), "int")
        if choice == 4:
            return ("%", self.one("int", d), self.other("int", d))
        if choice == 5:
            return (r.choice(["neg", "abs"]), self.one("int", d))
        if choice == 6:
            return ("len", self.one("string", d))
        if choice == 7:
            return ("int", self.one("float", d))
        return (r.choice(["year", "month", "day", "hour", "unix", "weekday"]), self.one("time", d))

    def make_float(self, d):
        r = self.r
        if self.decimals() and r.random() < 0.1:
            return ("float", self.one(r.choice(self.decimals()), d))
        choice = r.randrange(9)
        if choice == 7:
            return r.choice([(r.choice(["floor", "ceil", "floor"]), self.one("float", d)), ("seconds", self.in_week(d))])
        if choice == 8:
            return (r.choice(["min", "max"]), self.one("float", d), self.other("float", d))
        if choice < 3:
            kinds = r.choice([("float", "float"), ("float", "float"), ("int", "float"), ("float", "int")])
            return (r.choice("+-*"), self.one(kinds[0], d), self.other(kinds[1], d), "float")
        if choice == 3:
            return ("/", self.one(r.choice(["int", "float"]), d), self.other(r.choice(["int", "float"]), d))
        if choice == 4:
            return ("abs", self.one("float", d))
        if choice == 5:
            return ("float", self.one("int", d))
        return ("sqrt", self.one("float", d))

    def make_string(self, d):
        r = self.r
        if r.random() < 0.08:
            kind = r.choice(["date"] + self.decimals())
            return (kind + "_text", self.one(kind, d))
        choice = r.randrange(10)
        if choice == 7:
            return (r.choice(["trim", "reverse"]), self.one("string", d))
        if choice == 8:
            return (r.choice(["padLeft", "padRight"]), self.one("string", d), ("lit", r.randrange(6), "int"), ("lit", r.choice("0é"), "string"))
        if choice == 9:
            return r.choice([(r.choice(["trimPrefix", "trimSuffix"]), self.one("string", d), ("lit", r.choice(["a", "é", "x"]), "string")), ("time_text", self.one("time", d))])
        if choice == 0:
            return ("concat", self.one("string", d), self.other("string", d))
        if choice < 3:
            return (r.choice(["upper", "lower"]), self.one("string", d))
        if choice == 3:
            return ("string", self.one(r.choice(["int", "float"]), d))
        if choice == 4:
            return ("at", self.one("string", d), ("lit", r.randrange(-3, 4), "int"))
        if choice == 5:
            return ("cut", self.one("string", d), ("lit", r.randrange(-3, 4), "int"), ("lit", r.randrange(-3, 6), "int"))
        return ("replace", self.one("string", d), ("lit", r.choice("abxé"), "string"), ("lit", r.choice(["", "Q", "é"]), "string"))

    def make_bool(self, d):
        r = self.r
        choice = r.randrange(9)
        if choice < 3:
            if r.random() < 0.25:  # an int and a float are compared as the numbers that they are
                n = self.field("int") or self.one("int", d)
                return (r.choice(COMPARISONS), *r.sample([n, ("float", n)] if r.random() < 0.5 else [self.other("int", d), self.one("float", d)], 2))
            kind = r.choice(["int", "float", "string", "time", "duration", "date"] + self.decimals())
            if kind.startswith("decimal"):
                return (r.choice(COMPARISONS), *r.sample([self.one(kind, d), self.beside(kind, d) if r.random() < 0.6 else ("lit", r.choice([0, 3, -7]), "int")], 2))
            return (r.choice(COMPARISONS), self.one(kind, d), self.other(kind, d))
        if choice < 6:
            return (r.choice(["&&", "||"]), self.one("bool", d), self.one("bool", d))
        if choice == 6:
            return ("not", self.one("bool", d))
        if choice == 7:
            x = self.one(r.choice(sorted(set(self.fields.values()))), d)
            if self.may_be_null(x):
                return (r.choice(["null?", "some?"]), x)
        if r.random() < 0.5:
            return ("in", self.one("int", d), tuple(r.sample(range(9), 3)))
        return (r.choice(["contains", "startsWith", "endsWith"]), self.one("string", d), self.other("string", d))

    def in_week(self, d):
        """A duration that is a float to the nanosecond."""
        t = self.one("time", d)
        return ("-", t, ("truncate", t, ("lit", "1w", "string")), "duration")

    def make_time(self, d):
        r = self.r
        if r.random() < 0.4:
            return r.choice([
                ("date", self.one("time", d)), ("begins", self.one("date", d)), ("truncate", self.one("time", d), ("lit", r.choice(["15m", "1h", "1d", "1w", "month", "quarter", "year"]), "string")),
                ("same_time", ("truncate", self.one("time", d), ("lit", "1h", "string"))), (r.choice(["min", "max"]), self.one("time", d), self.other("time", d)),
            ])
        return (self.r.choice("+-"), self.one("time", d), self.other("duration", d), "time")

    def make_duration(self, d):
        r = self.r
        if r.random() < 0.15:
            return ("days_between", self.one("date", d), self.other("date", d))
        if r.random() < 0.6:
            return ("-", self.one("time", d), self.other("time", d), "duration")
        return (r.choice("+-"), self.one("duration", d), self.other("duration", d), "duration")

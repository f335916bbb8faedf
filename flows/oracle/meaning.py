"""What expressions, types and texts mean, by the words of the documentation.

Nothing here is shared with flowrun. A value is None, an int, a float, a str or a bool;
times and durations are ints, nanoseconds; dates are ints, days since 1970; a decimal is
a Decimal, which equals the ints and floats that are the same number; a JSON value is a
Json. A type is its name, a list of a type, or a dictionary of fields; decimal2 and
decimal3 stand for decimals of so many digits behind the point. An expression is a tuple:
an operator and its operands.
"""

import json
import math
import re
from decimal import Decimal, getcontext
from functools import lru_cache

getcontext().prec = 60  # more than any two decimals make

LEAST, GREATEST = -(1 << 63), (1 << 63) - 1
SECOND = 1_000_000_000
DAY = 86_400 * SECOND


class Failed(Exception):
    """An item for which something cannot be computed."""


def whole(n):
    if not LEAST <= n <= GREATEST:
        raise Failed("overflow")
    return n


def finite(x):
    if math.isnan(x) or math.isinf(x):
        raise Failed("not finite")
    return x


def float_text(x):
    """As JSON of JavaScript and Go has it: the shortest digits that give the number back,
    with an exponent from 1e21 on and below 1e-6."""
    sign = "-" if math.copysign(1, x) < 0 else ""
    if x == 0:
        return sign + "0"
    mantissa, _, exponent = f"{abs(x)!r}".partition("e")
    before, _, after = mantissa.partition(".")
    digits = (before + after).lstrip("0")
    point = len(before) + int(exponent or 0)
    if before.strip("0") == "":
        point = int(exponent or 0) - (len(after) - len(after.lstrip("0")))
    digits = digits.rstrip("0")
    if point > 21 or point < -5:
        rest = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    if point <= 0:
        return sign + "0." + "0" * -point + digits
    if len(digits) <= point:
        return sign + digits + "0" * (point - len(digits))
    return sign + digits[:point] + "." + digits[point:]


def fits(d, scale):
    """A decimal of at most 18 digits."""
    if abs(d.scaleb(scale)) >= 10**18:
        raise Failed("overflow")
    return d


def decimal_text(d, scale):
    text = f"{d:.{scale}f}"
    return text.removeprefix("-") if d == 0 else text


def as_float(d, scale):
    """The float that is written with the digits of a decimal; None if there is none."""
    x = float(d)
    return x if f"{x + 0.0:.{scale}f}" == decimal_text(d, scale) else None


class Json:
    """A JSON value by its text, equal to those that say the same."""

    def __init__(self, text):
        self.text = text
        self.says = self.canonical(json.loads(text, parse_int=Decimal, parse_float=Decimal))

    def canonical(self, v):
        if isinstance(v, dict):
            return ("object", frozenset((k, self.canonical(x)) for k, x in v.items()))
        if isinstance(v, list):
            return ("list", *map(self.canonical, v))
        return (type(v).__name__, v)

    def __eq__(self, other):
        return isinstance(other, Json) and self.says == other.says

    def __hash__(self):
        return hash(self.says)


@lru_cache(maxsize=None)
def days_of(year, month, day):
    """Days since 1970, by counting them."""
    days = day - 1
    for y in range(min(year, 1970), max(year, 1970)):
        days += (366 if leap(y) else 365) * (1 if year > 1970 else -1)
    return days + sum(month_days(year, m) for m in range(1, month))


def leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_days(year, month):
    return 29 if month == 2 and leap(year) else [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]


def date_of(ns):
    """Year, month, day and the nanosecond of the day."""
    days, rest = divmod(ns, DAY)
    year = 1970 + days // 366
    while days_of(year + 1, 1, 1) <= days:
        year += 1
    while days_of(year, 1, 1) > days:
        year -= 1
    days, month = days - days_of(year, 1, 1), 1
    while days >= month_days(year, month):
        days -= month_days(year, month)
        month += 1
    return year, month, days + 1, rest


def fraction(n, width):
    text = f"{n:0{width}}".rstrip("0")
    return "." + text if text else ""


FIRST_DATE, LAST_DATE = days_of(1, 1, 1), days_of(9999, 12, 31)


def date_text(days):
    year, month, day, _ = date_of(days * DAY)
    return f"{year:04}-{month:02}-{day:02}"


def plus_days(date, span):
    """A date and a duration of whole days."""
    if span % DAY != 0 or not FIRST_DATE <= date + span // DAY <= LAST_DATE:
        raise Failed("no date")
    return date + span // DAY


def json_int(v):
    """An int of a JSON value: a number without what is behind its point, or what a text says."""
    x = json.loads(v.text, parse_int=Decimal, parse_float=Decimal)
    if isinstance(x, str):
        if not re.fullmatch(r"[+-]?[0-9]+", x):
            raise Failed("no int")
        return whole(int(x))
    if x is None:
        return None
    if not isinstance(x, Decimal):
        raise Failed("no number")
    return whole(int(x)) if abs(x) < Decimal(1).scaleb(30) else whole(1 << 99)


def time_text(ns):
    year, month, day, rest = date_of(ns)
    seconds, nanos = divmod(rest, SECOND)
    return f"{year:04}-{month:02}-{day:02}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction(nanos, 9)}Z"


def duration_text(ns):
    """Hours, minutes and seconds; below a second its largest unit."""
    sign, ns = "-" if ns < 0 else "", abs(ns)
    if ns == 0:
        return "0s"
    for unit, width, name in (1_000, 3, "µs"), (1_000_000, 6, "ms"):
        if ns < 1_000:
            return f"{sign}{ns}ns"
        if ns < unit * 1_000:
            return f"{sign}{ns // unit}{fraction(ns % unit, width)}{name}"
    seconds, nanos = divmod(ns, SECOND)
    text = f"{seconds % 60}{fraction(nanos, 9)}s"
    if seconds >= 60:
        text = f"{seconds // 60 % 60}m{text}"
    if seconds >= 3600:
        text = f"{seconds // 3600}h{text}"
    return sign + text


def one_by_one(change):
    """Changes letters, each into one: those that Python makes two of stay, but for the
    capital I with a dot, which Unicode gives a small letter of its own."""
    return lambda s: "".join(change(c) if len(change(c)) == 1 else "i" if (c, change) == ("İ", str.lower) else c for c in s)


def at(s, i):
    i = i + len(s) if i < 0 else i
    return s[i] if 0 <= i < len(s) else None


def cut(s, i, j):
    i, j = (max(0, n + len(s)) if n < 0 else min(n, len(s)) for n in (i, j))
    return s[i:j] if i < j else ""


def remainder(a, b):
    if b == 0:
        raise Failed("by zero")
    return abs(a) % abs(b) * (-1 if a < 0 else 1)


def quotient(a, b):
    if b == 0:
        raise Failed("by zero")
    return finite(float(a) / float(b))


def number(kind, f):
    def compute(a, b):
        if kind == "float":
            try:
                return finite(f(float(a), float(b)))
            except OverflowError:
                raise Failed("not finite") from None
        if kind.startswith("decimal"):
            return fits(f(a, b), int(kind[-1]))
        return whole(f(a, b))
    return compute


def root(x):
    if x < 0:
        raise Failed("of a negative number")
    return math.sqrt(x)


def key(v):
    """What is compared: text by its bytes."""
    return v.encode() if isinstance(v, str) else v


def to_whole(f):
    """Rounds to whole floats, which keep the sign of what they were."""
    return lambda x: math.copysign(float(f(x)), x)


def truncate(t, unit):
    """Down to a multiple of a unit; weeks begin on Monday."""
    year, month, _, _ = date_of(t)
    if unit in ("month", "quarter", "year"):
        month = {"month": month, "quarter": (month - 1) // 3 * 3 + 1, "year": 1}[unit]
        return whole(days_of(year, month, 1) * DAY)
    size = {"15m": 900 * SECOND, "1h": 3600 * SECOND, "1d": DAY, "1w": 7 * DAY}[unit]
    return whole(t - (t + (3 * DAY if unit == "1w" else 0)) % size)


ARITHMETIC = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
COMPARE = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}
# Functions of values none of which is null.
STRICT = {
    "%": remainder, "/": quotient, "neg": lambda a: whole(-a), "abs": lambda a: whole(abs(a)) if isinstance(a, int) else abs(a), "len": len,
    "int": lambda x: whole(math.trunc(x)), "float": float, "sqrt": root,
    "concat": lambda a, b: a + b, "upper": one_by_one(str.upper), "lower": one_by_one(str.lower), "at": at, "cut": cut,
    "replace": lambda s, old, new: s.replace(old, new), "contains": lambda a, b: b in a, "startsWith": lambda a, b: a.startswith(b), "endsWith": lambda a, b: a.endswith(b),
    "string": lambda x: float_text(x) if isinstance(x, float) else str(x), "year": lambda t: date_of(t)[0], "month": lambda t: date_of(t)[1], "day": lambda t: date_of(t)[2],
    "hour": lambda t: t % DAY // (3600 * SECOND), "unix": lambda t: t // SECOND, "weekday": lambda t: (t // DAY + 3) % 7 + 1,
    "not": lambda b: not b, "floor": to_whole(math.floor), "ceil": to_whole(math.ceil), "max": lambda a, b: max(a, b, key=key), "min": lambda a, b: min(a, b, key=key),
    "trim": str.strip, "reverse": lambda s: s[::-1], "indexOf": lambda s, part: s.find(part), "lastIndexOf": lambda s, part: s.rfind(part),
    "padLeft": lambda s, n, fill: fill * (n - len(s)) + s, "padRight": lambda s, n, fill: s + fill * (n - len(s)),
    "trimPrefix": lambda s, p: s.removeprefix(p), "trimSuffix": lambda s, p: s.removesuffix(p),
    "date": lambda t: truncate(t, "1d"), "truncate": truncate, "yearday": lambda t: t // DAY - days_of(date_of(t)[0], 1, 1) + 1, "time_text": time_text, "same_time": lambda t: t,
    "seconds": lambda d: d / SECOND, "same_int": lambda i: i,
    "to_date": lambda t: t // DAY, "begins": lambda d: whole(d * DAY), "date_text": date_text, "same_date": lambda d: d, "days_between": lambda a, b: whole((a - b) * DAY),
    "plus_days": plus_days, "minus_days": lambda d, span: plus_days(d, -span), "year_of": lambda d: date_of(d * DAY)[0], "month_of": lambda d: date_of(d * DAY)[1],
    "day_of": lambda d: date_of(d * DAY)[2], "weekday_of": lambda d: (d + 3) % 7 + 1, "yearday_of": lambda d: d - days_of(date_of(d * DAY)[0], 1, 1) + 1,
    "decimal2_text": lambda d: decimal_text(d, 2), "decimal3_text": lambda d: decimal_text(d, 3), "json_int": json_int,
}


def value(e, row):
    """Computes an expression for a row."""
    op, *args = e
    if op == "lit":
        return args[0]
    if op == "field":
        return row[args[0]]
    if op in ("&&", "||"):
        decides = op == "||"  # what one side alone decides
        left = value(args[0], row)
        if left is decides:
            return left
        right = value(args[1], row)
        if right is decides:
            return right
        return None if left is None or right is None else not decides
    if op == "??":
        left = value(args[0], row)
        return value(args[1], row) if left is None else left
    if op == "?:":
        result = value(args[1] if value(args[0], row) is True else args[2], row)
        return float(result) if args[3] == "float" and result is not None else result
    if op == "try":
        try:
            return value(args[0], row)
        except Failed:
            return None
    if op in ("null?", "some?"):
        return (value(args[0], row) is None) == (op == "null?")
    if op == "in":
        x = value(args[0], row)
        return None if x is None else any(x == v for v in args[1])
    kind = args.pop() if op in ARITHMETIC else None
    values = [value(a, row) for a in args]
    if any(v is None for v in values):
        return None
    if kind:
        return number(kind, ARITHMETIC[op])(*values)
    if op in COMPARE:
        return COMPARE[op](*map(key, values))
    return STRICT[op](*values)

"""Random files: their text, and the rows that a reader should make of them."""

import json
from decimal import Decimal

from meaning import DAY, FIRST_DATE, GREATEST, LAST_DATE, LEAST, SECOND, Json, date_text, days_of, decimal_text, float_text, time_text

# What a field may hold, beside null. Whole floats and quarters below a thousand add up
# exactly in any order; the others go to the limits.
NOON = days_of(2024, 2, 28) * DAY
TEXTS = ["a", "b", "ab", "Zoë", "e\u0301", "é", "straße", "ΑΣ", "日本", "😀x", "ǆ", " a ", "x,y", 'q"q', "line\nline", "\t", "İ", "NULL", "0", "-", "a|b;c", "'", "\\n", "ﬁ", "\u2028", "", "\u00a0z\u3000"]
INTS = [0, 1, -1, 2, 3, 7, -8, 1 << 31, -(1 << 53) - 1, (1 << 53) + 1, GREATEST, GREATEST - 1, LEAST, LEAST + 1, 3_037_000_500]
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 0.2, 1 / 3, 1e-7, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e21, 999999999999999900000.0, 123456.789, 9007199254740993.0]
TIMES = [0, 1, -1, GREATEST, LEAST, NOON, NOON + DAY, days_of(1900, 3, 1) * DAY - SECOND, days_of(2000, 2, 29) * DAY + 123_456_789, days_of(2100, 3, 1) * DAY]

DATES = [0, -1, FIRST_DATE, LAST_DATE, NOON // DAY, NOON // DAY + 1, days_of(1900, 2, 28), days_of(1600, 2, 29), days_of(2262, 4, 12), days_of(1677, 9, 21)]
# Numbers that are equal, or nearly, as ints and as floats.
KEYS = [0, 1, -2, 1 << 53, (1 << 53) + 1, (1 << 53) + 2, -(1 << 53) - 1, -(1 << 53) - 2, GREATEST, GREATEST - 511, LEAST, 1 << 62]
DECIMALS = [Decimal(n).scaleb(-3) for n in (0, 1, -1, 500, 2_000, 10**18 - 1, 1 - 10**18, 123456789012345_672, 123456789012345_678, 123456789012345_000, 1_000_000_000_000_500)]
# What says the same stands in one line.
JSON = [
    "7", "7.0", "70e-1", "0.7E+1",
    '"\\u00e9"', '"é"', '"e\u0301"', '"7"',
    '{"a":1}', '{ "a" : 1 }', '{"a":1.0}',
    '{"b":[2],"a":"x"}', '{"a":"x","b":[2.0]}', '{"a":"\\u0078", "b":[ 2 ]}',
    "[1,2]", "[1.0, 2]", "[2,1]", "[]", "{}", "true", "false", "0", "-0", "0.0", "1e400", "10e399", "9007199254740993", "9007199254740992", "9007199254740993.0", '""', '"\\/"', '"/"', '{"a":{"b":null}}',
]

# Names of the columns of every file, and what is in them.
COLUMNS = {
    "n": "int", "i": "int", "q": "float", "f": "float", "s": "string", "b": "bool", "t": "time", "u": "time",
    "k": "int", "g": "float", "d": "date", "m": "decimal2", "w": "decimal3", "a": "any",
}
PRECISE = {"decimal2": '"decimal(9,2)?"', "decimal3": '"decimal(18,3)?"'}


def draw(r, column):
    if column == "n":
        return r.randrange(-5, 6)
    if column == "i":
        return r.choice(INTS) if r.random() < 0.5 else r.randrange(-1000, 1000)
    if column in ("k", "g"):
        key = r.choice(KEYS)
        return key if column == "k" else float(key) if r.random() < 0.8 else r.choice([2.5, -0.0, 0.5, 9223372036854775808.0, 123456789012345.672, 123456789012345.0, 999999999999999.9])
    if column == "d":
        return r.choice(DATES) if r.random() < 0.5 else NOON // DAY + r.randrange(-40, 40)
    if column == "m":
        return Decimal(r.randrange(-400, 400) * r.choice([1, 25])).scaleb(-2)
    if column == "w":
        return r.choice(DECIMALS) if r.random() < 0.7 else Decimal(r.randrange(-4000, 4000)).scaleb(-3)
    if column == "a":
        return Json(r.choice(JSON))
    if column == "q":
        return r.randrange(-40, 40) / 4 + 0.0
    if column == "f":
        return r.choice(FLOATS) if r.random() < 0.7 else r.uniform(-10, 10)
    if column == "s":
        return r.choice(TEXTS) if r.random() < 0.9 else "".join(r.choice(TEXTS) for _ in range(3))
    if column == "b":
        return r.random() < 0.5
    if column == "t":
        return NOON + r.randrange(0, 48 * 60) * 60 * SECOND
    return r.choice(TIMES) if r.random() < 0.5 else r.randrange(LEAST, GREATEST)


class Source:
    """A file. Its fields have the letter of the source before the name of the column."""

    def __init__(self, r, letter, rows, declared=False):
        self.r, self.letter = r, letter
        self.format = r.choice(["csv", "csv", "jsonl", "jsonl", "tsv"])
        self.sampled = declared is False and rows > 0 and r.random() < 0.4
        # A sample makes floats of decimals, and of JSON whatever it is; csv has none.
        left_out = {"m", "w", "a"} if self.sampled else {"a"} if self.format != "jsonl" else set()
        columns = r.sample([c for c in COLUMNS if c not in left_out], r.randrange(3, len(COLUMNS) + 1 - len(left_out)))
        columns += [c for c in ("t",) if c not in columns] + [c for c in ("a",) if c not in columns and c not in left_out and r.random() < 0.6]
        self.fields = {letter + c: COLUMNS[c] for c in columns}
        self.rows, self.bad, lines = [], [], []
        nulls = {c: r.choice([0, 0, 0.1, 0.5]) for c in columns}
        line = 2 if self.format != "jsonl" else 1
        for _ in range(rows):
            row = {letter + c: None if r.random() < nulls[c] else draw(r, c) for c in columns}
            if self.sampled and row.get(letter + "s") in ("", "0"):
                row[letter + "s"] = "c"  # a column of nothing else would be no text
            text, good = self.line(row)
            lines.append(text)
            if good:
                self.rows.append(row)
            else:
                self.bad.append(line)
            line += text.count("\n") + 1
        self.nullable = {f for f in self.fields if not self.sampled or any(row[f] is None for row in self.rows)}
        if self.sampled and any(all(row[f] is None for row in self.rows) for f in self.fields):
            return self.__init__(r, letter, rows, declared=True)  # nobody can tell the type of nothing
        head = [self.separator().join(self.fields)] if self.format != "jsonl" else []
        self.text = "\n".join(head + lines) + r.choice(["\n", ""])

    def separator(self):
        return "\t" if self.format == "tsv" else ","

    def line(self, row):
        """The text of a row. Where the type is declared, some are bad."""
        spoilt = None
        if not self.sampled and self.r.random() < 0.05:
            spoilt = self.r.choice(list(row))
            if self.fields[spoilt] in ("string", "any"):
                spoilt = None
        if self.format == "jsonl":
            members = []
            for name, v in row.items():
                if v is None and name != spoilt and self.r.random() < 0.5 and not self.sampled:
                    continue  # a missing key is null
                members.append(json.dumps(name) + ":" + (self.r.choice(self.wrong(name, True)) if name == spoilt else self.json(name, v)))
            if not self.sampled:
                if members and self.r.random() < 0.1:
                    members.insert(0, members[-1])  # a key that comes twice counts as it came last
                if self.r.random() < 0.1:
                    members.append('"other":{"x":[1,"\\u00e9"]}')
                if self.r.random() < 0.3:
                    self.r.shuffle(members)
            return "{" + self.r.choice([",", ", "]).join(members) + "}", spoilt is None
        cells = [self.r.choice(self.wrong(name, False)) if name == spoilt else self.cell(name, v) for name, v in row.items()]
        if not self.sampled and self.r.random() < 0.01:
            return self.separator().join(cells + ["1"]), False
        return self.separator().join(cells), spoilt is None

    def wrong(self, name, in_json):
        kind = self.fields[name]
        words = {
            "int": ["1.0", "9223372036854775808", "-9223372036854775809", '"x"', "1e2", "true"], "float": ["1e400", '"x"', "true", "-1e309"],
            "bool": ["1", '"yes"', "0"], "time": ['"2023-02-29T00:00:00Z"', '"2024-01-01T24:00:00Z"', '"2024-01-01T00:00:00"', '"1677-01-01T00:00:00Z"', '"2262-04-12T00:00:00Z"', "true"],
            "date": ['"2023-02-29"', '"0000-12-31"', '"10000-01-01"', '"2024-01-01T00:00:00Z"', '"2024-1-1"', '"24-01-01"', "20240101", "true"],
            "decimal2": ["1.005", "10000000", "-10000000.00", '"x"', "1e7", "1e-3", "true"], "decimal3": ["0.0001", "1000000000000000", "1e15", '"x"', "9223372036854775807", "true"],
        }[kind]
        return words if in_json else [w.strip('"') for w in words]

    def literal(self, name, v):
        kind = self.fields[name]
        if kind == "float":
            # Of a sampled type more digits than a float has make text.
            text = self.r.choice([float_text(v), repr(v)] + [f"{v:.17e}"] * (not self.sampled))
            # A column of which all is whole would be sampled as ints.
            return text if not self.sampled or "." in text or "e" in text else text + ".0"
        if kind == "time":
            # Of a sampled type the offset counts, so there is none.
            return time_text(v) if self.sampled or self.r.random() < 0.6 else self.shifted(v)
        if kind == "bool":
            return "true" if v else "false"
        if kind == "date":
            return date_text(v)
        if kind in PRECISE:
            return self.r.choice([decimal_text(v, int(kind[-1])), f"{v.normalize():f}", f"{v.normalize():e}", decimal_text(v, 7)])
        return str(v)

    def shifted(self, v):
        """The same time with an offset."""
        minutes = self.r.choice([60, -300, 345, -1439, 1439])
        if not LEAST < v + minutes * 60 * SECOND < GREATEST:
            return time_text(v)
        return time_text(v + minutes * 60 * SECOND)[:-1] + f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    def json(self, name, v):
        if v is None:
            return "null"
        if isinstance(v, str):
            return json.dumps(v, ensure_ascii=self.r.random() < 0.5)
        if isinstance(v, Json):
            return v.text
        text, kind = self.literal(name, v), self.fields[name]
        return f'"{text}"' if kind in ("time", "date") or kind in PRECISE and self.r.random() < 0.3 else text

    def cell(self, name, v):
        if v is None:
            return ""
        if isinstance(v, str):
            if any(c in v for c in '",\t\n;|') or self.r.random() < 0.2 or v in ("", "0", "-", "NULL"):
                return '"' + v.replace('"', '""') + '"'
            return v
        text = self.literal(name, v)
        return text.upper() if self.fields[name] == "bool" and self.r.random() < 0.2 and not self.sampled else text

    def node(self, name):
        as_ = "" if self.sampled else ", as: {%s}" % ", ".join(f"{f}: {PRECISE.get(t, t + '?')}" for f, t in self.fields.items())
        return f"  {name}: {{use: file.read, with: {{path: {name}.{self.format}{as_}}}, on_error: dead}}"

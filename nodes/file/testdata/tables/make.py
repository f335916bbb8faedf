"""Makes the files of this folder, with programs that are not flowrun. See README.md.

    python make.py FOLDER             writes the files
    python make.py FOLDER --check     reads the files that flowrun has written there, FOLDER/flowrun.parquet
                                      and FOLDER/flowrun.avro, and compares them with rows.jsonl and
                                      more.jsonl
"""
import base64, datetime as dt, decimal, json, random, sys, uuid

N = 70
UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
r = random.Random(7)


def opt(f):
    return [None if r.random() < .2 else f(i) for i in range(N)]


def clock(i, us):
    return dt.time(i % 24, i % 60, (i * 7) % 60, us)


def parquet_columns():
    import pyarrow as pa
    return [
        ("i", pa.array(range(N), pa.int64())),
        ("i8", pa.array(opt(lambda i: i - 50), pa.int8())),
        ("u32", pa.array(opt(lambda i: 4294967295 - i), pa.uint32())),
        ("u64", pa.array(opt(lambda i: i * 10**15), pa.uint64())),
        ("f", pa.array(opt(lambda i: i / 4), pa.float32())),
        ("d", pa.array(opt(lambda i: i * 1.1), pa.float64())),
        ("h", pa.array(opt(lambda i: i % 7 / 2), pa.float16())),
        ("b", pa.array(opt(lambda i: i % 3 == 0), pa.bool_())),
        ("s", pa.array(opt(lambda i: "text %d é" % i), pa.string())),
        ("w", pa.array(opt(lambda i: ["a", "bb", "ccc"][i % 3]), pa.string())),
        ("by", pa.array(opt(lambda i: bytes([i, 0, 255])), pa.binary())),
        ("fx", pa.array(opt(lambda i: bytes([i] * 5)), pa.binary(5))),
        ("dec", pa.array(opt(lambda i: decimal.Decimal(i * 37 - 1000) / 100), pa.decimal128(9, 2))),
        ("dec18", pa.array(opt(lambda i: decimal.Decimal(i * 10**12 - 7) / 10000), pa.decimal128(18, 4))),
        ("day", pa.array(opt(lambda i: dt.date(1900, 1, 1) + dt.timedelta(days=i * 400)), pa.date32())),
        ("tms", pa.array(opt(lambda i: dt.datetime(1969, 12, 30) + dt.timedelta(hours=i, milliseconds=i)), pa.timestamp("ms", tz="UTC"))),
        ("tus", pa.array(opt(lambda i: dt.datetime(1969, 12, 30) + dt.timedelta(hours=i, microseconds=i)), pa.timestamp("us"))),
        ("tns", pa.array(opt(lambda i: dt.datetime(1969, 12, 30) + dt.timedelta(hours=i, microseconds=i)), pa.timestamp("ns", tz="UTC"))),
        ("dus", pa.array(opt(lambda i: clock(i, i)), pa.time64("us"))),
        ("dms", pa.array(opt(lambda i: clock(i, i * 1000)), pa.time32("ms"))),
        ("l", pa.array(opt(lambda i: [None if r.random() < .1 else j for j in range(i % 5)]), pa.list_(pa.int64()))),
        ("ll", pa.array(opt(lambda i: [None if r.random() < .1 else ["x%d" % k for k in range(j)] for j in range(i % 4)]), pa.list_(pa.list_(pa.string())))),
        ("st", pa.array(opt(lambda i: {"a": i if i % 2 else None, "s": {"x": "y%d" % i, "l": [i, i + 1]} if i % 3 else None}),
                        pa.struct([("a", pa.int64()), ("s", pa.struct([("x", pa.string()), ("l", pa.list_(pa.int32()))]))]))),
        ("ls", pa.array(opt(lambda i: [{"k": "k%d" % j, "v": j * .5 if j % 2 else None} for j in range(i % 4)]), pa.list_(pa.struct([("k", pa.string()), ("v", pa.float64())])))),
        ("m", pa.array(opt(lambda i: [("k%d" % j, j) for j in range(i % 3)]), pa.map_(pa.string(), pa.int64()))),
    ]


def logical(t, l, **more):
    return dict(type=t, logicalType=l, **more)


AVRO = {"type": "record", "name": "Row", "namespace": "a.b", "fields": [
    {"name": "i", "type": "long"}, {"name": "i32", "type": ["null", "int"]}, {"name": "f", "type": ["null", "float"]}, {"name": "d", "type": ["double", "null"]},
    {"name": "b", "type": ["null", "boolean"]}, {"name": "s", "type": ["null", "string"]}, {"name": "by", "type": ["null", "bytes"]},
    {"name": "fx", "type": ["null", {"type": "fixed", "name": "Five", "size": 5}]},
    {"name": "e", "type": {"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}}, {"name": "e2", "type": ["null", "Color"]},
    {"name": "dec", "type": ["null", logical("bytes", "decimal", precision=12, scale=3)]},
    {"name": "decf", "type": ["null", logical("fixed", "decimal", precision=9, scale=2, name="Price", size=4)]},
    {"name": "day", "type": ["null", logical("int", "date")]},
    {"name": "tms", "type": ["null", logical("long", "timestamp-millis")]}, {"name": "tus", "type": ["null", logical("long", "timestamp-micros")]},
    {"name": "lms", "type": ["null", logical("long", "local-timestamp-millis")]},
    {"name": "dms", "type": ["null", logical("int", "time-millis")]}, {"name": "dus", "type": ["null", logical("long", "time-micros")]},
    {"name": "u", "type": ["null", logical("string", "uuid")]},
    {"name": "l", "type": ["null", {"type": "array", "items": ["null", "long"]}]},
    {"name": "m", "type": ["null", {"type": "map", "values": "long"}]},
    {"name": "st", "type": ["null", {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": ["null", "int"]},
        {"name": "l", "type": {"type": "array", "items": {"type": "record", "name": "Innermost", "fields": [{"name": "x", "type": "string"}]}}}]}]},
    {"name": "un", "type": ["null", "int", "string", {"type": "array", "items": "string"}]},
    {"name": "num", "type": ["int", "double"]},
]}


def avro_rows():
    def o(v):
        return None if r.random() < .2 else v
    return [dict(
        i=i, i32=o(i * 1000 - 5), f=o(i / 4), d=o(i * 1.1), b=o(i % 3 == 0), s=o("text é %d" % i), by=o(bytes([i, 0])), fx=o(bytes([i] * 5)),
        e=["RED", "GREEN"][i % 2], e2=o("GREEN"), dec=o(decimal.Decimal((i - 90) * 7) / 1000), decf=o(decimal.Decimal(i * 31 - 1000) / 100),
        day=o(dt.date(1900, 1, 1) + dt.timedelta(days=i * 400)),
        tms=o(dt.datetime(1969, 12, 30, tzinfo=UTC) + dt.timedelta(hours=i, milliseconds=i)), tus=o(dt.datetime(1969, 12, 30, tzinfo=UTC) + dt.timedelta(hours=i, microseconds=i)),
        lms=o(dt.datetime(1969, 12, 30) + dt.timedelta(hours=i, milliseconds=i)), dms=o(clock(i, i * 1000)), dus=o(clock(i, i)),
        u=o(uuid.UUID(int=(i + 1) * 10**30)), l=o([o(j) for j in range(i % 4)]), m=o({"k%d" % j: j for j in range(i % 3)}),
        st=o(dict(a=o(i), l=[dict(x="x%d" % j) for j in range(i % 3)])), un=[None, i, "s%d" % i, ["p", "q"]][i % 4], num=i if i % 2 else i + .5) for i in range(N)]


def plain(v, places=None):
    """A value as jsonl files of flowrun have it."""
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if isinstance(v, decimal.Decimal):
        return Digits(v)
    if isinstance(v, dt.datetime):
        return v.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(v, dt.date):
        return v.isoformat()
    if isinstance(v, dt.time):
        return "%dus" % (((v.hour * 60 + v.minute) * 60 + v.second) * 10**6 + v.microsecond)
    if isinstance(v, uuid.UUID):
        return str(v)
    if isinstance(v, tuple):
        return {"key": v[0], "value": plain(v[1])}
    if isinstance(v, list):
        return [plain(x) for x in v]
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return v


class Digits(float):
    """A decimal, which JSON shows with all of its digits."""
    def __new__(cls, v):
        self = float.__new__(cls, v)
        self.text = format(v, "f")
        return self

    def __repr__(self):
        return self.text


def write(path, rows):
    with open(path, "w") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def make(folder):
    import duckdb, fastavro, pyarrow as pa, pyarrow.parquet as pq
    t = pa.table(dict(parquet_columns()))
    pq.write_table(t, folder + "/pyarrow-snappy.parquet", compression="snappy")
    pq.write_table(t, folder + "/pyarrow-pages-v2.parquet", compression="zstd", data_page_version="2.0", row_group_size=50, data_page_size=100, write_batch_size=7, write_page_checksum=True)
    pq.write_table(t, folder + "/pyarrow-delta.parquet", compression="gzip", use_dictionary=False, data_page_version="2.0", store_schema=False, column_encoding={
        "i": "DELTA_BINARY_PACKED", "u32": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "w": "DELTA_LENGTH_BYTE_ARRAY", "f": "BYTE_STREAM_SPLIT",
        "d": "BYTE_STREAM_SPLIT", "tus": "DELTA_BINARY_PACKED", "b": "RLE", "fx": "DELTA_BYTE_ARRAY", "u64": "BYTE_STREAM_SPLIT"})
    pq.write_table(t, folder + "/pyarrow-int96.parquet", compression="lz4", use_deprecated_int96_timestamps=True, store_schema=False)
    c = duckdb.connect()
    c.execute(f"copy (from '{folder}/pyarrow-snappy.parquet') to '{folder}/duckdb.parquet' (format parquet, compression uncompressed)")
    write(folder + "/rows.jsonl", [plain(row) for row in t.to_pylist()])
    rows = avro_rows()
    for codec in "null", "deflate", "snappy", "zstandard":
        with open(f"{folder}/fastavro-{codec}.avro", "wb") as f:
            fastavro.writer(f, fastavro.parse_schema(AVRO), rows, codec=codec, sync_interval=2000, sync_marker=b"0123456789abcdef")
    more = [plain(row) for row in rows]
    for row in more:
        row["m"] = None if row["m"] is None else [{"key": k, "value": v} for k, v in row["m"].items()]
    write(folder + "/more.jsonl", more)


def same(field, got, want):
    """Compares a value that flowrun has written with one of the jsonl file."""
    if want is None or got is None:
        return got is None and want is None
    if isinstance(want, str) and want.endswith("us") and isinstance(got, int):
        return got == int(want[:-2]) * 1000
    if isinstance(got, int) and isinstance(want, str) and want.endswith("Z"):
        return got == round((dt.datetime.fromisoformat(want.replace("Z", "+00:00")) - EPOCH) / dt.timedelta(microseconds=1)) * 1000
    if hasattr(got, "to_pydatetime"):
        got = got.to_pydatetime()
    if isinstance(got, dt.datetime):
        got = got.replace(tzinfo=None).isoformat() + "Z"
    if field == "un" and isinstance(got, str):
        got = json.loads(got)
    if isinstance(want, float):
        return float(got) == want
    if isinstance(want, list):
        return len(got) == len(want) and all(same("", a, b) for a, b in zip(got, want))
    if isinstance(want, dict):
        return got.keys() == want.keys() and all(same("", got[k], want[k]) for k in want)
    return plain(got) == want


def check(folder):
    import duckdb, fastavro, pyarrow.parquet as pq
    c = duckdb.connect()
    c.execute("set timezone = 'UTC'")
    q = c.execute(f"from '{folder}/flowrun.parquet'")
    names = [d[0] for d in q.description]
    wrong = 0
    for program, file, rows in [
        ("pyarrow", "rows.jsonl", pq.read_table(folder + "/flowrun.parquet").to_pylist()),
        ("DuckDB", "rows.jsonl", [dict(zip(names, row)) for row in q.fetchall()]),
        ("fastavro", "more.jsonl", list(fastavro.reader(open(folder + "/flowrun.avro", "rb")))),
    ]:
        want = [json.loads(line) for line in open(f"{folder}/{file}")]
        if len(rows) != len(want):
            print(f"{program} reads {len(rows)} rows, want {len(want)}")
            wrong += 1
        for i, (g, w) in enumerate(zip(rows, want)):
            for k in w:
                if not same(k, g[k], w[k]) and wrong < 20:
                    print(f"{program}, row {i + 1}, {k}: {g[k]!r}, want {w[k]!r}")
                    wrong += 1
        print(f"{program}: {len(rows)} rows compared")
    sys.exit(wrong > 0)


if sys.argv[2:] == ["--check"]:
    check(sys.argv[1])
else:
    make(sys.argv[1])

"""Reads rows of Avro with fastavro, says what they are as JSON of flowrun, and packs them again.

Standard input has a line of JSON for each schema: {"schema": ..., "rows": [hex, ...]}; standard
output one for each row: {"is": ..., "packed": hex}.
"""
import base64, datetime, io, json, sys
import fastavro


def is_json(schema, v):
    """What a value is in JSON of flowrun."""
    if isinstance(schema, list):
        return None if v is None else is_json(next(s for s in schema if s != "null"), v)
    if isinstance(schema, dict) and schema["type"] == "record":
        return {f["name"]: is_json(f["type"], v[f["name"]]) for f in schema["fields"]}
    if isinstance(schema, dict) and schema["type"] == "array":
        return [is_json(schema["items"], x) for x in v]
    if isinstance(schema, dict) and schema["type"] == "map":
        return [{"key": k, "value": is_json(schema["values"], x)} for k, x in v.items()]
    if isinstance(v, datetime.datetime):
        text = v.astimezone(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "")
        return text.rstrip("0").rstrip(".") + "Z"
    if isinstance(v, datetime.date):
        return v.isoformat()
    if isinstance(v, datetime.time):
        return ((v.hour * 60 + v.minute) * 60 + v.second) * 1000000 + v.microsecond
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if type(v).__name__ == "Decimal":
        return float(v)
    if type(v).__name__ == "UUID":
        return str(v)
    return v


for line in sys.stdin:
    case = json.loads(line)
    schema = fastavro.parse_schema(case["schema"])
    for row in case["rows"]:
        source = io.BytesIO(bytes.fromhex(row))
        value = fastavro.schemaless_reader(source, schema, None)
        if source.read():
            sys.exit("bytes are left behind a row of " + json.dumps(case["schema"]))
        packed = io.BytesIO()
        fastavro.schemaless_writer(packed, schema, value)
        print(json.dumps({"is": is_json(case["schema"], value), "packed": packed.getvalue().hex()}))

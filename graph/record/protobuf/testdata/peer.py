"""Packs messages with Python's protobuf from their JSON, and says what it reads as JSON.

The first line of standard input is the name of a message and a FileDescriptorSet, as hex. Then
there is a line of JSON for each message: {"json": ..., "packed": hex}; standard output has one for
each, with what was packed from the one and read from the other.
"""
import json, sys
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

name, files = sys.stdin.readline().split()
pool = descriptor_pool.DescriptorPool()
for f in descriptor_pb2.FileDescriptorSet.FromString(bytes.fromhex(files)).file:
    pool.Add(f)
cls = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
for line in sys.stdin:
    case = json.loads(line)
    packed = json_format.Parse(json.dumps(case["json"]), cls(), descriptor_pool=pool).SerializeToString()
    read = json_format.MessageToDict(cls.FromString(bytes.fromhex(case["packed"])), descriptor_pool=pool)
    print(json.dumps({"json": read, "packed": packed.hex()}))

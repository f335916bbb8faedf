package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

func TestDecode(t *testing.T) {
	v := parse(t, `
path: out.csv
mode: append
where: |
  a > 1 and
  b
by: state
set: {one: 1, yes: true, none: null, half: .5, text: '"x"'}
every: 1h30m
most: 1.5MiB
retry: {attempts: 3}
proxy: {attempts: 2}
steps: [{attempts: 1}, {attempts: 2, wait: 0}]
port: 0x50
share: 1
token: abc
free: {z: [1, 2.5, true, ~, x], a: {}}
unit: MB
small: -128
workers: 1_0
head: True
`)
	var list diag.List
	got, want := newSink(), newSink()
	sinkSchema(t).Decode(v, &got, &list)
	if len(list) > 0 {
		t.Fatal(list)
	}
	want.Path, want.Mode, want.Every, want.Most = "out.csv", "append", 90*time.Minute, 1.5*(1<<20)
	want.Where = Text{"a > 1 and\nb\n", v.Get("where")}
	want.By = []Name{{"state", v.Get("by").Span}}
	for _, e := range v.Get("set").Entries {
		want.Set = append(want.Set, Pair[Text]{e.Key, e.KeySpan, Text{e.Value.Text, e.Value}})
	}
	want.Retry = retry{3, time.Minute} // the prototype's
	want.Proxy = &retry{2, time.Second}
	want.Steps = []retry{{1, time.Second}, {2, 0}} // SetDefaults'
	port := uint16(80)
	want.Port, want.Share, want.Token, want.Unit, want.Small = &port, 1, NewSecret("abc"), "MB", -128
	want.Workers, want.Head = 10, true
	free := v.Get("free")
	want.Free = Map[any]{
		{"z", free.Entries[0].KeySpan, []any{int64(1), 2.5, true, nil, "x"}},
		{"a", free.Entries[1].KeySpan, Map[any]{}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if x, ok := got.Set.Get("half"); x.Value != ".5" || !ok {
		t.Errorf("half is %v", x)
	}
	if x, ok := got.Set.Get("nothing"); x.Value != "" || ok {
		t.Errorf("nothing is %v", x)
	}
}

// A decoded struct shares nothing with the prototype that it was copied from.
func TestDecodeLeavesThePrototype(t *testing.T) {
	proto := newSink()
	port := uint16(1)
	proto.Port, proto.Proxy = &port, &retry{Wait: 5}
	s, err := Of(&proto)
	if err != nil {
		t.Fatal(err)
	}
	got := proto
	var list diag.List
	s.Decode(parse(t, "path: x\ntags: [q]\nport: 2\nproxy: {wait: 6s, attempts: 1}\nretry: {attempts: 1}"), &got, &list)
	if *got.Port != 2 || *proto.Port != 1 || got.Proxy.Wait != 6*time.Second || proto.Proxy.Wait != 5 || proto.Tags[0] != "a" || len(list) > 0 {
		t.Errorf("%v\ngot %+v\nprototype %+v", list, got, proto)
	}
	s.Decode(parse(t, "path: x\nport: ~\n"), &got, &list)
	if got.Port != nil {
		t.Errorf("null leaves %d", *got.Port)
	}
}

// Variables give settings of every type their text, in quotes or not, but only
// secrets take secrets.
func TestDecodeVariables(t *testing.T) {
	v := parse(t, `{path: "${N}", workers: "${N}", share: "${F}", head: "${T}", token: "${env:TOKEN}", where: "${N}", retry: {attempts: 1}}`)
	var list diag.List
	Substitute(v, lookupTest, &list)
	got := newSink()
	sinkSchema(t).Decode(v, &got, &list)
	if got.Path != "4" || got.Workers != 4 || got.Share != 1.5 && len(list) != 1 || !got.Head || got.Token.Reveal() != "geheim" || got.Where.Value != "4" {
		t.Errorf("%+v", got)
	}
	comparePicture(t, "share: 1.5", list, `
a.yaml:1:40: want at most 1, got 1.5 [E103]
    1 | {path: "${N}", workers: "${N}", share: "${F}", head: "${T}", token: "${env:TOKEN}", where: "${N}", retry: {attempts: 1}}
      |                                        ^^^^^^
`)
}

func TestDecodeFaults(t *testing.T) {
	for _, c := range decodeCases {
		text, want, _ := strings.Cut(strings.TrimPrefix(c, "\n"), "---\n")
		var list diag.List
		v := Parse(diag.NewSource("a.yaml", []byte(text)), &list)
		Substitute(v, lookupTest, &list)
		into := newSink()
		s := sinkSchema(t)
		s.Alias("threads", "workers")
		s.Decode(v, &into, &list)
		list.Sort()
		comparePicture(t, text, list, want)
	}
}

var decodeCases = []string{`
path: 12
mode: fial
where: {a: 1}
by: [a, b, c, d]
tags: x
set: [1]
every: 5
most: 64M
retry: 3
port: 65536
share: x
head: yes
small: -129
workers: 1.5
unit: x
---
a.yaml:1:7: want a string, got integer 12 [E103]
    1 | path: 12
      |       ^^
  hint: quote it: "12"
a.yaml:2:7: want fail, replace or append, got text "fial" [E103]
    2 | mode: fial
      |       ^^^^
  hint: did you mean "fail"?
a.yaml:3:8: want an expression, got a mapping [E103]
    3 | where: {a: 1}
      |        ^^^^^^
  hint: quote it: "{a: 1}"
a.yaml:4:5: want at most 3 items, got 4 [E103]
    4 | by: [a, b, c, d]
      |     ^^^^^^^^^^^^
a.yaml:5:7: want a list, got text "x" [E103]
    5 | tags: x
      |       ^
  hint: write [x]
a.yaml:6:6: want a mapping, got a list [E103]
    6 | set: [1]
      |      ^^^
a.yaml:7:8: want a duration, got integer 5 [E103]
    7 | every: 5
      |        ^
  hint: give the unit: 5s, or 5ms
a.yaml:8:7: want a size, got text "64M" [E103]
    8 | most: 64M
      |       ^^^
  hint: write 64MB
a.yaml:9:8: want a mapping, got integer 3 [E103]
    9 | retry: 3
      |        ^
  hint: it has the keys attempts, wait
a.yaml:10:7: want 0 to 65535, got 65536 [E103]
   10 | port: 65536
      |       ^^^^^
a.yaml:11:8: want a number, got text "x" [E103]
   11 | share: x
      |        ^
a.yaml:12:7: want true or false, got text "yes" [E103]
   12 | head: yes
      |       ^^^
  hint: write true
a.yaml:13:8: want -128 to 127, got -129 [E103]
   13 | small: -129
      |        ^^^^
a.yaml:14:10: want an integer, got float 1.5 [E103]
   14 | workers: 1.5
      |          ^^^
a.yaml:15:7: want upper case [E103]
   15 | unit: x
      |       ^
`, `
pth: x
threads: 4
retry: {atempts: 3, wait:5s: , xyz: 1}
---
a.yaml:1:1: unknown key "pth" [E101]
    1 | pth: x
      | ^^^
  hint: did you mean "path"?
a.yaml:2:1: unknown key "threads" [E101]
    2 | threads: 4
      | ^^^^^^^
  hint: did you mean "workers"?
a.yaml:3:9: unknown key "atempts" [E101]
    3 | retry: {atempts: 3, wait:5s: , xyz: 1}
      |         ^^^^^^^
  hint: did you mean "attempts"?
a.yaml:3:21: unknown key "wait:5s" [E101]
    3 | retry: {atempts: 3, wait:5s: , xyz: 1}
      |                     ^^^^^^^
  hint: put a space after the colon: wait: 5s
a.yaml:3:32: unknown key "xyz" [E101]
    3 | retry: {atempts: 3, wait:5s: , xyz: 1}
      |                                ^^^
  hint: there is attempts, wait
`, `
path: ''
mode: #fail
where:
by: ~
set:
every: ~
retry:
steps: [{}, ~]
port: 99999999999999999999
share: .inf
workers: 65
most: 100
free: 99999999999999999999
---
a.yaml:1:7: the text is empty [E103]
    1 | path: ''
      |       ^^
a.yaml:2:1: want fail, replace or append, got nothing [E103]
    2 | mode: #fail
      | ^^^^
  hint: everything after # is a comment; to use it, quote it: "#fail"
a.yaml:3:1: want an expression, got nothing [E103]
    3 | where:
      | ^^^^^
  hint: give a value, or leave the key out
a.yaml:4:5: want a list, got nothing [E103]
    4 | by: ~
      |     ^
  hint: give a value, or leave the key out
a.yaml:5:1: want a mapping, got nothing [E103]
    5 | set:
      | ^^^
  hint: give a value, or leave the key out
a.yaml:6:8: want a duration, got nothing [E103]
    6 | every: ~
      |        ^
  hint: give a value, or leave the key out
a.yaml:7:1: want a mapping, got nothing [E103]
    7 | retry:
      | ^^^^^
  hint: give a value, or leave the key out
a.yaml:8:9: the key "attempts" is required [E102]
    8 | steps: [{}, ~]
      |         ^^
  attempts (integer, at least 1): How often.
a.yaml:8:13: want a mapping, got nothing [E103]
    8 | steps: [{}, ~]
      |             ^
  hint: give a value, or leave the key out
a.yaml:9:7: integer too large: 99999999999999999999 [E103]
    9 | port: 99999999999999999999
      |       ^^^^^^^^^^^^^^^^^^^^
  hint: integers go from -9223372036854775808 to 9223372036854775807
a.yaml:10:8: want a finite number, got float .inf [E103]
   10 | share: .inf
      |        ^^^^
a.yaml:11:10: want 1 to 64, got 65 [E103]
   11 | workers: 65
      |          ^^
a.yaml:12:7: want at least 1kB, got 100 [E103]
   12 | most: 100
      |       ^^^
a.yaml:13:7: integer too large: 99999999999999999999 [E103]
   13 | free: 99999999999999999999
      |       ^^^^^^^^^^^^^^^^^^^^
  hint: integers go from -9223372036854775808 to 9223372036854775807; in quotes it is text
`, `
path: x
workers: 007
small: 1e1
every: 3 days
retry: {attempts: 1, wait: 5 s}
tags: [1, [x]]
by: [true]
head: ${env:TOKEN}
where: ${env:TOKEN}
free: [1, "${env:TOKEN}"]
token: 12
---
a.yaml:2:10: want an integer, got text "007" [E103]
    2 | workers: 007
      |          ^^^
  hint: write 7; octal is written 0o7
a.yaml:3:8: want an integer, got float 1e1 [E103]
    3 | small: 1e1
      |        ^^^
  hint: write 10
a.yaml:4:8: want a duration, got text "3 days" [E103]
    4 | every: 3 days
      |        ^^^^^^
  hint: write 3d
a.yaml:5:28: want a duration, got text "5 s" [E103]
    5 | retry: {attempts: 1, wait: 5 s}
      |                            ^^^
  hint: write 5s
a.yaml:6:8: want a string, got integer 1 [E103]
    6 | tags: [1, [x]]
      |        ^
  hint: quote it: "1"
a.yaml:6:11: want a string, got a list [E103]
    6 | tags: [1, [x]]
      |           ^^^
a.yaml:7:6: want a name, got true [E103]
    7 | by: [true]
      |      ^^^^
  hint: quote it: "true"
a.yaml:8:7: a secret cannot be used here [E103]
    8 | head: ${env:TOKEN}
      |       ^^^^^^^^^^^^
  hint: this setting is shown in logs and reports; only settings made for secrets take one
a.yaml:9:8: a secret cannot be used here [E103]
    9 | where: ${env:TOKEN}
      |        ^^^^^^^^^^^^
  hint: this setting is shown in logs and reports; only settings made for secrets take one
a.yaml:10:11: a secret cannot be used here [E103]
   10 | free: [1, "${env:TOKEN}"]
      |           ^^^^^^^^^^^^^^
a.yaml:11:8: want a string, got something that is no text [E103]
   11 | token: 12
      |        ^^
  hint: put it in quotes
`, `
free: &r {attempts: x, nope: 1}
retry: *r
path: x
unit: &n 1.5
workers: *n
proxy:
  wait: 1s
---
a.yaml:1:21: want an integer, got text "x" [E103]
    1 | free: &r {attempts: x, nope: 1}
      |                     ^
  used here (a.yaml:2:8)
    2 | retry: *r
      |        ^^
a.yaml:1:24: unknown key "nope" [E101]
    1 | free: &r {attempts: x, nope: 1}
      |                        ^^^^
  used here (a.yaml:2:8)
    2 | retry: *r
      |        ^^
  hint: there is attempts, wait
a.yaml:5:10: want an integer, got float 1.5 [E103]
    5 | workers: *n
      |          ^^
  the value is written here (a.yaml:4:10)
    4 | unit: &n 1.5
      |          ^^^
a.yaml:6:1: the key "attempts" is required [E102]
    6 | proxy:
      | ^^^^^
  attempts (integer, at least 1): How often.
`, `
- path: x
---
a.yaml:1:1: want a mapping, got a list [E103]
    1 | - path: x
      | ^
`, `
path:x
---
a.yaml:1:1: want a mapping, got text "path:x" [E103]
    1 | path:x
      | ^^^^^^
  hint: put a space after the colon: path: x
`}

// What is missing is reported where the caller says, or at the mapping.
func TestDecodeAt(t *testing.T) {
	src := diag.NewSource("a.yaml", []byte("use: sink\nwith: {}\n"))
	at := diag.Span{Source: src, Line: 1, Col: 6, Width: 4}
	for text, want := range map[string]string{"": "a.yaml:1:6", "~": "a.yaml:1:6", "workers: 2": "a.yaml:1:6"} {
		var list diag.List
		into := newSink()
		v := parse(t, text)
		if text == "" {
			v = nil
		}
		sinkSchema(t).DecodeAt(v, at, &into, &list)
		if got := fmt.Sprint(list); got != "["+want+`: the key "path" is required]` && got != want+`: the key "path" is required` {
			t.Errorf("%q: %s", text, got)
		}
	}
	var list diag.List
	into := newSink()
	sinkSchema(t).Decode(nil, &into, &list)
	sinkSchema(t).Decode(&Value{Bad: true}, &into, &list)
	if got := list.Error(); got != `the key "path" is required` {
		t.Error(got)
	}
}

func TestDecodeIntoAnother(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); p != "config: the schema of config.sink cannot decode into *config.retry" {
			t.Error(p)
		}
	}()
	sinkSchema(t).Decode(nil, &retry{}, new(diag.List))
}

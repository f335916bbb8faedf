package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
)

// The functions over texts.

// text1 is a call of text -> text.
func text1(f func(s string) string) call {
	return func(_ *row, a []value) (value, error) { return textValue(f(a[0].s)), nil }
}

// textFunctions work on text. Lengths and positions count characters, not bytes.
func textFunctions() []function {
	return []function{
		{sig: "upper(text: string) string", summary: "The text in capital letters.", example: `upper("Ærø 7b") == "ÆRØ 7B"`,
			eval: func(r *row, a []value) (value, error) { return textValue(upper(r.arena, a[0].s)), nil }},
		{sig: "lower(text: string) string", summary: "The text in small letters.", example: `lower("AbC") == "abc"`,
			eval: func(r *row, a []value) (value, error) { return textValue(lower(r.arena, a[0].s)), nil }},
		{sig: "trim(text: string, characters: string = white space) string", summary: "The text without white space, or the characters given, at both ends.",
			example: `trim("  a b ") == "a b" && trim("--a--", "-") == "a"`, eval: trim},
		{sig: "trimPrefix(text: string, prefix: string) string", summary: "The text without a prefix, if it has it.",
			example: `trimPrefix("ORD-17", "ORD-") == "17"`,
			eval:    func(_ *row, a []value) (value, error) { return textValue(strings.TrimPrefix(a[0].s, a[1].s)), nil }},
		{sig: "trimSuffix(text: string, suffix: string) string", summary: "The text without a suffix, if it has it.",
			example: `trimSuffix("a.csv", ".csv") == "a"`,
			eval:    func(_ *row, a []value) (value, error) { return textValue(strings.TrimSuffix(a[0].s, a[1].s)), nil }},
		{sig: "split(text: string, separator: string, limit: int = -1) [string]", summary: "The parts between separators, at most limit of them; an empty separator splits after every character.",
			example: `split("a,b,c", ",") == ["a", "b", "c"] && split("a,b,c", ",", 2)[1] == "b,c"`, eval: split},
		{sig: "join(parts: [string], separator: string = none) string", summary: "The parts in one text with the separator between them; parts that are null are left out.",
			example: `join(["a", "b"], "-") == "a-b"`, eval: join},
		{sig: "replace(text: string, old: string, new: string) string", summary: "The text with every old replaced by new.",
			example: `replace("a.b.c", ".", "/") == "a/b/c"`, eval: replace},
		{sig: "replaceMatch(text: string, pattern: string, new: string) string", summary: "The text with every match of a regular expression replaced; $1 in new is the first group.",
			example: `replaceMatch("2024-05-17", "(\\d+)-(\\d+)-(\\d+)", "$3.$2.$1") == "17.05.2024"`, bind: bindReplaceMatch},
		{sig: "extract(text: string, pattern: string) string?", summary: "What the first group of a regular expression matches, or all of the match if there is no group; null if nothing matches.",
			example: `extract("4km W of Castaic, CA", "(\\d+)km") == "4" && extract("here", "\\d") == null`, bind: bindExtract},
		{sig: "repeat(text: string, times: int) string", summary: "The text so many times.", example: `repeat("ab", 2) == "abab"`, eval: repeat},
		{sig: "indexOf(text: string, part: string) int", summary: "Where a part begins, counted from 0; -1 if it is not there.", example: `indexOf("hello", "l") == 2`,
			eval: func(_ *row, a []value) (value, error) { return charIndex(a[0].s, strings.Index(a[0].s, a[1].s)), nil }},
		{sig: "lastIndexOf(text: string, part: string) int", summary: "Where the last such part begins; -1 if there is none.", example: `lastIndexOf("hello", "l") == 3`,
			eval: func(_ *row, a []value) (value, error) {
				return charIndex(a[0].s, strings.LastIndex(a[0].s, a[1].s)), nil
			}},
		{sig: "padLeft(text: string, width: int, fill: string = space) string", summary: "The text filled up on the left to a width.", example: `padLeft("7", 3, "0") == "007"`,
			eval: func(_ *row, a []value) (value, error) { p, err := padding(a); return textValue(p + a[0].s), err }},
		{sig: "padRight(text: string, width: int, fill: string = space) string", summary: "The text filled up on the right to a width.", example: `padRight("ab", 4, ".") == "ab.."`,
			eval: func(_ *row, a []value) (value, error) { p, err := padding(a); return textValue(a[0].s + p), err }},
		{sig: "sha256(text: string) string", summary: "The SHA-256 hash as 64 hexadecimal digits.",
			example: `sha256("")[:8] == "e3b0c442"`,
			eval: text1(func(s string) string {
				sum := sha256.Sum256(record.Bytes(s))
				return hex.EncodeToString(sum[:])
			})},
	}
}

// upper writes s in capitals into the arena; s itself where nothing changes.
func upper(arena *record.Arena, s string) string {
	return mapCase(arena, s, 'a', strings.ToUpper)
}

// lower is upper for small letters.
func lower(arena *record.Arena, s string) string {
	return mapCase(arena, s, 'A', strings.ToLower)
}

// mapCase turns the 26 letters from first on into those 32 further or before, and
// leaves text beyond ASCII to full.
func mapCase(arena *record.Arena, s string, first byte, full func(string) string) string {
	hit := false
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return full(s)
		}
		hit = hit || c-first < 26
	}
	if !hit {
		return s
	}
	b := arena.Alloc(len(s))
	for i := range b {
		c := s[i]
		if c-first < 26 {
			c ^= 'a' - 'A'
		}
		b[i] = c
	}
	return record.View(b)
}

// concat writes a and b into the arena.
func concat(arena *record.Arena, a, b string) (string, error) {
	switch {
	case len(a)+len(b) > maxTextBytes:
		return "", errLongText
	case a == "":
		return b, nil
	case b == "":
		return a, nil
	}
	out := arena.Alloc(len(a) + len(b))
	copy(out[copy(out, a):], b)
	return record.View(out), nil
}

func trim(_ *row, a []value) (value, error) {
	if len(a) == 1 {
		return textValue(strings.TrimSpace(a[0].s)), nil
	}
	return textValue(strings.Trim(a[0].s, a[1].s)), nil
}

func split(r *row, a []value) (value, error) {
	limit := -1
	if len(a) > 2 {
		if limit = int(min(max(a[2].n, -1), maxItems)); limit == 0 {
			return value{}, nil
		}
	}
	if limit < 0 {
		if n := strings.Count(a[0].s, a[1].s) + 1; n > maxItems {
			return null, errManyItems
		}
	}
	parts := strings.SplitN(a[0].s, a[1].s, limit)
	items := r.values(len(parts))
	for i, p := range parts {
		items[i] = textValue(p)
	}
	return listValue(items), nil
}

func join(r *row, a []value) (value, error) {
	separator := ""
	if len(a) > 1 {
		separator = a[1].s
	}
	r.buf = r.buf[:0]
	first := true
	for _, p := range a[0].list {
		if p.null {
			continue
		}
		if !first {
			r.buf = append(r.buf, separator...)
		}
		first = false
		if r.buf = append(r.buf, p.s...); len(r.buf) > maxTextBytes {
			return null, errLongText
		}
	}
	return textValue(r.arena.Copy(record.View(r.buf))), nil
}

func replace(_ *row, a []value) (value, error) {
	s, old, with := a[0].s, a[1].s, a[2].s
	if n := strings.Count(s, old); len(s)+n*(len(with)-len(old)) > maxTextBytes {
		return null, errLongText
	}
	return textValue(strings.ReplaceAll(s, old, with)), nil
}

func repeat(_ *row, a []value) (value, error) {
	s, n := a[0].s, a[1].n
	switch {
	case n < 0:
		return null, fmt.Errorf("repeat() wants no negative number, got %d", n)
	case s == "":
		return textValue(""), nil
	case n > int64(maxTextBytes/len(s)):
		return null, errLongText
	}
	return textValue(strings.Repeat(s, int(n))), nil
}

func charIndex(s string, i int) value {
	if i > 0 {
		i = length(s[:i])
	}
	return intValue(int64(i))
}

// padding gives what padLeft and padRight add.
func padding(a []value) (string, error) {
	fill := " "
	if len(a) > 2 {
		fill = a[2].s
	}
	missing := a[1].n - int64(length(a[0].s))
	width := int64(length(fill))
	switch {
	case missing <= 0:
		return "", nil
	case width == 0:
		return "", errors.New("there is nothing to fill with")
	case missing > maxTextBytes/int64(max(1, len(fill))):
		return "", errLongText
	}
	return cut(strings.Repeat(fill, int((missing+width-1)/width)), 0, missing), nil
}

// patternError puts an error of package regexp into a few words.
func patternError(err error) string {
	return strings.Replace(err.Error(), "error parsing regexp", "the pattern is not a regular expression", 1)
}

// patterns gives the compiled form of the pattern that is an argument: prepared if
// it is constant, else kept until it changes.
func patterns(n *node, arg int) (func(pattern string) (*regexp.Regexp, error), error) {
	var last *regexp.Regexp
	compile := func(pattern string) (*regexp.Regexp, error) {
		if last != nil && last.String() == pattern {
			return last, nil
		}
		re, err := regexp.Compile(strings.Clone(pattern)) // it outlives the batch
		if err != nil {
			return nil, errors.New(patternError(err))
		}
		last = re
		return re, nil
	}
	if p := n.args[arg]; p.isConst() && !p.val.null {
		if _, err := compile(p.val.s); err != nil {
			return nil, &argError{arg, err}
		}
	}
	return compile, nil
}

func bindReplaceMatch(n *node) (call, error) {
	compile, err := patterns(n, 1)
	if err != nil {
		return nil, err
	}
	return func(_ *row, a []value) (value, error) {
		re, err := compile(a[1].s)
		if err != nil {
			return null, err
		}
		if len(a[2].s) > 0 && (len(a[0].s)+1)*(len(a[2].s)+len(a[0].s)) > maxTextBytes {
			if n := len(re.FindAllStringIndex(a[0].s, -1)); len(a[0].s)+n*(len(a[2].s)+len(a[0].s)) > maxTextBytes {
				return null, errLongText
			}
		}
		return textValue(re.ReplaceAllString(a[0].s, a[2].s)), nil
	}, nil
}

func bindExtract(n *node) (call, error) {
	compile, err := patterns(n, 1)
	if err != nil {
		return nil, err
	}
	return func(_ *row, a []value) (value, error) {
		re, err := compile(a[1].s)
		if err != nil {
			return null, err
		}
		m := re.FindStringSubmatchIndex(a[0].s)
		group := 2
		if len(m) == 2 {
			group = 0
		}
		if m == nil || m[group] < 0 {
			return null, nil
		}
		return textValue(a[0].s[m[group]:m[group+1]]), nil
	}, nil
}

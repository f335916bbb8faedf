package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// JSON values travel as their text, which a reader has checked. The functions
// here look into such a text without decoding it; they trust that it is valid and
// merely stop where it is not.

// jsonKind tells what a JSON text is from its first character: one of { [ " 0
// (a number), t, f, n or 0 for nothing.
func jsonKind(s string) byte {
	s = strings.TrimLeft(s, " \t\r\n")
	if s == "" {
		return 0
	}
	if c := s[0]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

// skipSpace gives the first position at or behind i that is not white space.
func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// skipString gives the position behind the string that begins at i.
func skipString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// skipJSON gives the position behind the value that begins at i.
func skipJSON(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
			continue
		default:
			for i < len(s) && !strings.ContainsRune(",:]} \n\t\r", rune(s[i])) {
				i++
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return len(s)
}

// jsonItems visits the members of an object, with their keys as written, or the
// items of an array, with an empty key, until visit returns false.
func jsonItems(s string, visit func(key, item string) bool) {
	i := skipSpace(s, 0)
	if i >= len(s) || s[i] != '{' && s[i] != '[' {
		return
	}
	object := s[i] == '{'
	for i++; ; i++ {
		i = skipSpace(s, i)
		if i >= len(s) || s[i] == '}' || s[i] == ']' {
			return
		}
		key := ""
		if object {
			end := skipString(s, i)
			key, i = s[i:end], skipSpace(s, end)
			i = skipSpace(s, i+1) // the colon
		}
		if i >= len(s) {
			return
		}
		end := skipJSON(s, i)
		if !visit(key, s[i:end]) {
			return
		}
		i = skipSpace(s, end)
		if i >= len(s) || s[i] != ',' {
			return
		}
	}
}

// jsonMember finds a member of an object by name. Of a name that comes twice the
// last one counts, as in encoding/json.
func jsonMember(s, name string) (string, bool) {
	found, ok := "", false
	jsonItems(s, func(key, item string) bool {
		if key == "" {
			return false // an array
		}
		if sameKey(key, name) {
			found, ok = item, true
		}
		return true
	})
	return found, ok && jsonKind(found) != 'n'
}

func sameKey(key, name string) bool {
	if len(key) >= 2 && key[1:len(key)-1] == name && strings.IndexByte(name, '\\') < 0 {
		return true
	}
	if strings.IndexByte(key, '\\') < 0 {
		return false
	}
	var plain string
	return json.Unmarshal([]byte(key), &plain) == nil && plain == name
}

// jsonIndex finds an item of an array; a negative index counts from the end.
func jsonIndex(s string, index int64) (string, bool) {
	if jsonKind(s) != '[' {
		return "", false
	}
	if index < 0 {
		jsonItems(s, func(string, string) bool { index++; return true })
		if index < 0 {
			return "", false
		}
	}
	found, ok := "", false
	jsonItems(s, func(_, item string) bool {
		if ok = index == 0; ok {
			found = item
		}
		index--
		return !ok
	})
	return found, ok && jsonKind(found) != 'n'
}

// A step is one part of a path such as a.b[0]: a name or an index.
type step struct {
	name  string
	index int64
	isIdx bool
}

// parsePath reads a path: names divided by dots, and indexes in brackets. A name
// with dots or brackets in it stands in brackets and double quotes.
func parsePath(path string) ([]step, error) {
	var steps []step
	rest := path
	for rest != "" {
		if rest[0] != '[' {
			name := rest
			if i := strings.IndexAny(rest, ".["); i >= 0 {
				name = rest[:i]
			}
			if name == "" {
				return nil, fmt.Errorf("the path %q has an empty name", path)
			}
			steps = append(steps, step{name: name})
			rest = rest[len(name):]
		} else {
			end := strings.IndexByte(rest, ']')
			if strings.HasPrefix(rest, `["`) {
				if end = skipString(rest, 1); end >= len(rest) || rest[end] != ']' {
					end = -1
				}
			}
			if end < 0 {
				return nil, fmt.Errorf("a bracket of the path %q is not closed", path)
			}
			s, err := pathIndex(rest[1:end])
			if err != nil {
				return nil, fmt.Errorf("the path %q: %w", path, err)
			}
			steps = append(steps, s)
			rest = rest[end+1:]
		}
		if after, dot := strings.CutPrefix(rest, "."); dot {
			if rest = after; rest == "" {
				return nil, fmt.Errorf("the path %q ends in a dot", path)
			}
		} else if rest != "" && rest[0] != '[' {
			return nil, fmt.Errorf("the path %q lacks a dot", path)
		}
	}
	if len(steps) == 0 {
		return nil, errors.New("the path is empty")
	}
	return steps, nil
}

func pathIndex(text string) (step, error) {
	if strings.HasPrefix(text, `"`) {
		var name string
		if json.Unmarshal([]byte(text), &name) != nil {
			return step{}, fmt.Errorf("%s is no name", text)
		}
		return step{name: name}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return step{}, fmt.Errorf("%q is no index", text)
	}
	return step{index: n, isIdx: true}, nil
}

// follow walks a path into a JSON text.
func follow(s string, path []step) (string, bool) {
	ok := jsonKind(s) != 'n'
	for _, p := range path {
		if p.isIdx {
			s, ok = jsonIndex(s, p.index)
		} else {
			s, ok = jsonMember(s, p.name)
		}
		if !ok {
			return "", false
		}
	}
	return s, ok
}

// jsonText gives what a JSON string says, and any other JSON value as it is
// written.
func jsonText(s string) string {
	i := skipSpace(s, 0)
	if i >= len(s) || s[i] != '"' {
		return strings.TrimSpace(s)
	}
	end := skipString(s, i)
	if inner := s[i+1 : max(i+1, end-1)]; strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var plain string
	if json.Unmarshal([]byte(s), &plain) != nil {
		return s
	}
	return plain
}

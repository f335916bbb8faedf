package expr

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has texts as parts of addresses (RFC 3986, section 2).

// unreserved reports whether a byte stands for itself wherever it is in an address.
func unreserved(c byte) bool {
	return c-'a' < 26 || c-'A' < 26 || c-'0' < 10 || strings.IndexByte("-._~", c) >= 0
}

// urlEncode writes a blank as %20, and not as +, which is one in a query alone.
func urlEncode(r *row, a []value) (value, error) {
	s, more := a[0].s, 0
	for i := range len(s) {
		if !unreserved(s[i]) {
			more += 2
		}
	}
	switch {
	case more == 0:
		return a[0], nil
	case len(s)+more > maxTextBytes:
		return null, errLongText
	}
	const digits = "0123456789ABCDEF"
	out := r.arena.Alloc(len(s) + more)
	at := 0
	for i := range len(s) {
		if c := s[i]; !unreserved(c) {
			out[at], out[at+1], out[at+2] = '%', digits[c>>4], digits[c&15]
			at += 3
		} else {
			out[at] = c
			at++
		}
	}
	return textValue(record.View(out)), nil
}

func urlDecode(_ *row, a []value) (value, error) {
	s, err := url.PathUnescape(a[0].s)
	switch {
	case err != nil:
		return null, fmt.Errorf("%s has a %% that two hexadecimal digits do not follow", textIn(a[0].s))
	case !utf8.ValidString(s):
		return null, fmt.Errorf("%s is not UTF-8 text once it is decoded", textIn(a[0].s))
	}
	return textValue(s), nil
}

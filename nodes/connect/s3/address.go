package s3

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/flowrun/flowrun/nodes/file"
)

// This file takes addresses of objects apart.

// scheme is that of the addresses.
const scheme = "s3"

// An address says where objects are: a bucket, and a key, a pattern of keys, or the
// beginning of keys.
type address struct {
	bucket string
	key    string
}

var errAddress = errors.New("it is no address of objects; write s3://bucket/key")

func addressOf(text string) (address, error) {
	rest, ok := cutScheme(text)
	bucket, key, _ := strings.Cut(rest, "/")
	if !ok || bucket == "" || strings.ContainsAny(bucket, "*?[{@ ") {
		return address{}, errAddress
	}
	return address{bucket, key}, nil
}

func cutScheme(text string) (string, bool) {
	if len(text) < len("s3://") || !strings.EqualFold(text[:len("s3://")], "s3://") {
		return "", false
	}
	return text[len("s3://"):], true
}

func (a address) String() string { return "s3://" + a.bucket + "/" + a.key }

// isPattern reports whether the key has signs of patterns that no backslash takes away.
func (a address) isPattern() bool { return literal(a.key) != unescaped(a.key) }

// isFolder reports whether all keys below are meant.
func (a address) isFolder() bool { return a.key == "" || strings.HasSuffix(a.key, "/") }

// literal is the beginning of a pattern that every key has.
func literal(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.IndexByte("*?[{", c) >= 0:
			return b.String()
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescaped is a pattern without backslashes.
func unescaped(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

// prefix is what all keys begin with that may be meant.
func (a address) prefix() string {
	if a.isPattern() {
		return literal(a.key)
	}
	return unescaped(a.key)
}

// folder is the part of prefix up to its last slash, which a move takes off.
func (a address) folder() string {
	p := a.prefix()
	return p[:strings.LastIndexByte(p, '/')+1]
}

// has reports whether a key is meant.
func (a address) has(key string) bool {
	switch {
	case key == a.key:
		return true
	case a.isFolder():
		return strings.HasPrefix(key, a.prefix())
	case a.isPattern():
		ok, err := file.Matches(a.key, key)
		return ok && err == nil
	}
	return key == unescaped(a.key)
}

// check reports a bucket that can have no such name, and a pattern that is none.
func (a address) check() error {
	if err := s3utils.CheckValidBucketName(a.bucket); err != nil {
		return fmt.Errorf("%q cannot be the name of a bucket, which has small letters, digits, dots and hyphens, 3 to 63 of them", a.bucket)
	}
	if _, err := file.Matches(a.key, ""); err != nil && a.isPattern() {
		return errors.New("a bracket or brace in it is not closed; to mean the sign itself, write \\ before it")
	}
	return nil
}

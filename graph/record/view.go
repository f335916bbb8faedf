//go:build !flowrun_safe

package record

import "unsafe"

// This file and its twin view_safe.go hold all the unsafe code of flowrun.

// View gives bytes as a string that shares their memory: it changes with them and
// must not outlive them. With the build tag flowrun_safe it is a copy.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes gives the memory of a string, which must not be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func sizeOf[T any](p *T) uintptr { return unsafe.Sizeof(*p) }

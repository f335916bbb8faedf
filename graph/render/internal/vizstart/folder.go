package vizstart

import (
	"os"
	"path/filepath"
)

// This file finds the private folder in which go-graphviz keeps its compiled code.

// withFolder moves TMPDIR to the private folder until the function that it gives is called.
func withFolder() (restore func()) {
	previous, known := os.LookupEnv("TMPDIR")
	os.Setenv("TMPDIR", folder(os.UserCacheDir()))
	return func() {
		if known {
			os.Setenv("TMPDIR", previous)
		} else {
			os.Unsetenv("TMPDIR")
		}
	}
}

// folder is what TMPDIR becomes: the private folder below the user's cache
// folder, or the null device when there is none to be trusted.
func folder(cache string, err error) string {
	if err != nil {
		return os.DevNull
	}
	dir := filepath.Join(cache, "flowrun")
	if err := private(dir); err != nil {
		return os.DevNull
	}
	return dir
}

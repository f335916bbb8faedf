package cli

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// This file finds out how the user called the program.

// command is how the user called the program, so that a hint works when it is typed
// as it stands: a name that was found on the path or a path, as it was written, or
// `go run PACKAGE` if the go command built the program for this one call.
func command(argv0 string) string {
	build, _ := debug.ReadBuildInfo()
	if build != nil && ofGoRun(argv0) && strings.Contains(build.Path, "/") { // else files, not a package, were named
		dir, _ := os.Getwd()
		return "go run " + packageFrom(dir, build.Path, build.Main.Path)
	}
	return shellWord(strings.TrimSuffix(argv0, ".exe"))
}

// ofGoRun tells whether a program stands where `go run` puts it: in a temporary
// folder the first time, and later in the cache of the go command.
func ofGoRun(program string) bool {
	return goRunPlace.MatchString(filepath.ToSlash(program))
}

var goRunPlace = regexp.MustCompile(`/go-build\d+/b001/exe/[^/]+$|/[0-9a-f]{2}/[0-9a-f]{64}-d/[^/]+$`)

// packageFrom writes a package as the go command takes it in a folder: relative
// inside its module, by its import path elsewhere.
func packageFrom(dir, pkg, module string) string {
	inside, ok := strings.CutPrefix(pkg, module)
	if !ok || module == "" {
		return pkg
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil {
			if !declares(string(text), module) {
				return pkg
			}
			rel, err := filepath.Rel(dir, filepath.Join(at, filepath.FromSlash(inside)))
			if err != nil {
				return pkg
			}
			if rel = filepath.ToSlash(rel); rel != "." && !strings.HasPrefix(rel, "../") {
				rel = "./" + path.Clean(rel)
			}
			return shellWord(rel)
		}
		if at == filepath.Dir(at) {
			return pkg
		}
	}
}

// declares tells whether a go.mod is that of a module.
func declares(text, module string) bool {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "module" {
			return strings.Trim(words[1], `"`) == module
		}
	}
	return false
}

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// geopack builds the command and gives a function that calls it.
func geopack(t *testing.T) func(args ...string) (stdout, stderr string, code int) {
	path := filepath.Join(t.TempDir(), "geopack")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if text, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return func(args ...string) (string, string, int) {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(path, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
}

// The command is flowrun in every way, with one kind more.
func TestCommand(t *testing.T) {
	call := geopack(t)
	stdout, stderr, code := call("run", "near.yaml")
	if want := `{"name":"San Francisco International","km":24}` + "\n"; code != 0 || strings.Count(stdout, "\n") != 5 || !strings.Contains(stdout, want) {
		t.Errorf("run: %d\n%s%s", code, stdout, stderr)
	}
	for _, test := range []struct {
		args []string
		want []string
		code int
	}{
		{[]string{"nodes"}, []string{"geo.distance", "file.read", "join"}, 0},
		{[]string{"nodes", "geo.distance"}, []string{"latitude", "-90 to 90", "How far it is from Berlin", "over a sphere", "{name: string, latitude: float, longitude: float}"}, 0},
		{[]string{"render", "near.yaml"}, []string{"<svg", "geo.distance", "nearest"}, 0},
		{[]string{"types", "near.yaml"}, []string{"km: float"}, 0},
		{[]string{"check", "testdata/south.yaml"}, []string{"south.yaml:5:57", "latitude", "want -90 to 90, got 91.5"}, 2},
	} {
		stdout, stderr, code := call(test.args...)
		if code != test.code {
			t.Errorf("%v ends with %d, not %d", test.args, code, test.code)
		}
		for _, want := range test.want {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%v does not say %q:\n%s%s", test.args, want, stdout, stderr)
			}
		}
	}
}

// The kind keeps the laws of kinds: see package nodetest.
func TestKinds(t *testing.T) {
	nodetest.New(std.Nodes, Nodes).Conform(t, Nodes...)
}

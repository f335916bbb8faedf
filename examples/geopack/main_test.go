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

// kit runs flows with the kinds of the command: see package nodetest.
var kit = nodetest.New(std.Nodes, Nodes)

// The kind keeps the laws of kinds.
func TestKinds(t *testing.T) { kit.Conform(t, Nodes...) }

func TestDistance(t *testing.T) {
	const place = "{name: string, latitude: float, longitude: float}"
	kit.CheckOne(t, place, "geo.distance", "{latitude: 0, longitude: 0}",
		`{"name":"here","latitude":0,"longitude":0}`+"\n"+`{"name":"a quarter round","latitude":0,"longitude":90}`+"\n"+`{"name":"the pole","latitude":90,"longitude":0}`+"\n",
		`{"name":"here","km":0}`+"\n"+`{"name":"a quarter round","km":10008}`+"\n"+`{"name":"the pole","km":10008}`+"\n")
	none := map[string]string{"in.jsonl": ""}
	kit.Refuse(t, nodetest.One(place, "geo.distance", "{latitude: 91, longitude: 0}"), none, "latitude", "want -90 to 90")
	kit.Refuse(t, nodetest.One("{name: string}", "geo.distance", "{latitude: 0, longitude: 0}"), none, "latitude")
}

package cli

import (
	"errors"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// Which flowrun a program can build depends on how it was built itself.
func TestBuiltFrom(t *testing.T) {
	here, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	own := func(version string, r *debug.Module) debug.Module {
		return debug.Module{Path: ownModule, Version: version, Replace: r}
	}
	dep := own("v0.4.0", nil)
	local := own("v0.0.0", &debug.Module{Path: here, Version: "(devel)"})
	moved := own("v0.0.0", &debug.Module{Path: filepath.Join(here, "nowhere")})
	fork := own("v0.4.0", &debug.Module{Path: "example.com/fork", Version: "v1.0.0"})
	mine := debug.Module{Path: "flowrun-build", Version: "(devel)"}
	for name, test := range map[string]struct {
		info *debug.BuildInfo
		want string // "": nobody knows
	}{
		"a release":                            {&debug.BuildInfo{Main: own("v0.3.1", nil)}, "v0.3.1"},
		"a commit":                             {&debug.BuildInfo{Main: own("v0.0.0-20260101000000-0123456789ab", nil)}, "v0.0.0-20260101000000-0123456789ab"},
		"a tree":                               {&debug.BuildInfo{Main: own("(devel)", nil)}, ""},
		"a changed tree":                       {&debug.BuildInfo{Main: own("v0.3.1+dirty", nil)}, ""},
		"one that was built":                   {&debug.BuildInfo{Main: mine, Deps: []*debug.Module{{Path: "example.com/geo"}, &dep}}, "v0.4.0"},
		"one built from a folder":              {&debug.BuildInfo{Main: mine, Deps: []*debug.Module{&local}}, here},
		"one built from a folder that is gone": {&debug.BuildInfo{Main: mine, Deps: []*debug.Module{&moved}}, ""},
		"one built from a fork":                {&debug.BuildInfo{Main: mine, Deps: []*debug.Module{&fork}}, "example.com/fork v1.0.0"},
		"one without notes":                    {nil, ""},
	} {
		from, ok := builtFrom(test.info)
		if ok != (test.want != "") || ok && from.String() != test.want {
			t.Errorf("%s: got %q, %v, want %q", name, from, ok, test.want)
		}
	}
}

// What the go command says is told as what it is, with what to do.
func TestWordsForTheGoCommand(t *testing.T) {
	b := &buildCall{packs: []pack{{arg: "./geo"}, {arg: "x.example/y@v1"}}, from: provenance{version: "v0.3.1"}}
	for _, test := range []struct {
		said string
		code int
		want []string
	}{
		{"go: x.example/y@v1.0.0: Get \"https://proxy.golang.org/x\": dial tcp: lookup proxy.golang.org: no such host", 3, []string{"cannot be fetched", "GOPROXY"}},
		{"go: x.example/y@v9: invalid version: unknown revision v9", 2, []string{"unknown revision v9", "GOPRIVATE"}},
		{"go: module x.example/y@latest found (v1.0.0), but does not contain package x.example/y/z", 2, []string{"does not contain package"}},
		{"go: x.example/y@v1.0.0 requires github.com/flowrun/flowrun@v0.5.0, not github.com/flowrun/flowrun@v0.3.1", 2, []string{"another flowrun than v0.3.1", "--flowrun v0.5.0"}},
		{"go: go.mod requires go >= 1.26.0 (running go 1.22.1; GOTOOLCHAIN=local)", 3, []string{"too old", "Go 1.26.0"}},
		{"# flowrun-build\n./main.go:12:9: undefined: pack2.Nodes", 2, []string{"x.example/y@v1 has no exported variable Nodes", "docs/packs.md"}},
		{"# example.com/geo\n../geo/geo.go:9:20: undefined: nodes.Gone", 1, []string{"does not compile", "undefined: nodes.Gone", "another flowrun than v0.3.1"}},
		{"go: downloading a v1\ngo: something new", 1, []string{"something new"}},
	} {
		err := b.compileWords(&goError{spoken(test.said)})
		end, ok := errors.AsType[*ending](err)
		if strings.HasPrefix(test.said, "go: x") || strings.Contains(test.said, "module x") {
			end, ok = errors.AsType[*ending](b.fetchWords(&goError{spoken(test.said)}))
		}
		if !ok || end.code != test.code {
			t.Errorf("%s: got %v, want code %d", test.said, end, test.code)
			continue
		}
		for _, want := range test.want {
			if text := end.Error() + "\n" + end.hint.String(); !strings.Contains(text, want) || strings.Contains(text, "downloading") {
				t.Errorf("%s: want %q in\n%s", test.said, want, text)
			}
		}
	}
}

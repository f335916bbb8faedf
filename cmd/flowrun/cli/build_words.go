package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// This file calls the go command for the verb build, and puts what it says into words.

// A goTool is the go command in a folder.
type goTool struct{ dir string }

// A goError is what it said when it failed.
type goError struct{ said string }

func (e *goError) Error() string { return e.said }

// A goEnv is what it says of itself.
type goEnv struct{ GOVERSION, GOOS, GOARCH string }

// environment asks for it.
func (g goTool) environment(ctx context.Context) (env goEnv, err error) {
	text, err := g.run(ctx, "env", "-json", "GOVERSION", "GOOS", "GOARCH")
	if err == nil {
		err = json.Unmarshal(text, &env)
	}
	return env, err
}

// run calls it. The settings of the user hold, apart from those that would make it look
// at another module than the one in the folder. Paths of this machine are left out of the
// program, unless GOFLAGS has -trimpath=false.
func (g goTool) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=on", "GOWORK=off", "GOFLAGS=-trimpath "+os.Getenv("GOFLAGS")+" -mod=mod")
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	cmd.WaitDelay = 5 * time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return nil, &goError{spoken(said.String())}
	}
	return out.Bytes(), err
}

// pattern is compiled when it is needed first: most calls build nothing.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// spoken is what is worth to be read of what the go command said.
func spoken(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line != "" && !strings.HasPrefix(line, "go: downloading ") && !strings.HasPrefix(line, "# flowrun-build") {
			lines = append(lines, strings.TrimPrefix(line, "go: "))
		}
	}
	const most = 20
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d lines more", more))
	}
	return strings.Join(lines, "\n")
}

// What the go command says of a network, of what is not to be had, of versions that do
// not go together, and of itself.
var (
	noNetwork = pattern(`dial tcp|no such host|connection refused|connection reset|i/o timeout|TLS handshake|network is unreachable|no route to host|proxyconnect|GOPROXY=off|context deadline exceeded|Could not resolve host|50[234] `)
	notThere  = pattern(`unknown revision|no matching versions|invalid version|not found|does not contain package|no secure protocol found|malformed module path|could not read Username|terminal prompts disabled|unrecognized import path|cannot find module|no required module provides|disallowed version string|version .* invalid|reading .*: 4\d\d|\.info: no such file`)
	tooOld    = pattern(`requires ` + regexp.QuoteMeta(ownModule) + `@(\S+?),? not `)
	goTooOld  = pattern(`requires go >= (\S+)`)
)

// fetchWords says why modules could not be fetched.
func (b *buildCall) fetchWords(err error) error {
	said, ok := errors.AsType[*goError](err)
	if !ok {
		return err
	}
	if m := tooOld().FindStringSubmatch(said.said); m != nil {
		return misuse("the packs want another flowrun than %s:\n%s", b.from, said.said).or("--flowrun %s", m[1])
	}
	if m := goTooOld().FindStringSubmatch(said.said); m != nil {
		return (&ending{code: codeUnreachable, err: fmt.Errorf("the go command is too old:\n%s", said.said)}).or("install Go %s or newer from https://go.dev/dl", strings.Trim(m[1], "();,"))
	}
	switch {
	case noNetwork().MatchString(said.said):
		return (&ending{code: codeUnreachable, err: fmt.Errorf("modules cannot be fetched:\n%s", said.said)}).
			or("look at the network and at `go env GOPROXY`; what is on this machine is named by its folder: ./mypack, --flowrun FOLDER, --replace MODULE=FOLDER")
	case notThere().MatchString(said.said):
		return misuse("modules are not to be had:\n%s", said.said).or("look at the path and the version; for a private repository set GOPRIVATE, and see that git can read it")
	}
	return &ending{code: codeFailed, err: fmt.Errorf("modules cannot be fetched:\n%s", said.said)}
}

// packageWords says what is wrong with a package.
func (b *buildCall) packageWords(p *pack, said string) error {
	said = spoken(said)
	switch {
	case strings.Contains(said, "no Go files") || strings.Contains(said, "no non-test Go files") || strings.Contains(said, "build constraints exclude"):
		return misuse("%s: there is no Go package in it", p.arg).or("name the folder that has the kinds and Nodes")
	case noNetwork().MatchString(said):
		return b.fetchWords(&goError{said})
	}
	return misuse("%s: %s", p.arg, said)
}

var (
	noNodes    = pattern(`undefined: pack(\d+)\.Nodes|name Nodes not exported by package pack(\d+)|undefined: pack(\d+)$`)
	wrongNodes = pattern(`cannot use pack(\d+)\.Nodes \((.*?)\) as`)
)

// compileWords says why a program cannot be compiled.
func (b *buildCall) compileWords(err error) error {
	said, ok := errors.AsType[*goError](err)
	if !ok {
		return err
	}
	const remedy = "a pack exports its kinds: var Nodes = nodes.Pack(docs, ...), as docs/packs.md shows"
	if m := noNodes().FindStringSubmatch(said.said); m != nil {
		return misuse("%s has no exported variable Nodes", b.packOfNumber(m[1]+m[2]+m[3]).arg).or(remedy)
	}
	if m := wrongNodes().FindStringSubmatch(said.said); m != nil {
		return misuse("%s: its Nodes is a %s, want a variable of type []nodes.Decl", b.packOfNumber(m[1]).arg, m[2]).or(remedy)
	}
	if noNetwork().MatchString(said.said) || notThere().MatchString(said.said) || goTooOld().MatchString(said.said) {
		return b.fetchWords(err)
	}
	end := &ending{code: codeFailed, err: fmt.Errorf("it does not compile:\n%s", said.said)}
	if strings.Contains(said.said, "nodes.") || strings.Contains(said.said, "graph.") {
		end.or("a pack may be written for another flowrun than %s: --flowrun VERSION builds that", b.from)
	}
	return end
}

// packOfNumber is that of the line of main.go.
func (b *buildCall) packOfNumber(number string) pack {
	n, _ := strconv.Atoi(number)
	return b.packs[n-1]
}

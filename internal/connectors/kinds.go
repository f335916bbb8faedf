package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/arch"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
)

// This file asks the kinds.

// inner are the packs whose kinds work on items alone.
var inner = []string{"nodes/flow", "nodes/join", "nodes/timing", "nodes/window"}

const module = "github.com/flowrun/flowrun/"

// A pack is one that talks to the world.
type pack struct {
	path  string // below the module
	says  string // the first sentence of its documentation
	kinds []kind
}

type kind struct{ name, summary, delivers string }

// packsOf gives the packs by their paths, with their kinds by name.
func packsOf() ([]pack, error) {
	registry, err := nodes.NewRegistry(all.Nodes)
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	packages, err := arch.List(".")
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		docs[p.Path] = p.Says()
	}
	by := map[string]*pack{}
	for _, name := range registry.Kinds() {
		path := strings.TrimPrefix(reflect.TypeOf(registry.New(name)).Elem().PkgPath(), module)
		if slices.Contains(inner, path) {
			continue
		}
		p := by[path]
		if p == nil {
			p = &pack{path: path, says: "It " + docs[path] + "."}
			by[path] = p
		}
		spec, _ := registry.Spec(name)
		delivers, err := delivery(registry, spec)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.kinds = append(p.kinds, kind{name, spec.Summary, delivers})
	}
	var packs []pack
	for _, p := range by {
		packs = append(packs, *p)
	}
	slices.SortFunc(packs, func(a, b pack) int { return strings.Compare(a.path, b.path) })
	return packs, nil
}

// delivery says how a kind delivers, by what the operator of its example can do.
func delivery(registry *nodes.Registry, spec *graph.Spec) (string, error) {
	parts, n, err := exampleOf(registry, spec)
	if err != nil {
		return "", err
	}
	var words []string
	add := func(is bool, word string) {
		if is {
			words = append(words, word)
		}
	}
	acker, depends := n.Config.(graph.Acker)
	switch {
	case len(spec.In) == 0:
		add(parts.Seeker != nil, "replays")
		add(spec.Acks && !depends, "acknowledges")
		add(spec.Acks && depends && acker.Acks(), "acknowledges unless told otherwise")
		add(spec.Acks && depends && !acker.Acks(), "can acknowledge")
		add(len(words) == 0, "gives what comes, once")
	case len(spec.Out) == 0:
		w, can := n.Config.(graph.Withholder)
		withholds := false
		if can {
			_, withholds = w.Withholds(func(path string) string { return path })
		}
		add(withholds, "at the end of the run")
		flushes := parts.Flusher != nil || parts.Settler != nil
		add(flushes, "flushes")
		add(!flushes && !withholds, "at once")
	default:
		add(spec.State() == "", "keeps nothing")
		add(spec.State() != "", "keeps "+spec.State())
	}
	add(strings.Contains(strings.ToLower(spec.Doc), "idempoten"), "idempotent")
	return strings.Join(words, ", "), nil
}

// exampleOf makes the operator of the first example of a kind.
func exampleOf(registry *nodes.Registry, spec *graph.Spec) (parts nodes.Parts, n *graph.Node, err error) {
	if len(spec.Examples) == 0 {
		return parts, nil, fmt.Errorf("it has no example")
	}
	dir, err := os.MkdirTemp("", "flowrun-connectors-")
	if err != nil {
		return parts, nil, err
	}
	defer os.RemoveAll(dir)
	for name, text := range spec.Examples[0].Files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return parts, nil, err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return parts, nil, err
		}
	}
	given := func(string) (string, bool) { return "given", true } // a secret, such as a token
	src := diag.NewSource(filepath.Join(dir, "example.yaml"), []byte(spec.Examples[0].Flow))
	flow, list := graph.Load(src, registry, graph.Options{LookupEnv: given})
	if list.HasErrors() {
		return parts, nil, list
	}
	for _, n := range flow.Nodes {
		if n.Kind != spec.Kind {
			continue
		}
		env := &nodes.Env{Node: n, Flow: flow, Workers: 1, Stdin: strings.NewReader(""), Stdout: io.Discard, Log: slog.New(slog.DiscardHandler), Shared: &nodes.Resources{}}
		op, err := registry.Operator(n, env)
		if err != nil {
			return parts, nil, err
		}
		parts, err := nodes.PartsOf(op)
		if parts.Closer != nil {
			defer parts.Closer.Close()
		}
		return parts, n, err
	}
	return parts, nil, fmt.Errorf("its example does not have it")
}

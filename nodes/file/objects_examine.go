package file

import (
	"context"
	"slices"

	"github.com/flowrun/flowrun/nodes"
)

// This file is what `flowrun doctor` asks of stores. Files are no peers: check looks at them.

// Examine implements nodes.Examiner. What two addresses share, such as a server, is told once.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) (all []nodes.Finding) {
	for _, p := range k.Path {
		found := examine(env, k.stores, p.Value, func(s nodes.StoreExaminer) []nodes.Finding { return s.ExamineRead(ctx, p.Value, false) })
		for _, f := range found {
			if !slices.ContainsFunc(all, func(told nodes.Finding) bool { return told.Peer == f.Peer && told.What == f.What }) {
				all = append(all, f)
			}
		}
	}
	return all
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return examine(env, k.stores, k.Path.Value, func(s nodes.StoreExaminer) []nodes.Finding { return s.ExamineWrite(ctx, k.Path.Value) })
}

// examine opens the store of an address and looks around in it; a path has none.
func examine(env *nodes.Env, stores map[string]nodes.StoreOpener, address string, look func(s nodes.StoreExaminer) []nodes.Finding) []nodes.Finding {
	open := stores[nodes.Scheme(address)]
	if open == nil {
		return nil
	}
	store, err := open(&nodes.Env{Node: env.Node, Flow: env.Flow, Network: env.Network})
	if err != nil {
		return []nodes.Finding{{Peer: address, What: "connection", Err: err}}
	}
	defer store.Close()
	if s, ok := store.(nodes.StoreExaminer); ok {
		return look(s)
	}
	return nil
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
)

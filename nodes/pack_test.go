package nodes_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/flowrun/flowrun/nodes"
)

type echo struct{}

func (*echo) Map(_ context.Context, v int) (int, error) { return v, nil }

func echoDecl(kind string, opts ...nodes.Option) nodes.Decl {
	return nodes.Map(kind, "Gives what it gets.", &echo{}, opts...)
}

// texts is a folder docs, with the text of each kind.
func texts(pairs ...string) fstest.MapFS {
	docs := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		docs["docs/"+pairs[i]+".md"] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return docs
}

// The text of a kind is that of its file, or of its declaration.
func TestPackReadsDocs(t *testing.T) {
	kinds := []nodes.Decl{echoDecl("a.b"), echoDecl("c", nodes.Doc("In Go."))}
	registry, err := nodes.NewRegistry(nodes.Pack(texts("a.b", "\nIn `Markdown`.\n"), kinds...))
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]string{"a.b": "In `Markdown`.", "c": "In Go."} {
		if spec, _ := registry.Spec(kind); spec.Doc != want {
			t.Errorf("%s: %q, want %q", kind, spec.Doc, want)
		}
	}
	if kinds[0].Spec.Doc != "" {
		t.Error("the declaration that was given has changed")
	}
}

// Kinds without a text and texts without a kind are reported, all of them at once.
func TestPackReportsDocs(t *testing.T) {
	docs := texts("b", "Text.", "c", " \n", "d", "Text.", "e", "Text.")
	_, err := nodes.NewRegistry(nodes.Pack(docs, echoDecl("a"), echoDecl("b", nodes.Doc("Twice.")), echoDecl("c")))
	want := `kind a has no documentation: write docs/a.md
docs/d.md documents no kind of its pack, which has a, b, c
docs/e.md documents no kind of its pack, which has a, b, c
kind b is documented twice, by Doc and in docs/b.md
kind c has no documentation: docs/c.md is empty`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if _, err := nodes.NewRegistry(nodes.Pack(texts(), echoDecl("a"))); err == nil || !strings.Contains(err.Error(), "write docs/a.md") {
		t.Errorf("no docs at all: %v", err)
	}
}

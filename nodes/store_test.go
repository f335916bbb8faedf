package nodes_test

import (
	"errors"
	"testing"

	"github.com/flowrun/flowrun/nodes"
)

// A storeUser is a kind that uses stores of other packs.
type storeUser struct {
	stores map[string]nodes.StoreOpener
}

func (s *storeUser) UseStores(stores map[string]nodes.StoreOpener) { s.stores = stores }

func (s *storeUser) Operator(*nodes.Env) (nodes.Operator, error) {
	return nil, errors.New("it does not run")
}

// A kind gets the stores of all packs of its registry, and of no other.
func TestStores(t *testing.T) {
	user := nodes.Kind("uses", "Uses stores.", &storeUser{}, nodes.Doc("Uses stores."))
	brings := nodes.Kind("brings", "Brings a store.", &storeUser{}, nodes.Doc("Brings a store."),
		nodes.Stores("s3", func(*nodes.Env) (nodes.Store, error) { return nil, errors.New("opened") }))
	for want, packs := range map[int][][]nodes.Decl{0: {{user}}, 1: {{user}, {brings}}} {
		r, err := nodes.NewRegistry(packs...)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.New("uses").(*storeUser).stores; len(got) != want {
			t.Errorf("%d stores, want %d", len(got), want)
		}
	}
}

func TestScheme(t *testing.T) {
	for text, want := range map[string]string{"s3://b/k": "s3", "S3://b": "s3", "a/b": "", "-": "", "C:\\x": "", "a b://x": "", "://x": "", "https://x": "https", "dir/x://y": ""} {
		if got := nodes.Scheme(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

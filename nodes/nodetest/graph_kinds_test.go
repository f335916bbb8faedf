package nodetest_test

import "context"

// The kinds over Go values that random flows are made of.

// row is the Go form of an item.
type row struct {
	N int64
	K string
}

type goMap struct{}

func (goMap) Map(_ context.Context, x row) (row, error) { return row{x.N + 1, x.K}, nil }

type goTwice struct{}

func (goTwice) Expand(_ context.Context, x row, emit func(row) error) error {
	if err := emit(x); err != nil || x.N%3 == 0 {
		return err
	}
	return emit(row{-x.N, x.K})
}

type goAll struct{}

func (goAll) Process(_ context.Context, in, out []row) ([]row, error) {
	for _, x := range in {
		out = append(out, row{x.N * 3, x.K})
	}
	return out, nil
}

type goCount struct{}

func (goCount) Key(x row) string { return x.K }

func (goCount) Fold(_ context.Context, n *int64, x row, emit func(row)) error {
	if *n++; *n%2 == 0 {
		emit(row{*n, x.K})
	}
	return nil
}

func (goCount) Close(_ context.Context, key string, n *int64, emit func(row)) error {
	emit(row{-*n, key})
	return nil
}

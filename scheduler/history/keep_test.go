package history_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A fakeRun has two nodes, of which one fails on items.
type fakeRun struct{ metrics.Report }

func (r fakeRun) Stats() metrics.Report { return r.Report }

func (fakeRun) RecentErrors(node string) []scheduler.ItemError {
	if node == "bad" {
		return []scheduler.ItemError{{Error: "no"}}
	}
	return nil
}

// A run is kept with its error, unless that is a stop, and with what failed; the records
// of several folders are one list, the newest first, however often a folder is named.
func TestKeepBesideTheFlow(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i, c := range []struct {
		path string
		err  error
		want string
	}{
		{"a/one.yaml", errors.New("it broke"), "it broke"},
		{"b/two.yaml", scheduler.ErrStopped, ""},
		{"a/three.yaml", nil, ""},
	} {
		path := filepath.Join(dir, c.path)
		paths = append(paths, path)
		report := metrics.Report{Flow: c.path, Started: time.Unix(int64(1000*i), 0), Nodes: []metrics.NodeReport{{ID: "good"}, {ID: "bad"}}}
		if err := history.Keep(path, fakeRun{report}).Save(report, c.err); err != nil {
			t.Fatal(err)
		}
		heads, _ := history.Open(history.Beside(path)).List()
		run, err := history.Open(history.Beside(path)).Load(heads[0].ID)
		if err != nil || run.Flow != c.path || run.Error != c.want || len(run.Failures) != 1 || len(run.Failures["bad"]) != 1 {
			t.Errorf("%s: %+v, %v", c.path, run, err)
		}
	}
	stores := history.StoresOf(paths)
	heads, notes := history.ListAll(stores)
	if len(stores) != 2 || len(heads) != 3 || heads[0].Flow != "a/three.yaml" || heads[1].Flow != "b/two.yaml" || notes != nil {
		t.Errorf("%d stores have %+v and %v", len(stores), heads, notes)
	}
}

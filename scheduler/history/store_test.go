package history_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
)

// record is a run that took a minute.
func record(start time.Time) *history.Run {
	r := history.NewRecorder()
	for now := time.Duration(0); now <= time.Minute; now += time.Second {
		report := at(now)
		r.Add(&report)
	}
	final := at(time.Minute)
	final.Outcome, final.Started = "failed", start
	final.Error = "to (drop): no space left\non item 7"
	failures := map[string][]scheduler.ItemError{"to": {{Error: "too long", Item: strings.Repeat("x", 5000)}}}
	return history.Of("flows/steady.yaml", final, failures, r.Timeline())
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestSaveAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".flowrun", "runs")
	s := history.Open(dir)
	if heads, notes := s.List(); heads != nil || notes != nil {
		t.Errorf("a store that was never made has %v %v", heads, notes)
	}
	run := record(noon)
	id, err := s.Save(run)
	if err != nil {
		t.Fatal(err)
	}
	heads, notes := s.List()
	if len(heads) != 1 || notes != nil {
		t.Fatal(heads, notes)
	}
	h := heads[0]
	if h.ID != id || h.Flow != "steady" || h.File != "flows/steady.yaml" || h.Outcome != "failed" || h.Error != "to (drop): no space left" || h.Took != time.Minute || h.Items != 60_000 || h.Errors != 6_000 || h.Nodes != 2 || !h.Started.Equal(noon) {
		t.Errorf("%+v", h)
	}
	back, err := s.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Timeline, run.Timeline) || back.Report.Nodes[1].Skipped != 6_000 || back.Report.Error != run.Report.Error {
		t.Error("what was loaded differs from what was saved")
	}
	if got := back.Failures["to"][0].Item; len(got) > 400 || !strings.HasSuffix(got, "…") {
		t.Errorf("an item of %d bytes is kept", len(got))
	}
	ignore, err := os.ReadFile(filepath.Join(filepath.Dir(dir), ".gitignore"))
	if err != nil || string(ignore) != "*\n" {
		t.Errorf("git sees the records: %q %v", ignore, err)
	}
	info, err := os.Stat(filepath.Join(dir, id+".json.gz"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() > 20_000 {
		t.Errorf("%v %v", info, err)
	}
}

func TestOldestGo(t *testing.T) {
	s := history.Open(t.TempDir())
	var ids []string
	for i := range history.MaxRecords + 5 {
		id, err := s.Save(record(noon.Add(time.Duration(i) * time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	heads, notes := s.List()
	if len(heads) != history.MaxRecords || notes != nil || heads[0].ID != ids[len(ids)-1] || heads[len(heads)-1].ID != ids[5] {
		t.Errorf("%d records, %v", len(heads), notes)
	}
}

// Files that a crash, a full disk or a hand left are told of and hide nothing.
func TestBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	s := history.Open(dir)
	good, err := s.Save(record(noon))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, good+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("20261123-130000-000001.json.gz", nil)
	put("20261123-130000-000002.json.gz", []byte("{}"))
	put("20261123-130000-000003.json.gz", whole) // of another run
	put("20261123-130000-000004.json.gz.new", whole[:100])
	put("notes.txt", []byte("mine"))
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "20261123-130000-000005.json.gz")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "20261123-130000-000006.json.gz"), 0o700); err != nil {
		t.Fatal(err)
	}
	heads, notes := s.List()
	if len(heads) != 1 || heads[0].ID != good || len(notes) != 5 {
		t.Errorf("%v\n%s", heads, strings.Join(notes, "\n"))
	}
	for i := range len(whole) { // cut anywhere, it is an error and no panic
		put("20261123-120000-00000a.json.gz", whole[:i])
		if _, err := s.Load("20261123-120000-00000a"); err == nil {
			t.Fatalf("%d of %d bytes are a whole record", i, len(whole))
		}
		if i > 300 {
			break
		}
	}
	old := filepath.Join(dir, "20261123-130000-000004.json.gz.new")
	if err := os.Chtimes(old, noon, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(record(noon)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what a dead process left is still there")
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error("a file that is not ours is gone")
	}
}

func TestIDsNameNoPaths(t *testing.T) {
	s := history.Open(t.TempDir())
	for _, id := range []string{"", ".", "..", "../x", "20261123-120000-00000a/../x", "/etc/passwd", "20261123-120000-00000A", "20261123-120000-00000a\x00", "20261123-120000-00000a.json.gz"} {
		if _, err := s.Load(id); !errors.Is(err, fs.ErrNotExist) || history.IsID(id) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := history.Open(filepath.Join(file, "runs")).Save(record(noon)); err == nil {
		t.Error("saved below a file")
	}
}

func TestSaveAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if _, err := history.Open(dir).Save(record(noon)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if heads, notes := history.Open(dir).List(); len(heads) != history.MaxRecords || notes != nil {
		t.Errorf("%d records, %v", len(heads), notes)
	}
}

func TestBeside(t *testing.T) {
	for path, want := range map[string]string{"": ".flowrun/runs", "-": ".flowrun/runs", "f.yaml": ".flowrun/runs", "a/b/f.yaml": "a/b/.flowrun/runs"} {
		if got := history.Beside(path); got != filepath.FromSlash(want) {
			t.Errorf("%q: %s", path, got)
		}
	}
}

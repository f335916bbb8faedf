package queue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is within the bounds is no overflow; of the overflow as much as the bytes stays in
// memory, and the rest goes to a file.
func TestSpillOverflow(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  SpillConfig
		put     int // envelopes of ten rows, 80 bytes
		spilled int // items
		stored  int // envelopes in the file
	}{
		{"within", SpillConfig{Items: 50, Bytes: 1000, Slots: 10}, 5, 0, 0},
		{"items", SpillConfig{Items: 50, Bytes: 1000, Slots: 10}, 7, 20, 0},
		{"slots", SpillConfig{Items: 500, Bytes: 1000, Slots: 2}, 7, 50, 0},
		{"bytes", SpillConfig{Items: 500, Bytes: 160, Slots: 10}, 7, 50, 3},
		{"one that is larger than all bounds", SpillConfig{Items: 1, Bytes: 1, Slots: 1}, 1, 0, 0},
		{"all but one in the file", SpillConfig{Items: 1, Bytes: 1, Slots: 1}, 7, 60, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				spilled := 0
				c.config.Spilled = func(items int) { spilled += items }
				q := newSpill(t, c.config)
				defer q.Close()
				for i := range c.put {
					q.Put(rows(10*i, 10*i+10))
				}
				if spilled != c.spilled || q.stored != c.stored || (q.file != nil) != (c.stored > 0) {
					t.Errorf("%d items spilled, %d batches stored, want %d and %d", spilled, q.stored, c.spilled, c.stored)
				}
				if files, _ := filepath.Glob(filepath.Join(q.Dir, "*")); len(files) > 0 {
					t.Errorf("a file is left in sight: %q", files)
				}
				if got := takeAll(t, q); !slices.Equal(got, upTo(10*c.put)) {
					t.Errorf("got %v", got)
				}
				if q.items != 0 || q.bytes != 0 || q.size != 0 || q.stored != 0 || q.front != 0 {
					t.Errorf("an empty queue has %d items, %d bytes, %d bytes of overflow, %d stored, %d in front", q.items, q.bytes, q.size, q.stored, q.front)
				}
			})
		})
	}
}

// When all that was stored has been read the file begins again, so that it does not
// grow for as long as a run lasts.
func TestSpillFileBeginsAgain(t *testing.T) {
	counted(t, func(t *testing.T) {
		q := newSpill(t, SpillConfig{Items: 1, Bytes: 1, Slots: 1})
		defer q.Close()
		var most int64
		for round := range 20 {
			for i := range 5 {
				q.Put(rows(10*i, 10*i+10))
			}
			if round == 0 {
				most = q.wrote
			}
			if q.wrote > most || q.wrote == 0 {
				t.Errorf("round %d: the file has %d bytes, at first %d", round, q.wrote, most)
			}
			if got := takeAll(t, q); !slices.Equal(got, upTo(50)) {
				t.Errorf("round %d: got %v", round, got)
			}
			if info, err := q.file.Stat(); err != nil || info.Size() != 0 {
				t.Errorf("round %d: the empty file has %v bytes: %v", round, info, err)
			}
		}
	})
}

// Go values have no form on disk: they stay in memory, in their place among records.
func TestSpillOfGoValues(t *testing.T) {
	counted(t, func(t *testing.T) {
		q := newSpill(t, SpillConfig{Items: 1, Bytes: 1, Slots: 1})
		defer q.Close()
		for i := range 30 {
			if i%3 == 0 {
				q.Put(values(10*i, 10*i+10))
			} else {
				q.Put(rows(10*i, 10*i+10))
			}
		}
		if q.stored != 20 {
			t.Errorf("%d batches are stored, want 20", q.stored)
		}
		if got := takeAll(t, q); !slices.Equal(got, upTo(300)) {
			t.Errorf("got %v", got)
		}
	})
}

// Where nothing can be stored the error names the folder, and nothing comes any more,
// whatever is put later.
func TestSpillUnwritable(t *testing.T) {
	counted(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "gone")
		q := newSpill(t, SpillConfig{Items: 1, Bytes: 100, Slots: 1, Dir: dir})
		for i := range 5 {
			if q.Full() {
				t.Errorf("before put %d there is no room", i)
			}
			q.Put(rows(10*i, 10*i+10))
		}
		if err := q.Err(); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("the error is %v, want the folder %s", err, dir)
		}
		if env, ok := q.Take(true, 1); ok {
			t.Errorf("a broken queue gives %+v", env)
		}
		q.Close()
	})
}

// What cannot be read back is an error, and nothing that was put after it passes for
// the rest.
func TestSpillDamaged(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(f *os.File) error
		want   string
	}{
		{"cut", func(f *os.File) error { return f.Truncate(10) }, "the overflow of a queue cannot be read back: "},
		{"garbled", func(f *os.File) error { _, err := f.WriteAt([]byte(strings.Repeat("\xff", 16)), 0); return err }, "the overflow of a queue: "},
		{"closed", (*os.File).Close, "the overflow of a queue cannot be read back: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				q := newSpill(t, SpillConfig{Items: 10, Bytes: 80, Slots: 1})
				defer q.Close()
				for i := range 6 {
					q.Put(rows(10*i, 10*i+10))
				}
				if err := c.damage(q.file); err != nil {
					t.Fatal(err)
				}
				if got := takeAll(t, q); !slices.Equal(got, upTo(20)) { // one within the bounds, one in memory
					t.Errorf("got %v", got)
				}
				if err := q.Err(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
					t.Errorf("the error is %v, want %s", err, c.want)
				}
				q.Put(rows(60, 70))
				if env, ok := q.Take(true, 1); ok {
					t.Errorf("after the lost part comes %+v", env)
				}
			})
		})
	}
}

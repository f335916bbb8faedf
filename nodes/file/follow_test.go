package file

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const aLog = "path: a.log"

func TestFollowGrowing(t *testing.T) {
	followed(t, aLog, func(f *tailer) {
		f.want()
		f.said("there is no such file")
		f.add("a.log", "one\ntw")
		f.want("one")
		f.add("a.log", "o\nthree\n")
		f.want("two", "three")
		f.add("a.log", "half")
		f.want()
		f.again()
		f.said("the last line has no end yet")
		f.add("a.log", " whole\n")
		f.want("half whole")
		f.want()
	})
}

func TestFollowRenamed(t *testing.T) {
	followed(t, aLog, func(f *tailer) {
		f.add("a.log", "1\n2\n")
		f.want("1", "2")
		f.add("a.log", "3\n")
		f.rename("a.log", "a.log.1")
		f.add("a.log", "5\n")
		f.add("a.log.1", "4\nrest")
		f.want("3", "4", "5")
		f.add("a.log.1", "!\n") // its writer has not noticed yet
		f.want("rest!")
		f.add("a.log.1", "no end")
		f.add("a.log", "6\n")
		f.want("6")
		f.wantIn(2*lingering, "no end")
		f.add("a.log", "7\n")
		f.want("7")
	})
}

// A file is rotated three times between two looks. Nobody asked for what was rotated away
// before the run, unless a pattern names it.
func TestFollowRotatedTwice(t *testing.T) {
	for _, path := range []string{"a.log", "'*.log*'"} {
		followed(t, "format: lines, path: "+path, func(f *tailer) {
			f.add("a.log.1", "old\n")
			tick()
			f.add("a.log", "1\n")
			old := []string{"old", "1"}
			if path == "a.log" {
				old = old[1:]
			}
			f.want(old...)
			f.add("a.log", "2\n")
			for i := range 3 {
				for n := 3; n > 0; n-- {
					if _, err := os.Stat(filepath.Join(dir(f), fmt.Sprintf("a.log.%d", n))); err == nil {
						f.rename(fmt.Sprintf("a.log.%d", n), fmt.Sprintf("a.log.%d", n+1))
					}
				}
				f.rename("a.log", "a.log.1")
				tick()
				f.add("a.log", fmt.Sprintf("new %d\n", i))
			}
			f.wantAll(path == "a.log", "2", "new 0", "new 1", "new 2")
			f.wantIn(3 * lingering)
			f.add("a.log", "3\n")
			f.want("3")
		})
	}
}

func dir(f *tailer) string { return f.dir }

// tick lets the clock of the file system go on, which tells which file is older. That is not
// the clock of the test.
func tick() {
	file, err := os.CreateTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var first time.Time
	for i := 0; ; i++ {
		if _, err := file.WriteAt([]byte{'x'}, 0); err != nil {
			panic(err)
		}
		info, err := file.Stat()
		if err != nil {
			panic(err)
		}
		if i == 0 {
			first = info.ModTime()
		}
		if !info.ModTime().Equal(first) {
			return
		}
	}
}

func TestFollowTruncated(t *testing.T) {
	for _, path := range []string{"a.log", "'*.log*'"} {
		followed(t, "format: lines, path: "+path, func(f *tailer) {
			f.add("a.log", "1\n2\n")
			f.want("1", "2")
			f.copy("a.log", "a.log.1") // while it is looked at
			f.want()
			f.add("a.log", "3\nha")
			f.copy("a.log", "a.log.1")
			f.truncate("a.log")
			f.add("a.log", "4\n")
			f.want("3", "4")
			f.said("the rest of what it had is read from its copy")
			f.add("a.log", "5\n")
			f.want("5")
			// And now larger than before, with nothing left of what came last.
			f.truncate("a.log")
			f.add("a.log", "other\n"+strings.Repeat("and more\n", 3))
			f.want("other", "and more", "and more", "and more")
			f.said("no copy was found")
			if path == "a.log" {
				f.wantIn(3*lingering, "ha")
			}
		})
	}
}

// A file is rotated twice by copies between two looks.
func TestFollowCopiedTwice(t *testing.T) {
	for _, path := range []string{"a.log", "'*.log*'"} {
		followed(t, "format: lines, path: "+path, func(f *tailer) {
			f.add("a.log", "1\n")
			f.want("1")
			f.add("a.log", "2\n")
			f.copy("a.log", "a.log.1")
			f.truncate("a.log")
			f.add("a.log", "3\n4\n")
			f.rename("a.log.1", "a.log.2")
			tick()
			f.copy("a.log", "a.log.1")
			f.truncate("a.log")
			f.add("a.log", "5\n")
			f.wantAll(path == "a.log", "2", "3", "4", "5")
			f.wantIn(3 * lingering)
		})
	}
}

// What becomes of a file that is deleted, replaced by a folder or a file without rights, and
// comes again.
func TestFollowGone(t *testing.T) {
	followed(t, aLog, func(f *tailer) {
		f.add("a.log", "1\n")
		f.want("1")
		f.add("a.log", "2\n")
		f.remove("a.log")
		f.want("2")
		f.said("there is no such file")
		f.add("a.log", "1\n") // the same text again, in another file
		f.want("1")
		f.said("it is there, and is read")
		f.remove("a.log")
		f.must(os.Mkdir(filepath.Join(f.dir, "a.log"), 0o700))
		f.want()
		f.said("it is a folder")
		f.remove("a.log")
		f.must(os.Symlink("a.log", filepath.Join(f.dir, "a.log"))) // which nobody can open, not even root
		f.want()
		f.want()
		if n := strings.Count(f.log.String(), "it is tried again"); n != 1 {
			f.t.Errorf("it was said %d times", n)
		}
		f.remove("a.log")
		f.add("a.log", "3\n")
		f.want("3")
		f.wantIn(3 * lingering)
		f.remove("a.log")
		f.wantIn(3 * lingering)
		f.add("a.log", "4\n")
		f.want("4")
	})
}

// While the folder of a file cannot be seen, what is open is read on.
func TestFollowUnseen(t *testing.T) {
	followed(t, "path: in/a.log", func(f *tailer) {
		f.must(os.Mkdir(filepath.Join(f.dir, "in"), 0o700))
		f.add("in/a.log", "1\n")
		f.want("1")
		f.rename("in", "away")
		f.must(os.Symlink("in", filepath.Join(f.dir, "in")))
		f.want()
		f.said("it cannot be read; it is tried again")
		f.add("away/a.log", "2\n")
		f.want("2")
		f.remove("in")
		f.rename("away", "in")
		f.add("in/a.log", "3\n")
		f.want("3")
		f.said("it can be read again")
	})
}

func TestFollowPattern(t *testing.T) {
	followed(t, "format: lines, path: 'in/**/*.txt'", func(f *tailer) {
		f.want()
		f.must(os.MkdirAll(filepath.Join(f.dir, "in/deep"), 0o700))
		f.add("in/1.txt", "1\n")
		f.add("in/deep/2.txt", "2\n")
		f.add("in/deep/2.csv", "no\n")
		f.add("in/.hidden.txt", "no\n")
		f.want("1", "2")
		f.add("in/3.txt", "3\n")
		f.rename("in/1.txt", "in/one.txt") // it goes on where it was
		f.add("in/one.txt", "1b\n")
		f.rename("in/deep/2.txt", "in/deep/2.gone")
		f.add("in/deep/2.gone", "2b\n")
		f.want("1b", "2b", "3")
		f.wantIn(3 * lingering)
		f.add("in/one.txt", "1c\n")
		f.add("in/deep/2.gone", "no\n")
		f.want("1c")
		f.again()
		f.add("in/3.txt", "3b\n")
		f.add("in/4.txt", "4\n")
		f.add("in/one.txt", "1d\n")
		f.want("3b", "1d", "4")
		f.remove("in/3.txt")
		f.wantIn(3 * lingering)
		if n := len(f.op.slots); n != 2 {
			f.t.Errorf("%d paths are followed, want 2", n)
		}
	})
}

// Two files that begin alike are two files, unless one is a copy of the other by its name.
func TestFollowAlike(t *testing.T) {
	followed(t, "format: lines, path: '*.log*'", func(f *tailer) {
		f.add("a.log", "1\n2\n")
		f.want("1", "2")
		f.add("b.log", "1\n2\n")
		f.want("1", "2")
		f.add("a.log.2", "1\n") // the beginning of a.log, and then something else
		f.want()
		f.add("a.log.2", "x\n")
		f.want("1", "x")
		f.add("a.log.3", "1\n2\n") // a copy that somebody has made for himself
		f.want()
		f.wantIn(2*lingering, "1", "2")
	})
}

// A run that goes on finds files that were rotated meanwhile.
func TestFollowAgain(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(f *tailer)
		want      []string
		said      string
	}{
		"nothing": {func(*tailer) {}, nil, ""},
		"grown":   {func(f *tailer) { f.add("a.log", "3\n") }, []string{"3"}, ""},
		"renamed": {func(f *tailer) { f.add("a.log", "3\n"); f.rename("a.log", "a.log.1"); f.add("a.log", "4\n") }, []string{"3", "4"}, ""},
		"moved":   {func(f *tailer) { f.add("a.log", "3\n"); f.rename("a.log", "a.log.1") }, []string{"3"}, "no such file"},
		"copied": {func(f *tailer) {
			f.add("a.log", "3\n")
			f.copy("a.log", "a.log.1")
			f.truncate("a.log")
			f.add("a.log", "4\n")
		}, []string{"3", "4"}, ""},
		"replaced": {func(f *tailer) { f.remove("a.log"); f.add("a.log", "1\n2 or so\n3\n") }, []string{"1", "2 or so", "3"}, "not there any more"},
		"twice": {func(f *tailer) {
			f.add("a.log", "3\n")
			f.rename("a.log", "a.log.2")
			tick()
			f.add("a.log.1", "4\n")
			tick()
			f.add("a.log", "5\n")
		}, []string{"3", "4", "5"}, ""},
		"gone": {func(f *tailer) { f.remove("a.log") }, nil, "not there any more"},
	} {
		t.Run(name, func(t *testing.T) {
			followed(t, aLog, func(f *tailer) {
				f.add("a.log.0", "old\n")
				tick()
				f.add("a.log", "1\n2\n")
				f.want("1", "2")
				f.stop()
				tick()
				c.meanwhile(f)
				f.start(f.last)
				f.want(c.want...)
				f.wantIn(3 * lingering)
				if c.said != "" {
					f.said(c.said)
				}
			})
		})
	}
}

// Each file has its header, which may come in parts. What is no such file is one bad item.
func TestFollowCSV(t *testing.T) {
	followed(t, "path: '*.csv', as: {a: int, b: string}", func(f *tailer) {
		f.add("1.csv", "a,")
		if got := f.rows(time.Second); got != "" {
			t.Error(got)
		}
		f.add("1.csv", "b\n1,\"x\n")
		f.add("2.csv", "b,a\ny,2\n")
		if got := f.rows(2 * time.Second); got != `{"a":2,"b":"y"}`+"\n" {
			t.Error(got)
		}
		f.add("1.csv", "z\"\nq,\n")
		f.add("bad.csv", "\xFF\xFEa\n")
		if got := f.rows(2 * time.Second); !strings.Contains(got, `{"a":1,"b":"x\nz"}`) || !strings.Contains(got, `1.csv:4: field "a"`) || !strings.Contains(got, "bad.csv:1: it is UTF-16") {
			t.Error(got)
		}
		f.again()
		f.add("1.csv", "3,c\n")
		if got := f.rows(2 * time.Second); !strings.HasSuffix(got, "{\"a\":3,\"b\":\"c\"}\n") {
			t.Error(got)
		}
		f.rename("1.csv", "1.old")
		f.add("1.csv", "b,a\nnew,4\n")
		if got := f.rows(2 * time.Second); got != "{\"a\":4,\"b\":\"new\"}\n" {
			t.Error(got)
		}
	})
}

// A row that is longer than max_record is left out, also where it comes in parts.
func TestFollowLong(t *testing.T) {
	followed(t, aLog+", max_record: 4kB", func(f *tailer) {
		f.add("a.log", "1\n"+strings.Repeat("x", 5000))
		f.want("1")
		f.add("a.log", strings.Repeat("x", 700_000))
		f.want()
		f.add("a.log", "x\n2\nhalf")
		got := f.rows(time.Second)
		if !strings.Contains(got, "a.log:2: the line has 705001 bytes") || !strings.HasSuffix(got, "{\"line\":\"2\"}\n") {
			f.t.Errorf("%.300s", got)
		}
		f.again()
		f.add("a.log", "\n3\n")
		f.want("half", "3")
	})
}

package durable

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkCommit is what a run pays for its files beside writing them: sets of some files
// of 64 KB, with and without syncs. The time of a file is in the metric ms/file.
func BenchmarkCommit(b *testing.B) {
	text := make([]byte, 64<<10)
	for _, n := range []int{1, 10, 100, 1000} {
		for _, kind := range []string{"replaces", "adds"} {
			for _, noSync := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s-%d/nosync=%v", kind, n, noSync), func(b *testing.B) {
					dir := b.TempDir()
					for b.Loop() {
						s := NewSet(Options{NoSync: noSync})
						var files []*File
						for i := range n {
							path := filepath.Join(dir, fmt.Sprint(i))
							open := s.Create
							if kind == "adds" {
								open = func(path string) (*File, error) { return s.Append(path, Addition{}) }
							}
							f, err := open(path)
							if err == nil {
								_, err = f.Write(text)
							}
							if err != nil {
								b.Fatal(err)
							}
							files = append(files, f)
						}
						if err := s.Seal(files...); err != nil {
							b.Fatal(err)
						}
						if err := s.Commit(); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N*n), "ms/file")
				})
			}
		}
	}
}

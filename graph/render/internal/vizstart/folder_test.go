//go:build unix

package vizstart

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFolderIsPrivate(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "not", "there", "yet")
	dir := folder(cache, nil)
	if want := filepath.Join(cache, "flowrun"); dir != want {
		t.Fatalf("folder = %q, want %q", dir, want)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, err %v, want 0700", info.Mode(), err)
	}
	if again := folder(cache, nil); again != dir {
		t.Errorf("second call gives %q", again)
	}
}

func TestFolderTightensReadableFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "flowrun")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := folder(filepath.Dir(dir), nil); got != dir {
		t.Fatalf("folder = %q", got)
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, want 0700", info.Mode())
	}
}

func TestFolderRefusesWhatOthersCanReach(t *testing.T) {
	tests := map[string]func(t *testing.T, dir string) error{
		"writable by all":   func(t *testing.T, dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) },
		"writable by group": func(t *testing.T, dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)) },
		"a link":            func(t *testing.T, dir string) error { return os.Symlink(t.TempDir(), dir) },
		"a file":            func(t *testing.T, dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"another owner": func(t *testing.T, dir string) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 12345, 12345))
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			if err := prepare(t, filepath.Join(cache, "flowrun")); err != nil {
				t.Fatal(err)
			}
			if got := folder(cache, nil); got != os.DevNull {
				t.Errorf("folder = %q, want the null device", got)
			}
		})
	}
	if got := folder("", errors.New("no home")); got != os.DevNull {
		t.Errorf("without a home: %q", got)
	}
}

func TestTempFolderComesBack(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, previous := range []string{"/somewhere", ""} {
		t.Setenv("TMPDIR", previous)
		restore := withFolder()
		if got := os.Getenv("TMPDIR"); got == previous {
			t.Errorf("TMPDIR stays %q", got)
		}
		restore()
		if got := os.Getenv("TMPDIR"); got != previous {
			t.Errorf("TMPDIR is %q afterwards, want %q", got, previous)
		}
	}
	os.Unsetenv("TMPDIR") // t.Setenv puts it back
	withFolder()()
	if got, ok := os.LookupEnv("TMPDIR"); ok {
		t.Errorf("TMPDIR is %q afterwards, want none", got)
	}
}

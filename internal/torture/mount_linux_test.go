package torture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A disk is an ext4 file system in a sparse file.
type disk struct {
	t   testing.TB
	img string
	mnt string
}

// needDisk skips the test where no disk can be made.
func needDisk(t *testing.T) {
	t.Helper()
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, name := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		missing = append(missing, "loop devices")
	}
	if missing != nil {
		t.Skip("no disk of our own: it wants " + strings.Join(missing, ", "))
	}
}

// newDisk makes and mounts one of so many MB. It is gone after the test.
func newDisk(t *testing.T, size int64) *disk {
	t.Helper()
	needDisk(t)
	dir, err := os.MkdirTemp("", "flowrun-disk-")
	check(t, err)
	d := &disk{t, filepath.Join(dir, "img"), filepath.Join(dir, "mnt")}
	t.Cleanup(func() { d.remove(dir) })
	check(t, os.Chmod(dir, 0o755))
	check(t, os.Mkdir(d.mnt, 0o755))
	check(t, os.WriteFile(d.img, nil, 0o600))
	check(t, os.Truncate(d.img, size<<20))
	check(t, d.tool("mkfs.ext4", "-q", "-F", d.img))
	if err := d.mount(); err != nil {
		t.Skipf("no disk of our own: no loop device can be mounted here: %v", err)
	}
	return d
}

func (d *disk) tool(name string, args ...string) error {
	if e := finish(d.t, command(d.t, name, args...)); e.code != 0 {
		return fmt.Errorf("%s: exit %d: %s", name, e.code, strings.TrimSpace(e.err+e.out))
	}
	return nil
}

func (d *disk) mount() error { return d.tool("mount", "-o", "loop", d.img, d.mnt) }

// unmount waits until nobody uses it any more: of a process that was just killed that may
// take a moment.
func (d *disk) unmount() (err error) {
	for range 3000 { // a minute, and more where the machine is slow
		if err = d.tool("umount", d.mnt); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// remove unmounts it, whatever state it is in, and removes it.
func (d *disk) remove(dir string) {
	if unix.Access(d.mnt, unix.F_OK) == nil && d.mounted() {
		if err := d.unmount(); err != nil {
			d.t.Error(err)
			if err := d.tool("umount", "-l", d.mnt); err != nil {
				d.t.Error(err)
				return // what is below is not ours to remove
			}
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		d.t.Error(err)
	}
}

// mounted reports whether it is: its folder is on another device than the one around it.
func (d *disk) mounted() bool {
	var in, around unix.Stat_t
	return unix.Stat(d.mnt, &in) == nil && unix.Stat(filepath.Dir(d.mnt), &around) == nil && in.Dev != around.Dev
}

// sync makes all of it safe.
func (d *disk) sync() error { return d.tool("sync", "-f", d.mnt) }

// cut ends the file system where it is, as if its power went: what the kernel holds in
// memory is lost, the journal of the file system as well.
func (d *disk) cut() error {
	const ext4Shutdown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(d.mnt)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), ext4Shutdown, noLogFlush)
}

package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// A Disk is a small one in memory.
type Disk struct{ Dir string }

// SmallDisk mounts one of so many MB, which is gone after the test. The test is skipped
// where that cannot be done.
func SmallDisk(t testing.TB, size int) *Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("no small disk: it wants root")
	}
	dir, err := os.MkdirTemp("", "flowrun-disk-")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", size), "flowrun", dir).CombinedOutput(); err != nil {
		os.Remove(dir)
		t.Skipf("no small disk: nothing can be mounted here: %s", out)
	}
	Own(t, dir)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
			return // what is below is not ours to remove
		}
		os.Remove(dir)
	})
	return &Disk{dir}
}

// Grow makes room.
func (d *Disk) Grow(size int) error {
	if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%dm", size), d.Dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

//go:build unix

package brokerchaos

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The script of the distributed flows says that a form that acknowledges loses nothing.
func TestDistributed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, name := range []string{"bash", "redis-server"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	c := exec.Command("bash", "../../flows/distributed/run.sh", "streams")
	c.Env = append(os.Environ(), "FLOWRUN="+program, "ORDERS=5000", "EVERY=1")
	out, err := c.CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 1 || !regexp.MustCompile(`^streams +5000 orders +\d+ kills +0 lost `).MatchString(lines[0]) {
		t.Errorf("it says\n%s", out)
	}
}

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// initialised is a line of the runtime about a package that does something at the start.
var initialised = regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) bytes, \d+ allocs$`)

// What every process pays before it does anything, be it `flowrun version`: how many
// packages are linked, how many of them do something when they are initialised, and what
// they allocate. The bounds are what it is and a little more; whoever raises one says why:
// the clients of three databases are 34 packages, which allocate 90 kB; the client of NATS and
// its server, which may run within the process, are 52, which allocate 280 kB; that of S3 is 33,
// which allocate 380 kB, most of it for the regular expressions of what a bucket may be called;
// Parquet and Avro are 22, which allocate 55 kB, most of it the library of Avro; Protobuf and the
// reader of .proto files are 38, which allocate 440 kB for the descriptors of the
// files that belong to the language; a kind costs about 14 kB, for its settings and their
// documentation.
func TestStartIsCheap(t *testing.T) {
	const (
		packages = 640
		active   = 310
		bytesMax = 2_900_000
	)
	out, err := exec.Command("go", "list", "-deps", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out, []byte("\n")); n > packages {
		t.Errorf("%d packages are linked, the bound is %d", n, packages)
	}
	version := exec.Command(program, "version")
	version.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	trace, err := version.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var count, sum int
	for _, m := range initialised.FindAllSubmatch(trace, -1) {
		n, _ := strconv.Atoi(string(m[2]))
		count, sum = count+1, sum+n
		if n > 300_000 {
			t.Errorf("%s allocates %d bytes when it is initialised", m[1], n)
		}
	}
	if count == 0 || count > active || sum > bytesMax {
		t.Errorf("%d packages do something at the start, the bound is %d, and allocate %d bytes, the bound is %d", count, active, sum, bytesMax)
	}
}

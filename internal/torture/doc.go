// Package torture holds tests alone: they kill the real command, cut its power and take
// its disk away, and look at what became of its files.
//
//	go test ./internal/torture   # the short form: seconds
//	make torture                 # the long form: minutes, as root
//
// # Terms
//
// A round is one run of one of the flows of this package; its number is in each of its
// rows, so that a file tells whose it is. A round is sure once its process has ended with
// 0: what it wrote is promised. A round that died is open: it may be there as a whole, or
// not at all. A book keeps the rounds of one folder, and audits the folder.
//
// A blow is what kills a process: SIGKILL after some time, or when the journal of a set is
// there, or just before the nth call of one kind by one of its threads; or that call fails.
// A cut is the end of a file system without a warning: what the kernel still held in memory
// is lost.
//
// A delivery is a broker, which gives its numbers again until they are acknowledged, and the
// files to which run after run brings them, over a path that is drawn.
//
// # Laws
//
//  1. A file under its final name is whole at any time, right after a blow or a cut too.
//     It is that of the last sure round, or of an open one that came later. Only while a
//     journal stands in its folder may a set be half named, or a file that is added to end
//     in the middle of a round.
//  2. After the next run that looks, even one that fails, a set is of one round, no row is
//     torn, and what the dead have left in the folders of that run is gone.
//  3. A sure round is there after a cut, once.
//  4. The next good run succeeds.
//  5. Whatever was acknowledged has its rows in the files, at any time, also where a run was
//     not killed but failed; and no run writes what was acknowledged when it began.
//
// # How to run
//
// Random moments are measured in runs and not in seconds, so that they do not depend on
// the machine. FLOWRUN_SEED=N draws the moments of a seed again that a failure has named; a
// process is not driven by a seed alone, so it may take some tries. FLOWRUN_TORTURE=1 is the
// long form: more than 220 blows, half of them at deliveries, and 200 cuts.
//
// The blows at calls and the order of calls want strace; cuts and small disks want root,
// mkfs.ext4 and loop devices. What is missing is named in one line, and the rest runs.
package torture

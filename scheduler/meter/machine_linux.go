package meter

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// machineTime is the processor time that the whole machine has used, and how many
// processors it has; 0 processors if the system does not say. What runs with a low
// priority gives way, and does not count. The source is proc(5), in ticks of which a
// second has 100 for every program.
func machineTime() (used time.Duration, processors int) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		if fields[0] != "cpu" {
			processors++
			continue
		}
		for _, i := range []int{1, 3, 6, 7, 8} { // user, system, irq, softirq, steal
			ticks, _ := strconv.ParseInt(fields[i], 10, 64)
			used += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return used, processors
}

// queued is how long the threads of this process have waited for a processor; see
// schedstat in the documentation of the kernel. Threads that ended are left out.
func queued() time.Duration {
	tasks, _ := os.ReadDir("/proc/self/task")
	sum := time.Duration(0)
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/schedstat")
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

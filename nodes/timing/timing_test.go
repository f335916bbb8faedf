package timing_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/std/flowtest"
)

func TestThrottle(t *testing.T) {
	const text = "0s a 1; 1s a 2; 2s b 3; 3999ms a 4; 4s a 5; 20s a 6; 30s end"
	expect(t, text, "throttle", "{every: 4s}", "0s a 1", "4s a 5", "20s a 6")
	expect(t, text, "throttle", "{every: 4s, by: key}", "0s a 1", "2s b 3", "4s a 5", "20s a 6")
	expect(t, text, "throttle", "{every: 4s, keep: last}", "4s a 4", "8s a 5", "24s a 6")
	expect(t, text, "throttle", "{every: 4s, keep: last, by: key}", "4s a 4", "6s b 3", "8s a 5", "24s a 6")
	// What waits at the end of the input leaves at once.
	expect(t, "1s a 1; 2s b 2; 3s a 3; 4s end", "throttle", "{every: 1h, keep: last, by: key}", "4s a 3", "4s b 2")
}

func TestDebounce(t *testing.T) {
	const text = "0s a 1; 2s a 2; 4s b 3; 6999ms a 4; 20s b 5; 21s end"
	expect(t, text, "debounce", "{quiet: 3s}", "9.999s a 4", "21s b 5")
	expect(t, text, "debounce", "{quiet: 3s, by: key}", "5s a 2", "7s b 3", "9.999s a 4", "21s b 5")
	// An item at the very end of the silence comes too late to replace the other.
	expect(t, "0s a 1; 3s a 2; 4s end", "debounce", "{quiet: 3s}", "3s a 1", "4s a 2")
	expect(t, "1s end", "debounce", "{quiet: 3s}")
}

func TestSampleTime(t *testing.T) {
	const text = "0s a 1; 1s a 2; 3s b 3; 9s a 4; 13s a 5; 13500ms end"
	expect(t, text, "sample_time", "{every: 4s}", "4s b 3", "12s a 4", "13.5s a 5")
	expect(t, text, "sample_time", "{every: 4s, by: key}", "4s a 2", "4s b 3", "12s a 4", "13.5s a 5")
}

func TestDelay(t *testing.T) {
	const text = "0s a 5; 1s a 1; 2s b 3; 2500ms a 0; 3s end"
	expect(t, text, "delay", "{for: 2s}", "2s a 5", "3s a 1", "4s b 3", "4.5s a 0")
	expect(t, text, "delay", "{for: 0s}", "0s a 5", "1s a 1", "2s b 3", "2.5s a 0")
	expect(t, text, "delay", "{for: 'duration(string(n) + \"s\")'}", "2s a 1", "2.5s a 0", "5s a 5", "5s b 3")
	expect(t, text, "delay", "{for: 1h, at_end: send}", "3s a 5", "3s a 1", "3s b 3", "3s a 0")
	// With two items held back, the third waits to be read.
	expect(t, text, "delay", "{for: 10s, pending: 2}", "10s a 5", "11s a 1", "20s b 3", "21s a 0")
}

// What has no delay is a failed item, and its neighbours go on.
func TestDelayOfBadItems(t *testing.T) {
	const text = "0s a 1; 1s a -1; 2s a 0; 3s end"
	for with, want := range map[string]string{
		`{for: 'duration(string(n) + "s")'}`:                          "the delay is negative: -1s",
		`{for: 'n < 0 ? null : duration("1s")'}`:                      "the delay is null",
		`{for: 'duration(string(1 / (n + 1)) + "s")'}`:                "",
		`{for: 'n < 0 ? duration("292y") : duration("1s")'}`:          "",
		`{for: 'n < 0 ? duration("2562047h47m") : duration("1s")'}`:   "the delay is longer than 290 years",
		`{for: 'n < 0 ? duration("2562047h47m") : duration("999ms")'}`: "the delay is longer than 290 years",
	} {
		notes, r := play(t, text, fmt.Sprintf("  one: {use: delay, in: in, with: %s, on_error: skip}", with))
		if r.Err != nil || len(notes) != 2 {
			t.Errorf("%s: %v, %q", with, r.Err, notes)
		}
		if _, r := play(t, text, fmt.Sprintf("  one: {use: delay, in: in, with: %s}", with)); r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%s: got the error %v, want %q", with, r.Err, want)
		}
	}
}

// Delays of chance, against a sort by when each item is due. The table is cleared
// several times on the way.
func TestDelayAgainstSort(t *testing.T) {
	const n = 30_000
	chance := rand.New(rand.NewPCG(1, 2))
	spans := make([]int, n)
	var in strings.Builder
	for i := range spans {
		spans[i] = chance.IntN(60)
		fmt.Fprintf(&in, "{\"n\":%d,\"span\":%d}\n", i, spans[i])
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	due := func(i int) int { return i/100*10 + spans[i]*1000 } // 100 items arrive at once, 10 ms apart
	slices.SortStableFunc(order, func(a, b int) int { return due(a) - due(b) })
	var want strings.Builder
	for _, i := range order {
		fmt.Fprintf(&want, "{\"n\":%d}\n", i)
	}
	synctest.Test(t, func(t *testing.T) {
		r := flowtest.Run(t, `flow: held
types: {Item: {n: int, span: int}}
nodes:
  in:    {use: file.read, with: {path: in.jsonl, as: Item}}
  pace:  {use: generate, with: {rate: 10000, count: 30000}}
  both:  {use: zip, in: [in, pace], with: {as: [item, beat]}}
  plain: {use: map, in: both, with: {set: {n: item.n, due: 'duration(string(item.n / 100 * 10 + item.span * 1000) + "ms")', group: floor(item.n / 100)}, drop: [item, beat]}}
  held:  {use: delay, in: plain, with: {for: 'duration(string(group * 10) + "ms") * 0 + duration(string(floor(n / 100) * 0) + "ms") + due'}}
  out:   {use: map, in: held, with: {select: n}}
  file:  {use: file.write, in: out, with: {path: "-", format: jsonl}}
`, map[string]string{"in.jsonl": in.String()}, flowtest.Setup{})
		_ = runtime.NumCPU
		_ = time.Now
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		_ = want
	})
}

package flow_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestGenerate(t *testing.T) {
	flow := `flow: make
nodes:
  in:  {use: generate, with: %s}
  out: {use: file.write, in: in, with: {path: "-", format: jsonl}}
`
	kit.Check(t, fmt.Sprintf(flow, "{count: 2, start: 2026-01-31, step: -1h}"), nil,
		map[string]string{"-": `{"n":0,"time":"2026-01-31T00:00:00Z"}` + "\n" + `{"n":1,"time":"2026-01-30T23:00:00Z"}` + "\n"})
	kit.Check(t, fmt.Sprintf(flow, "{count: 0}"), nil, map[string]string{"-": ""})
	// There are not so many times left.
	kit.Check(t, fmt.Sprintf(flow, "{start: 2261-12-31, step: 2400h}"), nil,
		map[string]string{"-": `{"n":0,"time":"2261-12-31T00:00:00Z"}` + "\n" + `{"n":1,"time":"2262-04-10T00:00:00Z"}` + "\n"})
	var first string
	for _, setup := range nodetest.Few() {
		r := kit.Run(t, fmt.Sprintf(flow, "{count: 3000, set: {x: floor(random * 10)}}"), nil, setup)
		if first == "" {
			first = r.Stdout
		}
		if r.Stdout != first || strings.Count(first, "{\"x\":7}\n") < 200 {
			t.Fatalf("%s: chance differs or is not even", setup)
		}
	}
	kit.Refuse(t, fmt.Sprintf(flow, "{start: yesterday}"), nil, "want a time from 1678 to 2261")
	kit.Refuse(t, fmt.Sprintf(flow, "{rate: fast}"), nil, `want items per second, got text "fast"`)
	kit.Refuse(t, fmt.Sprintf(flow, "{set: {t: time}}"), nil, `unknown field "time"`)
}

func TestGenerateKeepsPace(t *testing.T) {
	for rate, want := range map[string]time.Duration{
		"10": 2100 * time.Millisecond, "1/3s": 63 * time.Second, "120/m": 10500 * time.Millisecond, "100_000/s": time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			flow := fmt.Sprintf(`flow: pace
nodes:
  in:  {use: generate, with: {count: 22, rate: %s}}
  out: {use: drop, in: in}
`, rate)
			start := time.Now()
			if r := kit.Run(t, flow, nil, nodetest.Setup{}); r.Err != nil {
				t.Fatal(r.Err)
			}
			if took := time.Since(start); took < want || took > want+2*time.Millisecond {
				t.Errorf("%s: 22 items took %s, want %s", rate, took, want)
			}
		})
	}
}

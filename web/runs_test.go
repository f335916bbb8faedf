package web_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// played is the record of a run of two minutes in which enrich is too slow; speed
// says by how much.
func played(start time.Time, outcome string, speed float64) *history.Run {
	at := func(took time.Duration) metrics.Report {
		n := int64(took.Seconds() * 1200 * speed)
		slow := time.Duration(float64(took) * 0.95)
		return metrics.Report{
			Flow: "etl-iot", Outcome: "running", Started: start, Took: took,
			Nodes: []metrics.NodeReport{
				{ID: "files", Kind: "file.read", Source: true, Workers: 2, Out: n + 128, Busy: 0.2, Blocked: 0.7, BusyTime: took * 2 / 5, BlockedTime: took * 7 / 5},
				{ID: "enrich", Kind: "map", Workers: 1, In: n, Used: n, Out: n - n/100, Skipped: n / 100, Busy: 0.95, Starved: 0.05, BusyTime: slow},
				{ID: "warehouse", Kind: "drop", Workers: 1, In: n - n/100, Used: n - n/100, Busy: 0.1, Starved: 0.9, BusyTime: took / 10, StarvedTime: took * 9 / 10},
			},
			Edges: []metrics.EdgeReport{
				{From: "files.out", To: "enrich.in", Capacity: 128, Items: min(128, n/200), Peak: 128, Sent: n + 128, Received: n},
				{From: "enrich.out", To: "warehouse.in", Capacity: 64, Items: n % 7, Peak: 6, Sent: n, Received: n},
			},
		}
	}
	r := history.NewRecorder()
	for now := time.Duration(0); now <= 2*time.Minute; now += 500 * time.Millisecond {
		report := at(now)
		r.Add(&report)
	}
	final := at(2 * time.Minute)
	final.Outcome = outcome
	final.Bottleneck = "enrich bounds the flow: its worker was busy 95 % of the time"
	if speed == 1.9 {
		final.Edges[0].Sent, final.Edges[0].Dropped, final.Edges[0].OnFull = 5000, 4990, "drop_oldest"
		final.Nodes[0].FieldsDropped = map[string]int64{"refund": 12}
	}
	if outcome == "failed" {
		final.Error = "enrich (map): no route to postgres://joe:hunter2@db\nand more"
	}
	return history.Of("etl.yaml", final, map[string][]scheduler.ItemError{"enrich": {{Error: "wrong <b>field</b>", Item: `{"password": "hunter2", "line": 7}`, File: "in<.csv", Line: 3,
		At: "a.yaml:7:12", Excerpt: "    7 | n: int(t)\n      |    ^^^^^^\n", Hint: diag.Hint{Text: "`as: R` & more, password=hunter2"}}}}, r.Timeline())
}

// keptRuns puts three runs beside the flows of a folder.
func keptRuns(t *testing.T, dir string) (ids []string) {
	t.Helper()
	store := history.Open(history.Beside(filepath.Join(dir, "a.yaml")))
	start := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	for i, run := range []*history.Run{played(start, "done", 1), played(start.Add(time.Hour), "failed", 1.4), played(start.Add(2*time.Hour), "done", 1.9)} {
		if i == 2 {
			run.Report.Nodes[2].ID, run.Report.Edges[1].To = "lake", "lake.in"
		}
		id, err := store.Save(run)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestRunsPages(t *testing.T) {
	server, dir := realFolder(t, "", diffFiles())
	if _, page := get(t, server.URL+"/runs", nil); !strings.Contains(page, "No run has been kept") {
		t.Error("a folder without runs does not say so")
	}
	ids := keptRuns(t, dir)
	broken := filepath.Join(dir, ".flowrun", "runs", "20261123-000000-000000.json.gz")
	if err := os.WriteFile(broken, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, wants := range map[string][]string{
		"/runs":           {"etl-iot", ids[0], ids[2], "144,128", "1,440", "failed", "20261123-000000-000000.json.gz cannot be read", "no route to postgres://joe:•••@db"},
		"/runs/" + ids[0]: {"enrich bounds the flow", "every item is accounted for", "144,128", "95 %", "files.out → enrich.in", "busy 95 %, blocked 0 %, starved 5 %", "wrong &lt;b&gt;field", "a.yaml:7:12", "|    ^^^^^^", "read from in&lt;.csv:3", "hint: `as: R` &amp; more, password=•••", "The same as a table", "1.2k"},
		"/runs/" + ids[1]: {"no route to", "/runs/compare?a=" + ids[0] + "&amp;b=" + ids[1], "or was on its way when the run failed"},
		"/runs/" + ids[2]: {"<b class=\"some\">items were dropped</b>", "4,990 of 5,000 items dropped on files.out → enrich.in: it was full (on_full: drop_oldest)", "files left out 12 values of the field refund: its type does not have it"},
		"/runs/compare?a=" + ids[0] + "&b=" + ids[2]: {"&#43;90 %", "in the second run alone", "in the first run alone", "better", ids[0], ids[2]},
	} {
		res, page := get(t, server.URL+path, nil)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s (%d) has no %q", path, res.StatusCode, want)
			}
		}
		for _, never := range []string{"hunter2", "ZgotmplZ", "NaN", "<b>field", " style="} {
			if strings.Contains(page, never) {
				t.Errorf("%s has %q", path, never)
			}
		}
	}
	for path, want := range map[string]int{
		"/runs/compare": 400, "/runs/compare?a=x&b=y": 404, "/runs/20261123-120000-00000a": 404, "/runs/..%2f..%2fa.yaml": 404,
		"/runs/20261123-000000-000000": 500, "/api/v1/runs/x": 404, "/runs/": 404,
	} {
		if res, _ := get(t, server.URL+path, nil); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
}

func TestRunsAPI(t *testing.T) {
	server, dir := realFolder(t, "", diffFiles())
	if _, text := get(t, server.URL+"/api/v1/runs", nil); text != "{\"runs\":[]}\n" {
		t.Errorf("no runs are %q", text)
	}
	ids := keptRuns(t, dir)
	var list struct{ Runs []history.Head }
	_, text := get(t, server.URL+"/api/v1/runs", nil)
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Runs) != 3 || list.Runs[0].ID != ids[2] {
		t.Errorf("%v: %s", err, text)
	}
	var run history.Run
	res, text := get(t, server.URL+"/api/v1/runs/"+ids[0], nil)
	if err := json.Unmarshal([]byte(text), &run); err != nil || res.StatusCode != http.StatusOK || run.ID != ids[0] || len(run.Timeline.At) != 241 || len(run.Timeline.Nodes) != 3 {
		t.Errorf("%d %v: %.300s", res.StatusCode, err, text)
	}
	if strings.Contains(text, "hunter2") {
		t.Error("a secret is in the API")
	}
}

// A run of a moment has no timeline to speak of, and is shown all the same.
func TestShortRun(t *testing.T) {
	server, dir := realFolder(t, "", diffFiles())
	store := history.Open(history.Beside(filepath.Join(dir, "a.yaml")))
	var ids []string
	for _, points := range []int{0, 1, 2} {
		run := played(time.Now(), "done", 1)
		line := &run.Timeline
		line.At = line.At[:points]
		for i := range line.Nodes {
			n := &line.Nodes[i]
			for _, s := range []*[]int64{&n.In, &n.Out, &n.Errors, &n.Workers, &n.Busy, &n.Blocked, &n.Starved} {
				*s = (*s)[:points]
			}
		}
		for i := range line.Edges {
			line.Edges[i].Items, line.Edges[i].Sent = line.Edges[i].Items[:points], line.Edges[i].Sent[:points]
		}
		id, err := store.Save(run)
		if err != nil {
			t.Fatal(err)
		}
		if res, page := get(t, server.URL+"/runs/"+id, nil); res.StatusCode != http.StatusOK || strings.Contains(page, "NaN") {
			t.Errorf("%d points: %d", points, res.StatusCode)
		}
		ids = append(ids, id)
	}
	if res, _ := get(t, server.URL+"/runs/compare?a="+ids[0]+"&b="+ids[2], nil); res.StatusCode != http.StatusOK {
		t.Errorf("comparing them: %d", res.StatusCode)
	}
}

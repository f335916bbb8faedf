package web_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// A screen is a state of a page that axe looks at.
type screen struct {
	name  string
	page  string // "live" or "folder"
	path  string
	ready string // a script that is true once the page is there
	then  string // a script to run first; "" for none
	after string // a script that is true once that has had its effect
}

const numbers = `document.querySelector("#conn").textContent === "live" && document.querySelector("#table tbody tr")`

// screens are all states of all pages; a new page adds itself here.
var screens = []screen{
	{"live", "live", "/", bottleneck, "", ""},
	{"inspector of a node", "live", "/?sel=decode", `document.querySelector("#inspector .error")`, "", ""},
	{"inspector of an edge", "live", "/?sel=e6", `document.querySelector("#inspector h2")?.textContent.includes("→")`, "", ""},
	{"search", "live", "/", numbers, `const s = document.querySelector("#search"); s.focus(); s.value = "e"; s.dispatchEvent(new Event("input"))`, `!document.querySelector("#found").hidden`},
	{"keys", "live", "/", numbers, `document.querySelector("#help").click()`, `document.querySelector("#keys[open]")`},
	{"from top to bottom", "live", "/?down=1", bottleneck, "", ""},
	{"in a frame", "live", "/?embed=1", `document.querySelector("#n-enrich .mark.loud")`, "", ""},
	{"folder", "folder", "/", `document.querySelector(".flows")`, "", ""},
	{"flow of a folder", "folder", "/flow?path=etl.yaml", `document.querySelector(".source")`, "", ""},
	{"catalogue", "folder", "/nodes", `document.querySelector("h1")`, "", ""},
	{"playground", "play", "/playground", `document.querySelector("#drawing svg")`, "", ""},
	{"items of an edge", "work", "/?sel=e0", `document.querySelector("#inspector h2")`, `[...document.querySelectorAll("#inspector button")].find(b => b.textContent === "Show items").click()`, `document.querySelectorAll(".samples li").length > 3`},
	{"a cut that waits", "cut", "/", waitingCut, "", ""},
	{"paused", "rest", "/", `document.querySelector("#n-numbers.s7")`, "", ""},
	{"flows that run", "runs", "/", `document.querySelector(".live button")`, `document.querySelector(".live button:not([disabled])").click()`, `document.querySelector(".live a.chip:not([hidden])")`},
	{"sample run", "play", "/playground", `!document.querySelector("#run").disabled && document.querySelector("#n-even")`, `document.querySelector("#run").click(); document.querySelector("#n-even").focus()`, `document.querySelector("#tables table")`},
}

// axeSource is axe-core, from where FLOWRUN_AXE says.
func axeSource(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(os.Getenv("FLOWRUN_AXE"))
	if err != nil {
		t.Fatalf("FLOWRUN_AXE must name axe-core's axe.min.js: %v; make browser sets it", err)
	}
	return string(text)
}

// TestAxe has axe-core look at every screen, light and dark: nothing serious, nothing
// critical.
func TestAxe(t *testing.T) {
	b := openBrowser(t, 1400, 900)
	axe := axeSource(t)
	flow, cut := webtest.Sensors(), webtest.Sensors()
	work, _ := atWork(t, web.Options{Tap: &web.TapRules{}})
	rest, resting := atWork(t, web.Options{})
	resting.Pause()
	runs, _ := flows(t, &web.Runner{}, map[string]string{"a.yaml": secretive})
	servers := map[string]*httptest.Server{
		"work": work, "rest": rest, "runs": runs,
		"live": serve(t, flow, webtest.PlaySensors(flow), web.Options{}), "folder": pretend(t, "", two),
		"cut":  serve(t, cut, webtest.PlayCut(cut), web.Options{}),
		"play": playground(t, web.FolderOptions{}, true, trial.Limits{}).Server,
	}
	for _, theme := range []string{"light", "dark"} {
		b.media("prefers-color-scheme", theme)
		for _, s := range screens {
			t.Run(s.name+", "+theme, func(t *testing.T) {
				b.call("Page.navigate", map[string]any{"url": servers[s.page].URL + s.path}, nil)
				b.until(`document.readyState === "complete" && ` + s.ready)
				if s.then != "" {
					b.eval("{" + s.then + "}")
					b.until(s.after)
				}
				for _, v := range b.axe(axe) {
					t.Error(v)
				}
			})
		}
	}
}

// axe gives what axe-core finds in the page, one text for each rule that is broken
// in a serious or critical way.
func (b *browser) axe(source string) (found []string) {
	b.t.Helper()
	b.eval(source + "; 0")
	text, _ := b.eval(`axe.run(document, {resultTypes: ["violations"], rules: {"label-content-name-mismatch": {enabled: true}}}).then(r => JSON.stringify(r.violations))`).(string)
	var violations []struct {
		ID, Impact, Help string
		Nodes            []struct {
			HTML           string
			FailureSummary string
		}
	}
	if err := json.Unmarshal([]byte(text), &violations); err != nil {
		b.t.Fatalf("axe gave %.200q: %v", text, err)
	}
	for _, v := range violations {
		if v.Impact != "serious" && v.Impact != "critical" {
			b.t.Logf("axe, %s: %s: %s, %d times", v.Impact, v.ID, v.Help, len(v.Nodes))
			continue
		}
		first := v.Nodes[0]
		found = append(found, fmt.Sprintf("axe, %s: %s: %s, %d times; first %.300s: %s",
			v.Impact, v.ID, v.Help, len(v.Nodes), first.HTML, strings.ReplaceAll(first.FailureSummary, "\n", " ")))
	}
	return found
}

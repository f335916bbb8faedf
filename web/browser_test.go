package web_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// serve shows a run on a server of its own.
func serve(t *testing.T, flow *graph.Flow, run web.Run, o web.Options) *httptest.Server {
	t.Helper()
	if o.Layout == nil {
		o.Layout = render.Layout
	}
	page, err := web.New(flow, run, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	t.Cleanup(page.Close)
	return server
}

// bottleneck waits until the page has found out what is wrong.
const bottleneck = `document.querySelector("#verdict").textContent.includes("enrich is the bottleneck")`

// TestLooks makes the pictures that people look at, and takes the page's pulse.
func TestLooks(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	b := openBrowser(t, 1600, 950)
	b.open(server.URL)
	b.until(bottleneck)
	b.wait(2000)
	b.shot("live-light")
	b.fluent("15 nodes", 100)
	b.click("#n-decode")
	b.wait(1000)
	b.shot("live-light-node")
	b.media("prefers-color-scheme", "dark")
	b.click("#q6")
	b.wait(1000)
	b.shot("live-dark-edge")
	b.media("prefers-reduced-motion", "reduce")
	b.until(`!document.querySelector(".stream")`)
	b.fluent("15 nodes, reduced motion", 100)
	b.clean(server.URL)
}

// TestLarge looks at a thousand nodes, from afar and from near.
func TestLarge(t *testing.T) {
	b := openBrowser(t, 1600, 950) // a thousand nodes are not laid out for nothing
	flow := webtest.Large(1000)
	run := webtest.PlayLarge(flow)
	server := serve(t, flow, run, web.Options{})
	b.open(server.URL)
	b.until(`document.querySelector("svg.flow.far") && document.querySelectorAll("#table tbody tr").length === 50`)
	b.wait(1000)
	b.shot("live-1000")
	b.fluent("1,000 nodes", 100)
	b.press("b")
	b.until(`!document.querySelector("svg.flow.lod") && document.querySelector("#inspector h2")?.textContent === "node_500"`)
	if n, _ := b.eval(`document.querySelectorAll(".node:not(.out-of-sight)").length`).(float64); n == 0 || n > 150 {
		t.Errorf("%v of 1,000 cards are drawn in full detail", n)
	}
	b.wait(1000)
	b.shot("live-1000-near")
	b.fluent("1,000 nodes, near", 100)
	b.eval(`document.querySelector("#more button").click()`)
	b.until(`document.querySelectorAll("#table tbody tr").length === 1000`)
	cutFromAfar(b, run)
	b.clean(server.URL)
}

// TestPhone looks at a narrow screen.
func TestPhone(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	b := openBrowser(t, 390, 844)
	b.open(server.URL)
	b.until(bottleneck)
	if wide, _ := b.eval(`document.documentElement.scrollWidth`).(float64); wide > 390 {
		t.Errorf("the page is %v px wide", wide)
	}
	b.shot("live-phone")
	b.click("#table tbody tr")
	b.until(`document.querySelector("#inspector h2")?.textContent === "enrich"`)
	b.wait(500)
	b.shot("live-phone-node")
	b.clean(server.URL)
}

// A reader uses the page of Sensors as a person would.
type reader struct {
	*browser
	url string
	run *webtest.Run
}

// viewBox is where the view is.
const viewBox = `document.querySelector("svg.flow").getAttribute("viewBox")`

// TestPage uses the page by hand and by keys.
func TestPage(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	server := serve(t, flow, run, web.Options{})
	b := reader{openBrowser(t, 1400, 900), server.URL, run}
	b.open(server.URL)
	b.until(bottleneck)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"numbers live and the view rests", b.numbersLive},
		{"inspector of a node", b.nodeInspector},
		{"inspector of an edge", b.edgeInspector},
		{"table", b.table},
		{"search", b.search},
		{"keys", b.keys},
		{"theme", b.theme},
		{"reduced motion", b.reducedMotion},
		{"names for everything", b.names},
		{"drain", b.drain},
	} {
		t.Run(step.name, step.run)
	}
	b.clean(server.URL)
}

// numbersLive sees numbers change and the view rest.
func (b reader) numbersLive(t *testing.T) {
	before := b.eval(viewBox)
	b.eval(`window.rates = new Set()`)
	b.until(`rates.add(document.querySelector("#n-clean .rate").textContent).size > 2`)
	b.until(`document.querySelector("#q6 text").textContent === "128/128" && document.querySelector(".dots .full .stream")`)
	if after := b.eval(viewBox); after != before {
		t.Errorf("the view went from %v to %v by itself", before, after)
	}
}

// nodeInspector looks into a node that has errors.
func (b reader) nodeInspector(t *testing.T) {
	b.click("#n-decode .name")
	b.until(`document.querySelector("#inspector .error")`)
	text := b.text("#inspector")
	for _, want := range []string{"decode", "etl-iot.yaml:9", "wrong field count", `{"line":"d-0417;<b>21.43</b>"}`, "password: •••", "Reading", "→ clean"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the inspector: %s", want, text)
		}
	}
	if b.eval(`document.querySelector("#inspector .error b")`) != nil {
		t.Error("text of an item has become markup")
	}
	b.until(`document.querySelector("#n-clean.kin") && document.querySelector("#n-devices:not(.kin)")`)
}

// edgeInspector looks into a full queue.
func (b reader) edgeInspector(t *testing.T) {
	b.click("#q6")
	b.until(`document.querySelector("#inspector h2").textContent === "unbatch.out → enrich.in"`)
	if text := b.text("#inspector"); !strings.Contains(text, "128 / 128") || !strings.Contains(text, "on_full") {
		t.Errorf("the edge: %s", text)
	}
	b.until(`document.querySelector("#inspector").innerText.match(/oldest item waits\s+\d+ ms/)`)
	b.press("Escape") // the panel covers that edge
	b.until(`document.querySelector("main.closed")`)
	b.click("#q9")
	b.until(`document.querySelector("#inspector").innerText.match(/dropped, on_full: drop_(oldest|newest)\s+[1-9]/) && document.querySelector("#q9 .drops").textContent.endsWith("dropped")`)
	b.press("Escape")
	b.until(`document.querySelector("main.closed")`)
}

// table sorts, and selects by a row.
func (b reader) table(_ *testing.T) {
	b.until(`document.querySelector("#table tbody th").textContent === "enrich"`)
	b.click(`[data-sort="in"]`)
	b.until(`document.querySelector("#table tbody th").textContent === "clean" && document.querySelector("th[aria-sort=descending] button").dataset.sort === "in"`)
	b.click(`[data-sort="in"]`)
	b.until(`document.querySelector("th[aria-sort=ascending]") && document.querySelector("#table tbody tr:last-child th").textContent === "clean"`)
	b.click(`[data-sort="worst"]`)
	b.click("#table tbody tr")
	b.until(`document.querySelector("#inspector h2")?.textContent === "enrich" && document.querySelector("#n-enrich.chosen")`)
	b.press("Escape")
}

// search finds a node by the beginning of its name.
func (b reader) search(_ *testing.T) {
	b.press("/", "w", "a", "r")
	b.until(`document.querySelector("#found li[aria-selected=true]")?.textContent.startsWith("warehouse")`)
	b.until(`document.querySelectorAll("#table tbody tr").length === 1`)
	b.press("Enter")
	b.until(`document.querySelector("#inspector h2")?.textContent === "warehouse" && document.querySelectorAll("#table tbody tr").length === 15`)
	b.press("Escape")
}

// keys does everything without a mouse.
func (b reader) keys(_ *testing.T) {
	b.eval(`document.querySelector("#n-mqtt_in").focus()`)
	b.press("ArrowRight")
	b.until(`document.activeElement.id === "e0"`)
	b.press("ArrowRight")
	b.until(`document.activeElement.id === "n-clean"`)
	b.press("ArrowLeft", "ArrowDown")
	b.until(`document.activeElement.id === "e2"`)
	b.press("ArrowLeft")
	b.until(`document.activeElement.id === "n-decode"`)
	b.press("Tab")
	b.until(`document.activeElement.id === "n-clean"`)
	b.press("Enter")
	b.until(`document.querySelector("#inspector h2")?.textContent === "clean"`)
	b.press("Escape", "?")
	b.until(`document.querySelector("#keys[open]")`)
	b.press("Escape")
	b.until(`!document.querySelector("dialog[open]")`)
	b.press("+", "+")
	b.wait(100)
	near := b.eval(viewBox)
	b.press("f")
	b.until(viewBox + ` !== ` + fmt.Sprintf("%q", near))
}

// theme changes it, and sees it outlive a reload.
func (b reader) theme(t *testing.T) {
	ground := `getComputedStyle(document.body).backgroundColor`
	before := b.eval(ground)
	b.click("#theme")
	b.until(ground + ` !== ` + fmt.Sprintf("%q", before))
	b.open(b.url)
	if b.eval(ground) == before {
		t.Error("the theme is forgotten by a reload")
	}
}

// reducedMotion wants nothing to move.
func (b reader) reducedMotion(t *testing.T) {
	b.until(`document.querySelector(".stream")`)
	b.media("prefers-reduced-motion", "reduce")
	b.until(`!document.querySelector(".stream") && document.getAnimations().length === 0`)
	// A view that is asked for is there at once, without a way to it.
	b.press("+", "+", "+", "+", "+")
	b.until(viewBox + `.split(" ")[2] < 900`)
	b.eval(`window.views = new Set(); new MutationObserver(() => views.add(` + viewBox + `)).observe(document.querySelector("svg.flow"), {attributeFilter: ["viewBox"]}); document.querySelector("#n-dashboard").focus()`)
	b.press("ArrowLeft")
	b.wait(400)
	if steps, _ := b.eval(`views.size`).(float64); steps > 2 {
		t.Errorf("the view took %v steps where motion is not wanted", steps)
	}
	b.press("f")
	b.media("prefers-reduced-motion", "")
}

// names looks for what a screen reader could not name.
func (b reader) names(t *testing.T) {
	nameless := b.eval(`[...document.querySelectorAll("button,a,input,[role=button],[tabindex='0']")].filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || e.title)).map(e => e.outerHTML.slice(0, 80)).join()`)
	if nameless != "" {
		t.Errorf("without a name: %v", nameless)
	}
	b.until(bottleneck + ` && document.querySelector("#live").textContent.includes("enrich")`)
	for selector, want := range map[string]string{
		"#n-enrich": "button: enrich: lookup, bottleneck", "#e6": "button: unbatch.out → enrich.in Stat = {device: string, mean: float} capacity: 128 at most 64MiB", "#stop": "button: Drain & stop",
	} {
		if got := b.spoken(selector); got != want {
			t.Errorf("%s is read as %q, want %q", selector, got, want)
		}
	}
}

// drain thinks twice before it stops the run.
func (b reader) drain(t *testing.T) {
	b.click("#stop")
	b.until(`document.querySelector("#ask[open]")`)
	b.click("#ask button:last-child")
	b.until(`!document.querySelector("#ask[open]")`)
	if b.run.Stopped() != 0 {
		t.Error("the run was stopped by going on")
	}
	b.click("#stop")
	b.click("#ask .main")
	b.until(`document.querySelector("#outcome").textContent.includes("✓Stopped") && document.querySelector("#stop").disabled && document.querySelector("#lost").hidden`)
	if b.run.Stopped() != 1 {
		t.Errorf("the run was stopped %d times", b.run.Stopped())
	}
}

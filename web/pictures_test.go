package web_test

import (
	"os"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// TestPictures takes the pictures of docs/pictures; make shots calls it.
func TestPictures(t *testing.T) {
	if os.Getenv("FLOWRUN_SHOTS") == "" {
		t.Skip("FLOWRUN_SHOTS=DIR says where the pictures go")
	}
	sensors, failing, large := webtest.Sensors(), webtest.Sensors(), webtest.Large(1000)
	show := func(flow *graph.Flow, run *webtest.Run) string { return serve(t, flow, run, web.Options{}).URL }
	live, errors, many := show(sensors, webtest.PlaySensors(sensors)), show(failing, webtest.PlayErrors(failing)), show(large, webtest.PlayLarge(large))
	folder, dir := realFolder(t, "", diffFiles())
	if !testing.Short() {
		time.Sleep(55 * time.Second) // so that lines of a minute are full
	}
	const whole = `document.querySelector("svg.flow.far") && document.querySelectorAll("#table tbody tr").length === 50`
	for _, p := range []struct{ name, url, theme, ready, then string }{
		{"live", live, "light", bottleneck, ""},
		{"live-dark", live + "/?sel=e6", "dark", bottleneck, ""},
		{"live-down", live + "/?down=1", "light", bottleneck, ""},
		{"errors", errors + "/?sel=decode", "light", `document.querySelector("#inspector .error")`, ""},
		{"thousand", many, "light", whole, ""},
		{"diff", folder.URL + diffPath(dir, "a.yaml", "b.yaml"), "light", `document.querySelector("svg.flow")`,
			`document.querySelectorAll("option").forEach(o => { o.textContent = o.textContent.replace(/.*[/]/, "") })`}, // the folder is one of this test's
		{"phone", live + "/?down=1", "light", bottleneck, ""},
	} {
		t.Run(p.name, func(t *testing.T) {
			width, height := 1360, 800
			if p.name == "phone" {
				width, height = 390, 844
			}
			b := openBrowser(t, width, height)
			b.media("prefers-color-scheme", p.theme)
			b.call("Page.navigate", map[string]any{"url": p.url}, nil)
			b.until(`document.readyState === "complete" && ` + p.ready)
			if p.then != "" {
				b.eval("{" + p.then + "}")
			}
			b.wait(2500)
			b.shot(p.name)
		})
	}
}

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
	if !testing.Short() {
		time.Sleep(55 * time.Second) // so that lines of a minute are full
	}
	wide := openBrowser(t, 1360, 800)
	for _, p := range []struct{ name, url, theme, ready, then string }{
		{"live", live, "light", bottleneck, ""},
		{"live-dark", live + "/?sel=e6", "dark", bottleneck, ""},
		{"live-down", live + "/?down=1", "light", bottleneck, ""},
		{"errors", errors + "/?sel=decode", "light", `document.querySelector("#inspector .error")`, ""},
		{"thousand", many, "light", `document.querySelector("svg.flow.far") && document.querySelectorAll("#table tbody tr").length === 50`, ""},
		{"thousand-near", many, "dark", `document.querySelector("svg.flow.far") && document.querySelectorAll("#table tbody tr").length === 50`, "b"},
	} {
		wide.media("prefers-color-scheme", p.theme)
		wide.eval(`sessionStorage.clear()`)
		wide.call("Page.navigate", map[string]any{"url": p.url}, nil)
		wide.until(`document.readyState === "complete" && ` + p.ready)
		if p.then != "" {
			wide.press(p.then)
		}
		wide.wait(2500)
		wide.shot(p.name)
		wide.eval(`sessionStorage.clear(), dispatchEvent(new Event("pagehide")), sessionStorage.clear()`)
	}
	phone := openBrowser(t, 390, 844)
	phone.call("Page.navigate", map[string]any{"url": live + "/?down=1"}, nil)
	phone.until(`document.readyState === "complete" && ` + bottleneck)
	phone.wait(2500)
	phone.shot("phone")
}

package web_test

import (
	"path/filepath"
	"strconv"
	"testing"
)

// visit opens a page without live numbers.
func (b *browser) visit(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`document.readyState === "complete" && location.href !== "about:blank" && document.querySelector("main")`)
}

// accessible has axe-core look at the page.
func (b *browser) accessible() {
	b.t.Helper()
	for _, v := range b.axe(axeSource(b.t)) {
		b.t.Error(v)
	}
}

// TestComparePages looks at the pages of differences and of runs, as a person would.
func TestComparePages(t *testing.T) {
	b := openBrowser(t, 1500, 900)
	server, dir := realFolder(t, "", diffFiles())
	ids := keptRuns(t, dir)
	for _, scheme := range []string{"light", "dark"} {
		b.media("prefers-color-scheme", scheme)
		b.visit(server.URL + diffPath(dir, "a.yaml", "b.yaml"))
		for _, mark := range []string{"added", "removed", "changed", "affected"} {
			// A mark has its colour, its sign and its word.
			b.until(`getComputedStyle(document.querySelector("svg.flow .node.d-` + mark + ` .card")).stroke !== getComputedStyle(document.querySelector("svg.flow .node.d-same .card") ?? document.body).stroke`)
			b.until(`/^[+−~≈] [a-z ]+$/.test(document.querySelector("svg.flow .node.d-` + mark + ` .tag text").textContent)`)
		}
		b.until(`document.querySelector(".things ins").textContent && document.documentElement.scrollWidth <= innerWidth`)
		b.shot("diff-" + scheme)
		b.accessible()
		b.visit(server.URL + "/runs")
		b.until(`document.querySelectorAll("tbody tr").length === 3`)
		b.shot("runs-" + scheme)
		b.accessible()
		b.visit(server.URL + "/runs/" + ids[0])
		b.until(`document.querySelector(".chart .trend").getBoundingClientRect().width > 300 && document.querySelectorAll(".mini").length === 8`)
		b.shot("run-" + scheme)
		b.accessible()
		b.visit(server.URL + "/runs/compare?a=" + ids[0] + "&b=" + ids[2])
		b.until(`document.querySelectorAll(".chart path.trend").length >= 2 && document.querySelector(".better")`)
		b.shot("runs-compare-" + scheme)
		b.accessible()
	}
	// By hand: choose two flows, follow the list into the drawing, compare two runs.
	b.visit(server.URL + "/diff")
	b.eval(`document.querySelector("[name=a]").value = ` + strconv.Quote(filepath.Join(dir, "b.yaml")) + `; document.querySelector("[name=b]").value = ` + strconv.Quote(filepath.Join(dir, "a.yaml")))
	b.click(".choose button")
	b.until(`document.querySelector("#summary")?.textContent.startsWith("1 node added, 2 removed")`)
	b.eval(`document.querySelector(".things a").click()`)
	b.until(`document.querySelector(".node:target")`)
	b.visit(server.URL + "/runs")
	b.eval(`document.querySelectorAll("[name=a]")[2].click(); document.querySelectorAll("[name=b]")[0].click()`)
	b.click("form .main")
	b.until(`location.pathname === "/runs/compare" && document.querySelector(".facing")`)
	b.clean(server.URL)
}

// TestCompareOnAPhone looks at the same on a narrow screen.
func TestCompareOnAPhone(t *testing.T) {
	b := openBrowser(t, 390, 844)
	server, dir := realFolder(t, "", diffFiles())
	ids := keptRuns(t, dir)
	for name, path := range map[string]string{"diff": diffPath(dir, "a.yaml", "b.yaml"), "runs": "/runs", "run": "/runs/" + ids[0], "pair": "/runs/compare?a=" + ids[0] + "&b=" + ids[1]} {
		b.visit(server.URL + path)
		if wide, _ := b.eval(`document.documentElement.scrollWidth`).(float64); wide > 390 {
			t.Errorf("%s is %v px wide", name, wide)
		}
		b.shot("phone-" + name)
	}
	b.clean(server.URL)
}

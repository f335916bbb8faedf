package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the README says of a broken flow is what its reader sees.
func TestBreakItOfTheReadme(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "$ sed 's/delay > 15/dely > 15/' flows/quickstart.yaml > flows/broken.yaml\n$ ./flowrun check flows/broken.yaml\n")
	said, _, found := strings.Cut(block, "```\n")
	if !found {
		t.Fatal("the README breaks nothing")
	}
	files := map[string]string{}
	for _, name := range []string{"flows/quickstart.yaml", "flows/data/flights.csv", "flows/data/airports.csv"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	files["flows/broken.yaml"] = strings.Replace(files["flows/quickstart.yaml"], "delay > 15", "dely > 15", 1)
	folder(t, files)
	call("", "check", "flows/broken.yaml").want(t, 2, "", said)
}

// The page that newcomers copy from must be a flow without a problem.
func TestTheFlowOnOnePageOfTheReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(text), "## The flow file on one page\n\n```yaml\n")
	page, _, found := strings.Cut(page, "```\n")
	if !found {
		t.Fatal("the README has no such page")
	}
	folder(t, map[string]string{
		"page.yaml":         page,
		"data/flights.csv":  "date,delay,origin,US Gross\n2001-01-01T00:01:00Z,20,SFO,\n",
		"data/airports.csv": "iata,state\nSFO,CA\n",
	})
	call("", "check", "page.yaml", "--strict").want(t, 0, "page.yaml: ok, 6 nodes, 5 edges\n", "")
	if r := call("", "run", "page.yaml", "-q"); r.code != 0 || r.err != "" {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	got, _ := os.ReadFile("out/late.csv")
	if want := "date,delay,origin,gross,state\n2001-01-01T00:01:00Z,20,SFO,0,CA\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The flow that the page about reading shows is read as it stands.
func TestFlowOfThePageAboutReading(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "reading.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	flow, _, found := strings.Cut(block, "```\n")
	if !found {
		t.Fatal("the page shows no flow")
	}
	folder(t, map[string]string{
		"f.yaml":     flow + "  out: {use: file.write, in: orders, with: {path: \"-\", format: jsonl}}\n",
		"orders.csv": "id,customer,paid,Order Total\n1,,03.01.2026 10:00,\n",
	})
	call("", "run", "-q", "f.yaml").want(t, 0, `{"id":1,"customer":null,"paid":"2026-01-03T10:00:00Z","total":0}`+"\n", "")
}

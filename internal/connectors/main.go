package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The measured table stands between these lines of the page.
const (
	figuresBegin = "<!-- figures: make connectors -->\n"
	figuresEnd   = "<!-- end of figures -->\n"
)

func main() {
	dir := flag.String("dir", ".", "the folder of the module")
	check := flag.Bool("check", false, "change nothing, and fail if the page is not what the kinds say")
	flag.Parse()
	if err := run(filepath.Join(*dir, "docs", "connectors.md"), *check); err != nil {
		fmt.Fprintln(os.Stderr, "connectors:", err)
		os.Exit(1)
	}
}

// run writes the page again, or compares it.
func run(path string, check bool) error {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	figures := "Nothing was measured yet: `make connectors`.\n"
	if _, rest, ok := strings.Cut(string(text), figuresBegin); ok {
		figures, _, _ = strings.Cut(rest, figuresEnd)
	}
	packs, err := packsOf()
	if err != nil {
		return err
	}
	drawn := page(packs, figures)
	switch {
	case drawn == string(text):
		return nil
	case check:
		return fmt.Errorf("%s is not what the kinds say: run make docs", path)
	}
	return os.WriteFile(path, []byte(drawn), 0o644)
}

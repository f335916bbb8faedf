package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The page has every kind with how it delivers, and keeps what was measured.
func TestPage(t *testing.T) {
	t.Chdir("../..")
	packs, err := packsOf()
	if err != nil {
		t.Fatal(err)
	}
	delivers := map[string]string{}
	for _, p := range packs {
		for _, k := range p.kinds {
			delivers[k.name] = k.delivers
		}
	}
	for name, want := range map[string]string{
		"file.read": "replays", "file.write": "at the end of the run, flushes", "exec.read": "can acknowledge",
		"http.call": "keeps nothing, idempotent", "sql.write": "flushes, idempotent", "http.listen": "acknowledges unless told otherwise",
	} {
		if delivers[name] != want {
			t.Errorf("%s: %q, want %q", name, delivers[name], want)
		}
	}
	for _, p := range packs {
		if slices.Contains(inner, p.path) {
			t.Errorf("%s talks to nobody", p.path)
		}
	}

	path := filepath.Join(t.TempDir(), "connectors.md")
	if err := run(path, true); err == nil {
		t.Error("a page that is not there is said to be right")
	}
	measured := "Measured once.\n\n| a | b |\n"
	if err := os.WriteFile(path, []byte("before\n"+figuresBegin+measured+figuresEnd), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, check := range []bool{false, true} {
		if err := run(path, check); err != nil {
			t.Fatal(err)
		}
	}
	text, _ := os.ReadFile(path)
	if !strings.Contains(string(text), "[`sql.read`](kinds/sql.read.md)") || !strings.Contains(string(text), measured) || strings.Contains(string(text), "before\n") {
		t.Errorf("got\n%s", text)
	}
	os.WriteFile(path, []byte(strings.Replace(string(text), "replays", "replies", 1)), 0o644)
	if err := run(path, true); err == nil {
		t.Error("a page that says something else is said to be right")
	}
}

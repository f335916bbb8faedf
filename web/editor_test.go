package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestEditorIsTheOneOfItsManifest holds the bundle that is served against what its
// recipe says of it: the checksum, and of every package in it the licence.
func TestEditorIsTheOneOfItsManifest(t *testing.T) {
	var manifest struct {
		File, SHA256 string
		Packages     []struct{ Name, Version, License string }
	}
	text, err := os.ReadFile("editor/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	bundle, err := files.ReadFile(strings.TrimPrefix(manifest.File, "web/"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(bundle); hex.EncodeToString(sum[:]) != manifest.SHA256 {
		t.Errorf("%s is not what web/editor/build.sh made: its checksum is %x", manifest.File, sum)
	}
	var recipe struct {
		Needs map[string]string `json:"devDependencies"`
	}
	text, err = os.ReadFile("editor/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &recipe); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range manifest.Packages {
		if p.License != "MIT" || !bytes.Contains(bundle, []byte(p.Name+" "+p.Version)) {
			t.Errorf("the licence of %s %s is not in the bundle", p.Name, p.Version)
		}
		if want, ok := recipe.Needs[p.Name]; ok {
			found++
			if want != p.Version {
				t.Errorf("%s is %s in the bundle, and %s in the recipe", p.Name, p.Version, want)
			}
		}
	}
	if found != len(recipe.Needs)-1 { // all but esbuild
		t.Errorf("%d packages of the recipe are in the bundle, want %d", found, len(recipe.Needs)-1)
	}
	if bytes.Count(bundle, []byte("Permission is hereby granted")) == 0 {
		t.Error("the bundle has no licence")
	}
}

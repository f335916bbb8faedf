package nodes

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// This file puts kinds together into a pack, with their documentation.

// Pack gives kinds their long documentation, which is Markdown beside their code: docs has
// the text of the kind sample in docs/sample.md, that of geo.distance in
// docs/geo.distance.md. A pack embeds the folder:
//
//	//go:embed docs/*.md
//	var docs embed.FS
//
//	var Nodes = nodes.Pack(docs, nearDecl, distanceDecl)
//
// NewRegistry reports a kind without a text, unless the declaration has one by Doc, and a
// text without a kind.
func Pack(docs fs.FS, kinds ...Decl) []Decl {
	pack := slices.Clone(kinds)
	var names []string
	for i := range pack {
		d := &pack[i]
		names = append(names, d.Spec.Kind)
		d.err = errors.Join(d.err, d.readDoc(docs))
	}
	if len(pack) > 0 {
		pack[0].err = errors.Join(pack[0].err, strayDocs(docs, names))
	}
	return pack
}

// docFile is where the text of a kind stands.
func docFile(kind string) string { return "docs/" + kind + ".md" }

func (d *Decl) readDoc(docs fs.FS) error {
	file := docFile(d.Spec.Kind)
	text, err := fs.ReadFile(docs, file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.Spec.Doc != "":
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("kind %s has no documentation: write %s", d.Spec.Kind, file)
	case err != nil:
		return fmt.Errorf("kind %s: %w", d.Spec.Kind, err)
	case d.Spec.Doc != "":
		return fmt.Errorf("kind %s is documented twice, by Doc and in %s", d.Spec.Kind, file)
	case strings.TrimSpace(string(text)) == "":
		return fmt.Errorf("kind %s has no documentation: %s is empty", d.Spec.Kind, file)
	}
	d.Spec.Doc = strings.TrimSpace(string(text))
	return nil
}

// strayDocs reports texts that belong to no kind of a pack.
func strayDocs(docs fs.FS, kinds []string) error {
	files, err := fs.Glob(docs, "docs/*.md")
	if err != nil {
		return err
	}
	var wrong []error
	for _, file := range files {
		if kind := strings.TrimSuffix(path.Base(file), ".md"); !slices.Contains(kinds, kind) {
			wrong = append(wrong, fmt.Errorf("%s documents no kind of its pack, which has %s", file, strings.Join(kinds, ", ")))
		}
	}
	return errors.Join(wrong...)
}

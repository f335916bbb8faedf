package render

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// pictures names a folder for the samples, to be looked at.
var pictures = flag.String("pictures", "", "write the drawings of the samples into this folder")

// With -pictures DIR the samples are drawn into files: nothing replaces an eye.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("without -pictures")
	}
	live := plant()
	live.Live = true
	for name, s := range map[string]*Scene{"plant": plant(), "late": lateFlights(), "wide": wide(), "random": random(300), "live": live} {
		for engine, layout := range map[Engine]func(*Scene) error{
			Builtin:  LayoutBuiltin,
			Graphviz: func(s *Scene) error { return Layout(t.Context(), s) },
		} {
			if err := layout(s); err != nil || s.Engine != engine {
				t.Fatal(err, s.Engine)
			}
			var svg, light, dark bytes.Buffer
			if err := errors.Join(SVG(&svg, s, SVGOptions{}), PNG(&light, s, PNGOptions{}), PNG(&dark, s, PNGOptions{Dark: true})); err != nil {
				t.Fatal(err)
			}
			stem := name + "-" + string(engine)
			save(t, stem+".svg", svg.Bytes())
			save(t, stem+"-light.png", light.Bytes())
			save(t, stem+"-dark.png", dark.Bytes())
		}
	}
}

func save(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(*pictures, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

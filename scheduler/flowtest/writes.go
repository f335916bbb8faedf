package flowtest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
)

// A writeText is what a file must hold.
type writeText struct {
	Text     *string  `yaml:"text" doc:"The whole text; a newline at the end does not count."`
	From     string   `yaml:"from" doc:"A file with the same text, relative to the folder of the test file."`
	Contains []string `yaml:"contains" lone:"true" doc:"Texts that are in the file."`
	Absent   bool     `yaml:"absent" doc:"The file must not be written."`

	at   diag.Span
	yaml *config.Value // of a text that stands alone
}

var writeSchema = mustSchema(&writeText{})

// DecodeConfig implements config.Decoder.
func (w *writeText) DecodeConfig(v *config.Value, list *diag.List) {
	w.at = v.Span
	if v.Kind == config.Scalar {
		w.Text, w.yaml = &v.Text, v
		return
	}
	writeSchema.Decode(v, w, list)
}

// ConfigType implements config.Describer.
func (writeText) ConfigType() (string, map[string]any) {
	return "text, or {text, from, contains, absent}", map[string]any{"anyOf": []any{map[string]any{"type": "string"}, writeSchema.JSONSchema()}}
}

// An expectedFile is a file that is expected.
type expectedFile struct {
	*writeText
	at   diag.Span // its key
	path string    // as in the flow
	dir  string    // of the test file
	want string
}

// check finds what can be known to be wrong, and reads the file with the text.
func (w *expectedFile) check(c *Case, list *diag.List) {
	if w.From != "" {
		text, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(w.From)))
		if err != nil {
			list.Add(diag.NoFile, w.writeText.at, "%v", err)
			return
		}
		w.want = string(text)
	}
	if w.Text != nil {
		w.want = *w.Text
	}
	if len(c.sinks) == 0 && w.path != "-" {
		list.Add(diag.Conflict, w.at, "no sink of the flow writes a file").WithHint("standard output is called -")
	}
}

// written gives what the sinks of a case wrote, by the paths of the flow.
func (c *Case) written() map[string]string {
	files := map[string]string{}
	for id, begin := range c.sinks {
		filepath.WalkDir(filepath.Join(c.dir, id), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			text, err := os.ReadFile(path)
			rel, relErr := filepath.Rel(begin, path)
			if err == nil && relErr == nil {
				files[filepath.ToSlash(rel)] = string(text)
			}
			return nil
		})
	}
	return files
}

// compare holds a file against what is expected.
func (w *expectedFile) compare(c *Case, stdout string, succeeded bool, list *diag.List) {
	files := c.written()
	path := strings.TrimPrefix(filepath.ToSlash(filepath.Clean(w.path)), "/")
	got, there := files[path]
	if w.path == "-" {
		got, there = stdout, stdout != "" || w.want == ""
	}
	switch {
	case w.Absent:
		if there {
			list.Add(diag.Unexpected, w.at, "%s is written, but should not be", w.path)
		}
	case !there:
		d := list.Add(diag.Unexpected, w.at, "%s is not written", w.path)
		var names []string
		for name := range files {
			names = append(names, name)
		}
		slices.Sort(names)
		if d.DidYouMean(path, names); !succeeded {
			d.WithHint("a run that fails leaves no files")
		}
	case w.Text != nil || w.From != "":
		w.differ(got, list)
	}
	for _, part := range w.Contains {
		if there && !strings.Contains(got, part) {
			list.Add(diag.Unexpected, w.at, "%s does not contain %q", w.path, part).WithNote(diag.Span{}, "it is %q", shorten(redact.Text(got), 200))
		}
	}
}

// differ shows the first line that differs.
func (w *expectedFile) differ(got string, list *diag.List) {
	g, want := lines(got), lines(w.want)
	for i := range max(len(g), len(want)) {
		a, b := "(the end)", "(the end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if a == b {
			continue
		}
		at := w.at
		if v := w.yaml; v != nil && i < len(want) {
			at = v.At(len([]rune(strings.Join(want[:i], "\n")))+min(i, 1), max(1, len([]rune(b))))
		}
		list.Add(diag.Unexpected, at, "%s: line %d differs", w.path, i+1).
			WithNote(diag.Span{}, "got  %s", shorten(shownLine(a), 300)).WithNote(diag.Span{}, "want %s", shorten(shownLine(b), 300))
		return
	}
}

// shownLine gives a line of a file without its secrets.
func shownLine(line string) string {
	if json.Valid([]byte(line)) {
		return redact.JSON(line)
	}
	return redact.Text(line)
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

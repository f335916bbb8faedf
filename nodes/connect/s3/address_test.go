package s3

import (
	"bufio"
	"strings"
	"testing"
)

// Whatever an address is, a key that it means begins with its prefix.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"s3://shop/a", `s3://shop/a\*b/*.csv`, "s3://shop/**/[a-z]{x,y}?", "s3://shop", "s3://shop/in/", "s3://shop/%20 ü"} {
		f.Add(seed, "in/a.csv")
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		a, err := addressOf(text)
		if err != nil {
			return
		}
		if b, err := addressOf(a.String()); err != nil || b != a {
			t.Errorf("%q is %q again: %v", text, b, err)
		}
		if a.has(key) && key != a.key && !strings.HasPrefix(key, a.prefix()) {
			t.Errorf("%q means %q, which does not begin with %q", text, key, a.prefix())
		}
		if !strings.HasPrefix(a.prefix(), a.folder()) {
			t.Errorf("%q: folder %q, prefix %q", text, a.folder(), a.prefix())
		}
		if !a.has(a.key) {
			t.Errorf("%q does not mean itself", text)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add("[default]\naws_access_key_id = one\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := profile{}
		p.read(bufio.NewScanner(strings.NewReader(text)), "default", "profile default")
		for key := range p {
			if key != strings.ToLower(key) || strings.ContainsAny(key, "\n=") {
				t.Errorf("%q has %q", text, key)
			}
		}
	})
}

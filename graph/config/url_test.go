package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestURLHidesItsSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"sqlite:x.db":  "sqlite:x.db",
		"http://a/b?c": "http://a/b?c",
		"postgres://ann:geheim@db:5432/shop?sslmode=disable": "postgres://ann:[secret]@db:5432/shop?sslmode=disable",
		"postgres://ann@db/shop":                             "postgres://ann@db/shop",
		"postgres://ann:ge%20heim@db/shop?password=geheim":   "postgres://ann:[secret]@db/shop?password=[secret]",
		"https://h/x?api_key=geheim&page=2":                  "https://h/x?api_key=[secret]&page=2",
		"ann:geheim@tcp(db)/shop":                            "[secret]",
		"postgres://ann:geheim@db:port/shop":                 "[secret]",
		"%zz":                                                "%zz",
	} {
		u := NewURL(text)
		encoded, _ := json.Marshal(map[string]any{"u": u})
		for how, got := range map[string]string{
			"String": u.String(), "%s": fmt.Sprintf("%s", u), "%v": fmt.Sprintf("%v", struct{ U URL }{u})[1:],
		} {
			if strings.TrimSuffix(got, "}") != want {
				t.Errorf("%s of %q is %q, want %q", how, text, got, want)
			}
		}
		if strings.Contains(string(encoded)+fmt.Sprintf("%#v %q %x", u, u, u), "heim") {
			t.Errorf("%q shows its secret: %s", text, encoded)
		}
		if u.Reveal() != text {
			t.Errorf("Reveal of %q is %q", text, u.Reveal())
		}
	}
	whole := NewURL("postgres://ann:geheim@db/geheim")
	whole.secret = true
	if whole.String() != "postgres://db/[secret]" || whole.Scheme() != "postgres" {
		t.Errorf("a secret as a whole shows %q, scheme %q", whole, whole.Scheme())
	}
}

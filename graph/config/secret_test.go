package config

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// A secret may stand beside other text: the setting must be made for secrets, and is one as
// a whole. In a URL it is escaped, so that a password may have any characters.
func TestSecretBesideOtherText(t *testing.T) {
	lookup := func(name string) (Variable, bool) {
		text, ok := map[string]string{"env:PW": "g@heim/ 1%+", "file:/run/pw": "heim", "HOST": "db:5432"}[name]
		return Variable{Text: text}, ok
	}
	type settings struct {
		At    URL    `yaml:"at" doc:"."`
		Token Secret `yaml:"token" doc:"."`
		Plain string `yaml:"plain" doc:"."`
		Own   own    `yaml:"own" doc:"."`
	}
	schema, err := Of(&settings{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) (s settings, told string) {
		var list diag.List
		v := parse(t, text)
		Substitute(v, lookup, &list)
		schema.Decode(v, &s, &list)
		var b strings.Builder
		if err := diag.Print(&b, list, diag.Style{}); err != nil {
			t.Fatal(err)
		}
		return s, b.String()
	}
	s, told := read("at: postgres://ann:${env:PW}@${HOST}/shop?sslmode=disable\ntoken: 'user:${env:PW}'\n")
	if want := "postgres://ann:g%40heim%2F%201%25%2B@db:5432/shop?sslmode=disable"; s.At.Reveal() != want || told != "" {
		t.Errorf("the URL is %q, want %q; %s", s.At.Reveal(), want, told)
	}
	if s.At.String() != "postgres://db:5432/[secret]" {
		t.Errorf("it is shown as %s", s.At)
	}
	if s.Token.Reveal() != "user:g@heim/ 1%+" {
		t.Errorf("the secret is %q", s.Token.Reveal())
	}
	if s, _ := read("at: '${env:PW}'\n"); s.At.Reveal() != "g@heim/ 1%+" {
		t.Errorf("a whole URL is changed: %q", s.At.Reveal())
	}
	for _, text := range []string{"plain: 'a ${env:PW}'\n", "plain: '${NONE:-a ${file:/run/pw}}'\n", "own: {a: ['b ${env:PW}']}\n", "own: ['${env:PW}']\n"} {
		if _, told := read(text); !strings.Contains(told, "a secret cannot be used here") || strings.Contains(told, "heim") {
			t.Errorf("%s: told %q", text, told)
		}
	}
}

// own is a setting that reads itself.
type own struct{ text string }

func (o *own) DecodeConfig(v *Value, _ *diag.List) { o.text = v.String() }

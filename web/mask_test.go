package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/web"
)

// secrets is a flow whose writer put values where they do not belong, in every way that
// YAML knows. Each has "hunter" in it.
const secrets = `flow: s
vars:
  DB_PASSWORD: hunter
  PIN_TOKEN: "hunter, hunter"
nodes:
  a:
    use: generate
    with:
      password: |
        hunter

        hunter: 7
      token: >-  # note
        hunter
      secret: $hunter
      credentials:
        - hunter
        - hunter
      passwords:
      - hunter
      api_keys: [hunter, hunter]
      authorization: 'Bearer hunter, it''s hunter'
      apikey:
        hunter
      passwd: !!str hunter
      pwd: hunter # hunter
      private-key: "hunter
        hunter"
      headers: {Authorization: Basic hunter, rows: 3}
      aws_secret_access_key: hunter, hunter
      url: "postgres://u:hunter@h/db"
      token : "hunter\" hunter"
      env: {password: ${PASSWORD}, rows: 4}
      both: {password: hunter, token: hunter, rows: 5}
      after: 5
  token:

    # a node
    use: drop
    in: a
`

func TestMaskedSecrets(t *testing.T) {
	got := web.Masked(secrets)
	if strings.Contains(got, "hunter") {
		t.Errorf("it shows a secret:\n%s", got)
	}
	if a, b := strings.Count(got, "\n"), strings.Count(secrets, "\n"); a != b {
		t.Errorf("%d lines of %d:\n%s", a, b, got)
	}
	for _, want := range []string{"rows: 3}", "${PASSWORD}, rows: 4}", "after: 5", "  token:\n\n    # a node\n    use: drop\n    in: a\n", "://u:•••@h/db"} {
		if !strings.Contains(got, want) {
			t.Errorf("it hides %q:\n%s", want, got)
		}
	}
	for text, want := range map[string]string{
		`{"password":"hunter","n":1}`:              `{"password":•••,"n":1}`,
		"   7 |   password: hunter\n     |   ^^^^": "   7 |   password: •••\n     |   ^^^^",
		"password:":            "password:",
		"password: ":           "password: ",
		"password: |":          "password: |",
		"a: {password: hunter": "a: {password: •••",
		"api_keys: [hunter":    "api_keys: •••",
		`token: "hunter`:       "token: •••",
		"nothing: here":        "nothing: here",
	} {
		if got := web.Masked(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// Texts of strangers are masked too, so no text may take long.
func TestSoakMasked(t *testing.T) {
	soak(t)
	for _, text := range []string{"token: |\n", "token:\n", "token: [", "token:{", "- token:\n", "token:${", "token:|#", "{token:a,", "token:\n  ${A}\n", "token:\"", "token: \n\n"} {
		begun := time.Now()
		web.Masked(strings.Repeat(text, 1<<20/len(text)))
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("a megabyte of %q takes %s", text, took)
		} else {
			t.Logf("a megabyte of %q takes %s", text, took.Round(time.Millisecond))
		}
	}
}

func FuzzMasked(f *testing.F) {
	f.Add(secrets)
	f.Add("token:\n - \n- x\n")
	f.Add("password: ['\n]")
	f.Fuzz(func(t *testing.T, text string) {
		if got := web.Masked(text); strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

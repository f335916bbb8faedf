package redact_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/redact"
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
      access_keys: [[hunter], [
        hunter]]
      authorization: 'Bearer hunter, it''s hunter'
      apikey:
        hunter
      passwd: !!str hunter
      pwd: hunter # hunter
      private-key: "hunter
        hunter"
      passphrase: hunter
        and hunter
      credential:
        user: hunter
        key: hunter
      creds: {user: hunter, key: [hunter, {a: hunter}]}
      list:
        - token: hunter
          user: ada
        - auth:
            - hunter
          user: bob
      headers: {Authorization: Basic hunter, rows: 3}
      aws_secret_access_key: hunter, hunter
      url: "postgres://u:hunter@h/db"
      command: curl --password hunter -H 'Authorization: hunter'
      conn: host=h password=hunter
      token : "hunter\" hunter"
      pin: 47
      env: {password: ${PASSWORD}, rows: 4}
      preset: {password: "${PASSWORD:-hunter}", token: ${TOKEN:-hunter}}
      both: {password: hunter, token: hunter, rows: 5}
      session: 10m
      max_tokens: 100
      after: 5
  token:

    # a node
    in: a
    use: drop
  pass: {in: a, use: drop}
types:
  Token:
    id: int
  Credentials: {name: string}
`

func TestSource(t *testing.T) {
	got := redact.Source(secrets)
	if strings.Contains(got, "hunter") || strings.Contains(got, "47") {
		t.Errorf("it shows a secret:\n%s", got)
	}
	if a, b := strings.Count(got, "\n"), strings.Count(secrets, "\n"); a != b {
		t.Errorf("%d lines of %d:\n%s", a, b, got)
	}
	for _, want := range []string{
		"rows: 3}", "{password: ${PASSWORD}, rows: 4}", "rows: 5}", "after: 5", "  token:\n\n    # a node\n    in: a\n    use: drop\n", "pass: {in: a, use: drop}",
		"://u:•••@h/db", "user: ada", "user: bob", "session: 10m", "max_tokens: 100", "  Token:\n    id: int\n", "Credentials: {name: string}", "token: ${TOKEN:-•••}}",
		"      credential:\n        •••\n        •••\n      creds: •••\n", "      password: |\n        •••\n\n        •••\n", "token: >-  # •••\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	if again := redact.Source(got); again != got {
		t.Errorf("to hide twice gives:\n%s", again)
	}
	for text, want := range map[string]string{
		`{"password":"hunter","n":1}`:              `{"password":•••,"n":1}`,
		"   7 |   password: hunter\n     |   ^^^^": "   7 |   password: •••\n     |   ^^^^",
		"password:":                       "password:",
		"password: ":                      "password: ",
		"password: |":                     "password: |",
		"a: {password: hunter":            "a: {password: •••",
		"api_keys: [hunter":               "api_keys: •••",
		`token: "hunter`:                  "token: •••",
		"nothing: here":                   "nothing: here",
		"password: hunter2":               "password: •••",
		"with: {api_key: abc, rows: 3}":   "with: {api_key: •••, rows: 3}",
		`"Authorization": Bearer abc`:     `"Authorization": •••`,
		"token: ${env:TOKEN}":             "token: ${env:TOKEN}",
		"url: postgres://me:pa55@host/db": "url: postgres://me:•••@host/db",
		"url: https://host:8080/a@b":      "url: https://host:8080/a@b",
		"key: id":                         "key: id",
	} {
		if got := redact.Source(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzSource(f *testing.F) {
	f.Add(secrets)
	f.Add("token:\n - \n- x\n")
	f.Add("password: ['\n]")
	f.Fuzz(func(t *testing.T, text string) {
		if got := redact.Source(text); strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

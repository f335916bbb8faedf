package redact_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/redact"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"password=hunter2":                                                                          "password=•••",
		"password: hunter2 and more":                                                                "password: ••• and more",
		"no connection to nats://me:pw@host: token=x\nnext":                                         "no connection to nats://me:•••@host: token=•••\nnext",
		"a PASSWORD = 'two words' b":                                                                "a PASSWORD = '•••' b",
		`token="a \"quoted\" one" x`:                                                                `token="•••" x`,
		"private key: abc; the api key = def, key: id":                                              "private key: •••; the api key = •••, key: id",
		"Authorization: Bearer abc.def":                                                             "Authorization: •••",
		"curl -H 'Authorization: Digest u=\"a\", b=c' http://h":                                     "curl -H 'Authorization: •••\"a\", b=c' http://h",
		"Cookie: a=b; sid=c\nHost: x":                                                               "Cookie: •••\nHost: x",
		"sent Bearer abcdef123 and Basic dXNlcjpwYXNz":                                              "sent Bearer ••• and Basic •••",
		"basic training, basic authentication":                                                      "basic training, basic authentication",
		"curl --password hunter2 --token=abc --token-file f":                                        "curl --password ••• --token=••• --token-file f",
		`[curl, --api-key, hunter2, "--pwd", "x y", -v]`:                                            `[curl, --api-key, •••, "--pwd", "••• y", -v]`,
		"tool --password --verbose":                                                                 "tool --password --verbose",
		"GET /a?access_token=x&n=1&user[password]=y&p%5Bpassword%5D=z HTTP":                         "GET /a?access_token=•••&n=1&user[password]=•••&p%5Bpassword%5D=••• HTTP",
		"postgres://me:p@ss@host/db":                                                                "postgres://me:•••@host/db",
		"nats://a:b@h1,nats://c:d@h2":                                                               "nats://a:•••@h1,nats://c:•••@h2",
		"https://ghp_abc@github.com/x https://sk_live:@api.host":                                    "https://•••@github.com/x https://•••@api.host",
		"postgres://me@host/db https://host:8080/a@b":                                               "postgres://me@host/db https://host:8080/a@b",
		"me:pw@tcp(host)/db me:pw@host:5432 a:b@host/db":                                            "me:•••@tcp(host)/db me:•••@host:5432 a:•••@host/db",
		"email:ada@x.org, git@github.com:a/b":                                                       "email:ada@x.org, git@github.com:a/b",
		"Server=h;User=sa;Password=a;AccountKey=b==;X=1":                                            "Server=h;User=sa;Password=•••;AccountKey=•••;X=1",
		"{User:ada Password:hunter2 Headers:map[Authorization:[Bearer x] Host:[h]]}":                "{User:ada Password:••• Headers:map[Authorization:••• Host:[h]]}",
		`field "password": want int, got "hunter2"`:                                                 `field "password": want int, got •••`,
		`field "age": want int, got "hunter2"`:                                                      `field "age": want int, got "hunter2"`,
		`column "token" is int but for a few cells, such as "a\"b" in line 2; it is read as string`: `column "token" is int but for a few cells, such as ••• in line 2; it is read as string`,
		`column "age" has cells such as "x"`:                                                        `column "age" has cells such as "x"`,
		"password: want int, got 7\nnext":                                                           "password: want int, got •••\nnext",
		"where password != 'x' and token == other.token":                                            "where password != '•••' and token == other.token",
		"'${password}' != ''":                                                                       "'${password}' != ''",
		"token => 'x', token := y":                                                                  "token => '•••', token := •••",
		"password=${PW}, token: ${TOKEN:-preset}, pwd=${A:-${B:-c}}":                                "password=${PW}, token: ${TOKEN:-•••}, pwd=${A:-•••}",
		"${DB_PASSWORD:-hunter2}":                                                                   "${DB_PASSWORD:•••}",
		"session: 10m, session: abc":                                                                "session: 10m, session: •••",
		"token_count: 5, author: me, at 12:30:15":                                                   "token_count: 5, author: me, at 12:30:15",
		"password:":     "password:",
		"password: ":    "password: ",
		"password":      "password",
		"password: •••": "password: •••",
		"":              "",
	} {
		got := redact.Text(text)
		if got != want {
			t.Errorf("%s\n gives %s\n want  %s", text, got, want)
		}
		if again := redact.Text(got); again != got {
			t.Errorf("%s\n gives %s, and then %s", text, got, again)
		}
	}
}

func TestSetting(t *testing.T) {
	for _, x := range []struct{ path, value, want string }{
		{"vars.DB_PASSWORD", "hunter2", "•••"},
		{"with.password", "hunter2", "•••"},
		{"with.password", "", ""},
		{"with.password", "${env:PASSWORD}", "${env:PASSWORD}"},
		{"with.password", "${PASSWORD}", "${PASSWORD}"},
		{"with.password", "${PASSWORD:-hunter2}", "${PASSWORD:-•••}"},
		{"with.password", "${PASSWORD}hunter2", "•••"},
		{"with.password", "[secret]", "[secret]"},
		{"with.headers.Authorization", "Bearer x", "•••"},
		{"with.credentials.user", "ada", "•••"},
		{"with.credentials[0].user", "ada", "•••"},
		{"with.tokens", "[a, b]", "•••"},
		{"with.url", "postgres://me:pw@h/db", "postgres://me:•••@h/db"},
		{"with.command", "[curl, --password, hunter2]", "[curl, --password, •••]"},
		{"with.session", "10m", "10m"},
		{"with.session", "abc", "•••"},
		{"with.session.user", "ada", "ada"},
		{"with.set.rows", "id == 'token'", "id == 'token'"},
		{"types.Token.id", "int", "int"},
		{"types.Login.password", "string", "•••"},
		{"password_length", "5", "5"},
		{"workers", "4", "4"},
	} {
		if got := redact.Setting(x.path, x.value); got != x.want {
			t.Errorf("%s: %s is shown as %s, want %s", x.path, x.value, got, x.want)
		}
	}
}

// To hide twice is to hide once, and what is hidden was not there.
func FuzzText(f *testing.F) {
	f.Add("password=hunter2 token: 'x' --pwd a postgres://me:pw@h")
	f.Fuzz(func(t *testing.T, text string) {
		got := redact.Text(text)
		if !strings.Contains(got, redact.Mask) && got != text {
			t.Errorf("%q becomes %q", text, got)
		}
		if again := redact.Text(got); again != got {
			t.Errorf("%q becomes %q, and then %q", text, got, again)
		}
	})
}

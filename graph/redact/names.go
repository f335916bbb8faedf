package redact

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/flowrun/flowrun/graph/quantity"
)

// This file decides which names are those of secrets.

// The list. Words are in lower case, in the singular.
var (
	// stems make every word that has them a secret: dbpassword, passwordhash.
	stems = []string{"password", "passwd", "passphrase", "passcode", "credential"}
	// ends make every word that ends in them a secret: clientsecret, authtoken; but
	// not secretary, nor tokenizer.
	ends = []string{"secret", "token", "pwd", "jwt", "apikey", "accesskey", "privatekey", "secretkey", "passkey", "sessionid", "sessid"}
	// words are secrets wherever they stand in a name.
	words = []string{"authorization", "cred", "cvc", "cvv", "dbpass", "pgpass", "sshpass", "userpass"}
	// last are secrets as the last word of a name: user_pass and basicAuth, but
	// neither pass_rate nor cookies_eaten.
	last = []string{"auth", "authcookie", "bearer", "cookie", "otp", "pass", "psk", "sessioncookie", "setcookie", "totp"}
	// whole are secrets if they are all of the name: an LED has a pin, too.
	whole = []string{"pin", "session", "sig"}
	// pairs of words are secrets wherever they stand in a name.
	pairs = []string{
		"access key", "account key", "amz signature", "api key", "auth code", "auth header", "auth key", "authorization code", "backup code",
		"card pin", "cookie header", "cookie value", "encryption key", "goog signature", "master key", "otp code", "pass code", "pass key",
		"pass phrase", "pass word", "pass wd", "pin code", "private key", "recovery code", "secret key", "seed phrase", "sess id", "session id",
		"session key", "shared key", "signing key", "ssh key", "subscription key", "user pin",
	}
	// spared are pairs that only look like secrets.
	spared = []string{
		"band pass", "boarding pass", "by pass", "completion token", "first pass", "high pass", "input token", "low pass", "output token",
		"prompt token", "second pass", "token bucket",
	}
	// about are last words of names that only tell about a secret: how many there are,
	// where it is kept, whether there must be one. As first words, asks do the same.
	about = []string{
		"age", "alg", "algorithm", "amount", "at", "balance", "bucket", "budget", "changed", "column", "cost", "count", "date", "dir", "disabled",
		"enabled", "endpoint", "env", "error", "exist", "expiration", "expired", "expire", "expiry", "field", "file", "format", "index", "issuer",
		"kind", "left", "len", "length", "less", "lifetime", "limit", "max", "min", "name", "ok", "path", "policy", "position", "present", "price",
		"provider", "rate", "ref", "remaining", "required", "rule", "score", "second", "size", "status", "strength", "supply", "symbol", "time", "total", "ttl", "type",
		"uri", "url", "usage", "used", "valid", "verified", "version",
	}
	asks = []string{"avg", "count", "has", "is", "max", "mean", "min", "need", "num", "require", "total"}
)

// IsSecret reports whether the values under a name are nobody's business.
func IsSecret(name string) bool { return standard.IsSecret(name) }

// IsSecret reports whether the values under a name are nobody's business.
func (r *Redactor) IsSecret(name string) bool {
	return listed(name) || len(r.names) > 0 && slices.Contains(r.names, folded(name))
}

// verdicts are what the list says of names, because the same few are asked for with
// every item. Names may come from strangers, so only so many short ones are kept.
var (
	verdicts sync.Map // string -> bool
	kept     atomic.Int32
)

const (
	maxKept     = 1024
	longestKept = 64 // bytes
)

// shortestName is how many letters the shortest names on the list have; times and
// numbers have less.
const shortestName = 3

func listed(name string) bool {
	letters := 0
	for _, c := range name {
		if unicode.IsLetter(c) {
			letters++
		}
	}
	if letters < shortestName || strings.Contains(name, Mask) { // what was hidden is judged no more
		return false
	}
	if v, ok := verdicts.Load(name); ok {
		return v.(bool)
	}
	secret, sure := judge(split(name, true))
	if !sure && strings.ContainsFunc(name, unicode.IsUpper) { // they may stand anywhere, as in PassWORD
		secret, _ = judge(split(name, false))
	}
	secret = secret || slices.Contains(whole, folded(name))
	if len(name) <= longestKept && kept.Load() < maxKept {
		kept.Add(1)
		verdicts.Store(strings.Clone(name), secret) // the name may be part of a long text
	}
	return secret
}

// judge says whether a name of these words is a secret, and whether it is sure: the
// words have nothing from the list if it is not.
func judge(name []string) (secret, sure bool) {
	found := false
	for i := 0; i < len(name) && !found; i++ {
		w := name[i]
		if i+1 < len(name) {
			pair := w + " " + name[i+1]
			if slices.Contains(spared, pair) {
				i++
				continue
			}
			found = slices.Contains(pairs, pair)
		}
		found = found || slices.Contains(words, w) || i == len(name)-1 && slices.Contains(last, w) ||
			slices.ContainsFunc(stems, func(s string) bool { return strings.Contains(w, s) }) && !strings.HasSuffix(w, "less") ||
			slices.ContainsFunc(ends, func(s string) bool { return strings.HasSuffix(w, s) })
	}
	if !found {
		return false, false
	}
	return !slices.Contains(about, name[len(name)-1]) && !slices.Contains(asks, name[0]), true
}

// isPair reports whether two words that a blank parts are a secret only together, as
// in "private key".
func isPair(first, second string) bool {
	a, b := split(first, true), split(second, true)
	return len(a) > 0 && len(b) == 1 && slices.Contains(pairs, a[len(a)-1]+" "+b[0])
}

// split takes a name apart into words in lower case and in the singular, without
// numbers. With humps, a capital begins a word too, as in apiKey and APIKey.
func split(name string, humps bool) []string {
	var all []string
	runes := []rune(name)
	begin := 0
	add := func(end int) {
		if end > begin {
			w := strings.ToLower(string(runes[begin:end]))
			all = append(all, singular(w))
		}
		begin = end
	}
	for i, c := range runes {
		switch {
		case !unicode.IsLetter(c):
			add(i)
			begin = i + 1
		case humps && i > begin && unicode.IsUpper(c) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			add(i)
		}
	}
	add(len(runes))
	return all
}

func singular(word string) string {
	if n := len(word) - 1; n > 1 && word[n] == 's' && strings.IndexByte("aisu", word[n-1]) < 0 { // has, this, pass, status
		return word[:n]
	}
	return word
}

// folded makes names that differ only in how they are written the same.
func folded(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || c == '-' || c == '.' || c == ' ' {
			return -1
		}
		return c
	}, strings.ToLower(name))
}

// isVague reports whether a name is also that of a span of time or a record.
func (r *Redactor) isVague(name string) bool {
	return strings.EqualFold(name, "session") && !slices.Contains(r.names, "session")
}

// hides reports whether a scalar is to be hidden: with or without quotes, and
// without blanks around it.
func (r *Redactor) hides(name, value string) bool {
	if !r.IsSecret(name) {
		return false
	}
	if r.isVague(name) {
		_, err := quantity.Duration(strings.Trim(value, `"'`))
		return err != nil
	}
	return true
}

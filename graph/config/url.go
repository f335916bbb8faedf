package config

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// This file has the setting that is the address of a peer.

// A URL is the address of a peer, such as postgres://ann:pw@db/shop. It may hold a
// password, or be a secret as a whole: however it is printed or marshalled, what is secret
// in it is "[secret]". As a Secret it cannot be compared with ==.
type URL struct {
	value  *string
	secret bool // as a whole
}

// NewURL makes a URL of a text.
func NewURL(text string) URL { return URL{value: &text} }

// Reveal gives the address with its secrets. It must go to the client and nowhere else.
func (u URL) Reveal() string {
	if u.value == nil {
		return ""
	}
	return *u.value
}

// Scheme is what stands before the first colon, in small letters; "" if there is none.
func (u URL) Scheme() string {
	scheme, _, ok := strings.Cut(u.Reveal(), ":")
	if !ok {
		return ""
	}
	return strings.ToLower(scheme)
}

// secretParameters are parts of names of parameters whose values are secret.
var secretParameters = []string{"pass", "secret", "token", "key", "credential", "sig"}

// String gives the address without passwords: those of the user part, and parameters whose
// names say that they are secret. Of one that is a secret as a whole it gives the scheme
// and the host.
func (u URL) String() string {
	text := u.Reveal()
	if text == "" {
		return ""
	}
	parsed, err := url.Parse(text)
	astray := err == nil && parsed.Host == "" && strings.Contains(parsed.Opaque+parsed.Path, "@") // a password with a / in it
	if err != nil || parsed.Scheme == "" || astray {
		if u.secret || strings.ContainsAny(text, "@:") {
			return redacted
		}
		return text
	}
	if u.secret {
		if parsed.Host == "" {
			return parsed.Scheme + ":" + redacted
		}
		return parsed.Scheme + "://" + parsed.Host + "/" + redacted
	}
	// A placeholder of letters only, because what String writes is escaped.
	const hidden = "FLOWRUNSECRET"
	changed := false
	if _, ok := parsed.User.Password(); ok {
		parsed.User, changed = url.UserPassword(parsed.User.Username(), hidden), true
	}
	query := parsed.Query()
	for name := range query {
		for _, part := range secretParameters {
			if strings.Contains(strings.ToLower(name), part) {
				query[name], changed = []string{hidden}, true
			}
		}
	}
	if !changed {
		return text
	}
	parsed.RawQuery = query.Encode()
	return strings.ReplaceAll(parsed.String(), hidden, redacted)
}

// GoString is String, quoted.
func (u URL) GoString() string { return strconv.Quote(u.String()) }

// Format is String for every verb of fmt.
func (u URL) Format(f fmt.State, _ rune) { fmt.Fprint(f, u.String()) }

// MarshalText is String, for encoders.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// urlText is the text of a value that is a URL. A secret that stands beside other text is
// a part of it and is escaped, so that a password may have any characters.
func (v *Value) urlText() string {
	if v.loose {
		return v.Text
	}
	text, at := []rune(v.Text), 0
	var b strings.Builder
	for _, p := range v.pieces {
		b.WriteString(string(text[at:p.from]))
		part := string(text[p.from:p.to])
		if p.secret {
			part = url.QueryEscape(part)
			part = strings.ReplaceAll(part, "+", "%20")
		}
		b.WriteString(part)
		at = p.to
	}
	return b.String() + string(text[at:])
}

type urlCodec struct{}

func (urlCodec) hides() {}

func (urlCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.Secret || d.isHiddenText(v, "a URL") {
		text := v.urlText()
		into.Set(reflect.ValueOf(URL{value: &text, secret: v.Secret}))
	}
}

func (urlCodec) words() string          { return "URL" }
func (urlCodec) schema() map[string]any { return map[string]any{"type": "string"} }

func (urlCodec) show(v reflect.Value) any {
	if u := v.Interface().(URL); u.value != nil {
		return u.String()
	}
	return nil
}

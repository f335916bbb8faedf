package config

import (
	"regexp"
	"strconv"
	"strings"
)

// This file says what a scalar without quotes is, and how a text is written as one.

// The writings of scalars: YAML 1.2's core schema, with the underscores and the
// binary numbers of YAML 1.1, but without its numbers that start with a zero,
// which one half of the world reads as octal and the other as decimal. They are
// text, as are dates and `yes`.
var (
	intText   = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*(_[0-9]+)*|0x[0-9a-fA-F]+(_[0-9a-fA-F]+)*|0o[0-7]+(_[0-7]+)*|0b[01]+(_[01]+)*)$`)
	floatText = regexp.MustCompile(`^[-+]?((0|[1-9][0-9]*(_[0-9]+)*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
	zerosText = regexp.MustCompile(`^[-+]?0[0-9_]+$`)
)

// resolve says what an unquoted text is.
func resolve(s string) (Kind, Type) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return Null, String
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Scalar, Bool
	case ".nan", ".NaN", ".NAN":
		return Scalar, Float
	}
	switch strings.TrimLeft(s, "+-") {
	case ".inf", ".Inf", ".INF":
		if len(s) <= len("+.inf") {
			return Scalar, Float
		}
	}
	switch {
	case len(s) == 0 || !strings.ContainsRune("+-.0123456789", rune(s[0])):
		return Scalar, String
	case intText.MatchString(s):
		return Scalar, Int
	case floatText.MatchString(s):
		return Scalar, Float
	}
	return Scalar, String
}

// parseInt reads a text that intText matches. The error is strconv.ErrRange if
// it does not fit.
func parseInt(s string) (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 0, 64)
}

// parseFloat reads a text that resolve calls Int or Float.
func parseFloat(s string) (float64, error) {
	if intText.MatchString(s) {
		if i, err := parseInt(s); err == nil {
			return float64(i), nil
		}
	}
	switch strings.ToLower(s) {
	case ".nan":
		s = "nan"
	case ".inf", "+.inf":
		s = "+inf"
	case "-.inf":
		s = "-inf"
	}
	return strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
}

func parseBool(s string) bool { return strings.EqualFold(s, "true") }

// plainText are texts that need no quotes anywhere, whatever stands around them.
var plainText = regexp.MustCompile(`^([A-Za-z_/][-A-Za-z0-9_./]*( [-A-Za-z0-9_./]+)*|[0-9.]+[A-Za-zµ]+[0-9A-Za-zµ.]*)$`)

// oldBools are texts that other readers of YAML take for truth values.
var oldBools = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$`)

// quoteText writes a text so that YAML reads it back as that text.
func quoteText(s string) string {
	if kind, typ := resolve(s); kind == Scalar && typ == String && plainText.MatchString(s) && !oldBools.MatchString(s) {
		return s
	}
	return doubleQuoted(s)
}

// doubleQuoted writes a text in double quotes with YAML's escapes.
func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			b.WriteString(`\u` + strings.Repeat("0", 4-len(strconv.FormatInt(int64(r), 16))) + strconv.FormatInt(int64(r), 16))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

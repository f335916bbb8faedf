package redact

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// This file hides secrets in texts for people.

// Text hides secrets in a text for people: what follows a secret name and a colon, an
// equals sign or, after a flag, a blank; what follows a scheme of authorization; and
// passwords in addresses. A name in quotes may be from JSON, even if that is broken
// or is quoted itself.
func Text(text string) string { return standard.Text(text) }

// Text hides secrets in a text for people, as the function Text does.
func (r *Redactor) Text(text string) string {
	text = r.withoutKnown(text)
	if strings.ContainsAny(text, ":=-") {
		text = r.pairs(text, ":=-")
	}
	return addresses(schemes(r.examples(text)))
}

// pattern compiles a regular expression when it is needed first: most programs that
// link this package never show a secret.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

var (
	example   = pattern(`such as "(?:[^"\\\n]|\\.)*"`)
	inQuotes  = pattern(`"[^"\n]{1,100}"`)
	inURL     = pattern(`(://[^/\s:@"']*:)[^/\s"'<>]*[^/\s"'<>•][^/\s"'<>]*@`) // what is all • was hidden before
	loneInURL = pattern(`(?i)(https?://)[^/\s:@"'<>]+:?@`)
	inDSN     = pattern(`([A-Za-z_][\w.+%-]*:)[^\s:@/"']*[^\s:@/"'•][^\s:@/"']*(@(?:(?:tcp|udp|unix)\(|[\w.-]+(?::\d|/)|\[[0-9A-Fa-f:]+\]))`)
)

// examples hides values that a message about a secret name gives, as in: column
// "password" is int but for a few cells, such as "hunter2".
func (r *Redactor) examples(text string) string {
	if !strings.Contains(text, `such as "`) {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		at := example().FindStringIndex(line)
		if at == nil {
			continue
		}
		for _, name := range inQuotes().FindAllString(line[:at[0]], -1) {
			if r.IsSecret(name) {
				lines[i] = line[:at[0]] + "such as " + Mask + line[at[1]:]
				break
			}
		}
	}
	return strings.Join(lines, "\n")
}

// schemes hides what follows Bearer or Basic. What follows Basic is base64, which
// keeps "basic training" apart.
func schemes(text string) string {
	for i := 0; i < len(text); i++ {
		n := 0
		switch rest := text[i:]; {
		case text[i]|0x20 != 'b' || i > 0 && isWordByte(text[i-1]):
			continue
		case hasWord(rest, "bearer"):
			n = len("bearer")
		case hasWord(rest, "basic"):
			n = len("basic")
		default:
			continue
		}
		from := i + n
		for from < len(text) && (text[from] == ' ' || text[from] == '\t') {
			from++
		}
		to := from
		for to < len(text) && (isWordByte(text[to]) || strings.IndexByte(".~+/=-", text[to]) >= 0) {
			to++
		}
		if to-from < shortestToken || n == len("basic") && !strings.ContainsAny(text[from+1:to], "0123456789+/=ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			continue
		}
		text = text[:from] + Mask + text[to:]
		i = from + len(Mask) - 1
	}
	return text
}

// shortestToken is how long what follows Bearer or Basic must be.
const shortestToken = 6

// hasWord reports whether a text begins with a word, in whatever case, and a blank.
func hasWord(text, word string) bool {
	return len(text) > len(word) && (text[len(word)] == ' ' || text[len(word)] == '\t') && strings.EqualFold(text[:len(word)], word)
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// addresses hides passwords in them. In one of the web, a lone name is a token.
func addresses(text string) string {
	if strings.IndexByte(text, '@') < 0 {
		return text
	}
	text = inURL().ReplaceAllString(text, "${1}"+Mask+"@")
	text = loneInURL().ReplaceAllString(text, "${1}"+Mask+"@")
	return inDSN().ReplaceAllString(text, "${1}"+Mask+"${2}")
}

// pairs hides what follows names, by the signs of seps between them.
func (r *Redactor) pairs(text, seps string) string {
	var b strings.Builder
	done := 0 // text up to here is written
	for i := 0; i < len(text); {
		at := strings.IndexAny(text[i:], seps)
		if at < 0 {
			break
		}
		at += i
		i = at + 1
		from, to, with := 0, 0, ""
		if text[at] == '-' {
			from, to, with = r.afterFlag(text, at)
		} else {
			from, to, with = r.afterName(text, done, at)
		}
		if to > from {
			b.WriteString(text[done:from])
			b.WriteString(with)
			done = to
		}
		i = max(i, to)
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// afterFlag finds what follows --name and a blank, as in a shell, or a comma, as in a
// list of arguments, and what is to stand in its place. Nothing is to be hidden if to
// is not beyond from.
func (r *Redactor) afterFlag(text string, at int) (from, to int, with string) {
	if !strings.HasPrefix(text[at:], "--") || at > 0 && strings.IndexByte(" \t\n\"'[,(`", text[at-1]) < 0 {
		return 0, 0, ""
	}
	end := at
	for end < len(text) && end < at+maxName && isNameByte(text[end]) {
		end++
	}
	from = end
	for from < len(text) && strings.IndexByte(" \t\"',", text[from]) >= 0 {
		from++
	}
	if from == end || from == len(text) || text[from] == '-' || !r.IsSecret(text[at:end]) {
		return 0, 0, ""
	}
	if n, shown := reference(text[from:]); n > 0 {
		return from, from + n, shown
	}
	if to = strings.IndexAny(text[from:], " \t\r\n\"',;&}]"); to < 0 {
		return from, len(text), Mask
	}
	return from, from + to, Mask
}

// afterName finds the value that belongs to the name before the sign at, and what is
// to stand in its place. Nothing is to be hidden if to is not beyond from.
func (r *Redactor) afterName(text string, least, at int) (from, to int, with string) {
	name, quoted := r.nameBefore(text, least, at)
	if name == "" {
		return 0, 0, ""
	}
	from = at + 1
	compares := text[at] == '=' && (at > 0 && strings.IndexByte("!<>", text[at-1]) >= 0 || from < len(text) && text[from] == '=')
	for from < len(text) && (text[from] == '=' || text[from] == '>') {
		from++
	}
	blanks := " \t"
	if quoted {
		blanks = " \t\r\n" // JSON over several lines
	}
	for from < len(text) && strings.IndexByte(blanks, text[from]) >= 0 {
		from++
	}
	if from == len(text) {
		return 0, 0, ""
	}
	rest := text[from:]
	quote := quoteAt(rest)
	switch {
	case quote != "":
		from += len(quote)
		to = from + closing(text[from:], quote)
	case compares: // with another field
		return 0, 0, ""
	case rest[0] == '{' || rest[0] == '[':
		if r.isVague(name) {
			return 0, 0, "" // what is in it is judged by its own names
		}
		to = from + nestedEnd(rest)
	case strings.HasPrefix(rest, "//"): // the scheme of an address
		return 0, 0, ""
	default:
		if n, shown := reference(rest); n > 0 {
			return from, from + n, shown
		}
		from, to = bareValue(name, text, from)
	}
	if !r.hides(name, text[from:to]) {
		return 0, 0, ""
	}
	return from, to, Mask
}

// bareValue finds a value without quotes. That of the headers Authorization and
// Cookie is all of the line; of "want int, got 7" only what was got is.
func bareValue(name, text string, at int) (from, to int) {
	if strings.HasPrefix(text[at:], "want ") {
		line, _, _ := strings.Cut(text[at:], "\n")
		if _, got, ok := strings.Cut(line, ", got "); ok {
			return at + len(line) - len(got), at + len(line)
		}
	}
	if strings.HasPrefix(text[at:], Mask) { // to hide twice is to hide once
		return at, at + len(Mask)
	}
	words := split(name, true)
	if w := words[len(words)-1]; w == "authorization" || strings.HasSuffix(w, "cookie") {
		if n := strings.IndexAny(text[at:], "\n\"'`}]"); n >= 0 {
			return at, at + n
		}
		return at, len(text)
	}
	return at, at + bareEnd(text[at:])
}

// maxName bounds how much of a text is looked at as a name, in bytes.
const maxName = 100

func isNameByte(c byte) bool {
	return isWordByte(c) || strings.IndexByte("-.$%", c) >= 0 || c >= utf8.RuneSelf
}

// nameBefore gives the secret name that ends before the sign at, and whether it
// stands in quotes; "" if there is none. It begins at least or behind.
func (r *Redactor) nameBefore(text string, least, at int) (name string, quoted bool) {
	least = max(least, at-maxName)
	end := at
	for end > least && strings.IndexByte(" \t!<>]", text[end-1]) >= 0 { // password != x, user[password]=x
		end--
	}
	if end > least && strings.IndexByte("\"'`", text[end-1]) >= 0 {
		if name = quotedBefore(text[least:end]); name != "" && r.IsSecret(name) {
			return name, true
		}
		return "", false
	}
	begin := end
	for begin > least && isNameByte(text[begin-1]) {
		begin--
	}
	name = text[begin:end]
	if r.IsSecret(name) {
		return name, false
	}
	if name != "" && begin > least && text[begin-1] == ' ' { // private key
		first := begin - 1
		for first > least && isNameByte(text[first-1]) {
			first--
		}
		if isPair(text[first:begin-1], name) {
			return text[first:end], false
		}
	}
	return "", false
}

// quotedBefore gives the name in the quotes that end a text.
func quotedBefore(text string) string {
	n := len(text) - 1
	quote := text[n:]
	deep := 0
	for n > 0 && text[n-1] == '\\' {
		n--
		deep++
	}
	quote = strings.Repeat(`\`, deep) + quote
	begin := strings.LastIndex(text[:n], quote)
	if begin < 0 {
		return ""
	}
	return unquoted(`"` + text[begin+len(quote):n] + `"`)
}

// quoteAt gives the quote that a text begins with, with the backslashes before it,
// which it has inside of another string; "" if there is none.
func quoteAt(text string) string {
	n := 0
	for n < len(text) && text[n] == '\\' {
		n++
	}
	if n < len(text) && strings.IndexByte("\"'`", text[n]) >= 0 {
		return text[:n+1]
	}
	return ""
}

// closing gives where a string ends that was opened by a quote. It may never be
// closed.
func closing(text, quote string) int {
	// In a string in a string, \" closes; what is quoted in it has three
	// backslashes more, and a backslash that it ends in is four of them.
	deep, mark := len(quote)-1, quote[len(quote)-1]
	run := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			run++
			continue
		case text[i] != mark:
		case mark == '\'' && i+1 < len(text) && text[i+1] == '\'': // as YAML and SQL write it
			i++
		case run >= deep && (run-deep)%(2*(deep+1)) == 0:
			return i - deep
		}
		run = 0
	}
	return len(text)
}

// bareEnd gives where a value without quotes ends.
func bareEnd(text string) int {
	if n := strings.IndexAny(text, " \t\r\n\"',;&}"); n >= 0 {
		return n
	}
	return len(text)
}

// nestedEnd gives where the list or mapping that a text begins with ends.
func nestedEnd(text string) int {
	deep := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			deep++
		case '}', ']':
			if deep--; deep == 0 {
				return i + 1
			}
		case '\\', '"':
			if quote := quoteAt(text[i:]); quote != "" {
				i += len(quote)
				i += min(closing(text[i:], quote)+len(quote), len(text)-i) - 1
			}
		}
	}
	return len(text)
}

// reference gives the length of a variable, such as ${NAME:-preset}, that a text
// begins with and that is a value as a whole, and what is shown of it: not its
// preset.
func reference(text string) (n int, shown string) {
	if !strings.HasPrefix(text, "${") {
		return 0, ""
	}
	deep := 0 // presets may have variables themselves
	for n < len(text) && text[n] != '\n' {
		switch text[n] {
		case '{':
			deep++
		case '}':
			deep--
		}
		if n++; n > 1 && deep == 0 {
			break
		}
	}
	if deep > 0 || n < len(text) && strings.IndexByte(" \t\r\n,}]\"'#;&", text[n]) < 0 {
		return 0, ""
	}
	name, preset, _ := strings.Cut(text[2:n-1], ":-")
	switch {
	case strings.ContainsFunc(name, func(c rune) bool {
		return c < utf8.RuneSelf && !isWordByte(byte(c)) && !strings.ContainsRune(":/.-", c)
	}):
		return 0, ""
	case preset != "":
		return n, "${" + name + ":-" + Mask + "}"
	}
	return n, text[:n]
}

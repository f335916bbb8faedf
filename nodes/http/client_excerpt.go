package http

import (
	"bytes"
	"html"
	nethttp "net/http"
	"regexp"
	"strings"
	"sync"
)

// This file has what messages show of an answer that says that a request did not succeed.

// excerpt is the beginning of an answer, on one line. Of a page that is made for browsers it
// is what one reads on it.
func (c *client) excerpt(head nethttp.Header, body []byte) string {
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	if isPage(head, body) {
		text = readable(text)
	}
	text = c.secrets.Text(strings.Join(strings.Fields(text), " "))
	if runes := []rune(text); len(runes) > maxExcerpt {
		return string(runes[:maxExcerpt]) + "…"
	}
	return text
}

func isPage(head nethttp.Header, body []byte) bool {
	if kind := head.Get("Content-Type"); kind != "" {
		return strings.Contains(strings.ToLower(kind), "html")
	}
	body = bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 200)]))
	return bytes.HasPrefix(body, []byte("<!doctype html")) || bytes.HasPrefix(body, []byte("<html"))
}

// What nobody reads on a page, even if it does not come to its end here.
var unread = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)<!--.*?(-->|$)|<(head|script|style|svg)\b.*?(</(head|script|style|svg)\s*>|$)|<[^>]*(>|$)`)
})

var title = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`) })

// readable is the text of a page: of its body, or its title if there is none.
func readable(page string) string {
	text := unread().ReplaceAllString(page, " ")
	if strings.TrimSpace(text) == "" {
		if m := title().FindStringSubmatch(page); m != nil {
			text = m[1]
		}
	}
	return html.UnescapeString(text)
}

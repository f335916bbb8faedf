package render

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// This file measures text, and cuts what is too wide.

// A weight is one of the two typefaces of a drawing.
type weight int

const (
	regular weight = iota
	bold
)

// A style is how a piece of text is set.
type style struct {
	weight weight
	size   float64 // px
}

// The styles of a drawing.
var (
	styleTitle    = style{bold, 19}
	styleSubtitle = style{regular, 12.5}
	styleCluster  = style{bold, 11}
	styleName     = style{bold, 14}
	styleKind     = style{regular, 11}
	stylePort     = style{regular, 11.5}
	styleBadge    = style{bold, 10.5}
	stylePill     = style{regular, 10.5}
	styleFoot     = style{regular, 10.5}
	styleNote     = style{regular, 11}
)

// spread is what the reader's font may be wider than the Go fonts that are
// measured. An SVG is shown in whatever font the reader has: Inter and Segoe UI
// are about 5 % wider, DejaVu Sans, the widest in common use, 13 % (20 % bold).
var spread = [...]float64{regular: 1.13, bold: 1.17}

// tableSize is the number of characters whose widths are kept in a table.
const tableSize = 0x250

// widths has the advance of the first characters of both typefaces, in em.
var widths = sync.OnceValue(func() (table [2][tableSize]float64) {
	for w, ttf := range [][]byte{regular: goregular.TTF, bold: gobold.TTF} {
		face := mustParse(ttf)
		var buffer sfnt.Buffer
		for r := range tableSize {
			table[w][r] = 0.6
			glyph, err := face.GlyphIndex(&buffer, rune(r))
			if err != nil || glyph == 0 {
				continue
			}
			if a, err := face.GlyphAdvance(&buffer, glyph, fixed.I(1000), font.HintingNone); err == nil {
				table[w][r] = float64(a) / 64 / 1000
			}
		}
	}
	return table
})

// mustParse reads an embedded font, which cannot be wrong.
func mustParse(ttf []byte) *sfnt.Font {
	f, err := sfnt.Parse(ttf)
	if err != nil {
		panic(err)
	}
	return f
}

// width estimates the width of a text in px, on the wide side.
func (st style) width(text string) float64 {
	table := widths()
	em := 0.0
	for _, r := range text {
		switch {
		case r < tableSize:
			em += table[st.weight][r]
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			// Marks and joiners add nothing to the character they belong to.
		case isWide(r):
			em++
		default:
			em += 0.65
		}
	}
	return em * st.size * spread[st.weight]
}

// isWide tells East Asian characters and emoji, which are as wide as high.
func isWide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xffdc && (r < 0xd7ff || r >= 0xf900) || r >= 0x1f000
}

// fit cuts a text that is wider than limit px and ends it with "…".
func (st style) fit(text string, limit float64) string {
	text = clean(text)
	if st.width(text) <= limit {
		return text
	}
	limit -= st.width("…")
	end := 0
	for i, r := range text {
		next := i + utf8.RuneLen(r)
		if st.width(text[:next]) > limit {
			break
		}
		end = next
	}
	return strings.TrimRight(text[:end], " .,{[(:\u200d") + "…"
}

// clean makes a text of the user fit for every format: one line, valid UTF-8,
// without control characters (XML has no way to write them) and without the
// marks that turn the direction of what follows.
func clean(text string) string {
	ok := func(r rune) bool {
		return r != utf8.RuneError && !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r&0xfffe != 0xfffe && r != '\u2028' && r != '\u2029'
	}
	if strings.IndexFunc(text, func(r rune) bool { return !ok(r) }) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case ok(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}

package render

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFitCutsToTheWidth(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("long ", 50), strings.Repeat("订单", 80), strings.Repeat("👩‍👩‍👧", 40), "\xff" + strings.Repeat("x", 300)} {
		got := styleKind.fit(text, 100)
		if w := styleKind.width(got); w > 100 || !utf8.ValidString(got) {
			t.Errorf("%.20q becomes %q, %.0f px", text, got, w)
		}
		cut := strings.HasSuffix(got, "…")
		if cut != (styleKind.width(clean(text)) > 100) {
			t.Errorf("%.20q becomes %q", text, got)
		}
		if cut && styleKind.width(got) < 75 {
			t.Errorf("%.20q is cut too short: %q", text, got)
		}
	}
}

func TestCleanLeavesNothingThatXMLCannotWrite(t *testing.T) {
	for text, want := range map[string]string{
		"as it is":       "as it is",
		"订单 🚚 é\u0301":   "订单 🚚 é\u0301",
		"a\nb\tc":        "a b c",
		"\x00\x7f\u0085": "\ufffd\ufffd ",
		"\xff":           "\ufffd",
		"\u202eevil":     "\ufffdevil",
		"\ufffe\uffff":   "\ufffd\ufffd",
		"a\u2028b":       "a b",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

// The estimate errs on the wide side of the font that PNG draws with.
func TestWidthsHoldForTheOwnFont(t *testing.T) {
	c := newCanvas(1, 1, 4)
	for _, st := range []style{styleName, styleKind, stylePort, stylePill} {
		for _, text := range []string{"dead_letter", "filter delay > 15", "8192", "MMMWWW", "iiilll", "{state: string?}", "Überführung"} {
			drawn := c.text(rgb("#000000"), st, Point{}, anchorStart, text)
			if w := st.width(text); w < drawn || w > 1.3*drawn {
				t.Errorf("%q at %v: estimated %.1f px, drawn %.1f px", text, st, w, drawn)
			}
		}
	}
}

// Cards are as wide as their texts.
func TestCardsHoldTheirTexts(t *testing.T) {
	for _, s := range []*Scene{plant(), lateFlights(), hostile()} {
		s.resize()
		for _, c := range s.Cards {
			head := textX + styleName.width(styleName.fit(c.ID, nameLimit))
			if c.Workers != "" {
				head += c.badgeWidth() + tileX
			}
			if head > c.W {
				t.Errorf("%s: the head needs %.0f of %.0f px", c.ID, head, c.W)
			}
			for r := range c.rows() {
				row := 2 * portX
				if r < len(c.In) {
					name, typ := c.In[r].text()
					row += stylePort.width(name + " " + typ)
				}
				if r < len(c.Out) {
					name, typ := c.Out[r].text()
					row += stylePort.width(name + " " + typ)
				}
				if row > c.W {
					t.Errorf("%s: row %d needs %.0f of %.0f px", c.ID, r, row, c.W)
				}
			}
			if int(c.W)%2 != 0 || c.W != float64(int(c.W)) {
				t.Errorf("%s is %v wide", c.ID, c.W)
			}
		}
	}
}

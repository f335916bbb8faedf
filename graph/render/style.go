package render

import (
	"fmt"
	"slices"
	"strings"
)

// This file has the style sheet of pictures.

// shapeRules is the part of the style sheet that is the same in every theme.
// Sizes of text are those of the styles in measure.go.
var shapeRules = fmt.Sprintf(`text{font-family:Inter,ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-variant-numeric:tabular-nums}
.title{font-size:%gpx;font-weight:700}
.about{font-size:%gpx}
.cluster rect{stroke-dasharray:5 4}
.cluster text{font-size:%gpx;font-weight:600;letter-spacing:.04em}
.card{stroke-width:1.2}
.glyph,.sign{fill:none;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}
.sign{stroke-width:1.2}
.name{font-size:%gpx;font-weight:600}
.kind{font-size:%gpx}
.port text{font-size:%gpx}
.port circle{stroke-width:1.5}
.out text{text-anchor:end}
.badge text{font-size:%gpx;font-weight:600;text-anchor:middle}
.wire{fill:none;stroke-width:1.7}
.side .wire{stroke-dasharray:5 4}
.pill text{font-size:%gpx;text-anchor:middle}
.foot text{font-size:%gpx}
.foot .late{text-anchor:end}
.hit{fill:none;stroke:transparent;stroke-width:14}
.note{font-size:%gpx}
.tag text{font-size:%gpx;font-weight:600;text-anchor:middle}
.tag rect{stroke-width:1.4}
.d-same{opacity:.42}
.pill.d-same{opacity:1}
.pill.d-same text,.pill.d-same .sign{opacity:.42}
.pill.d-same rect{stroke-opacity:.42}
.marked .card{stroke-width:2.2}
.marked .wire{stroke-width:2.2}
.d-removed .card{stroke-dasharray:6 4}
.d-removed .wire{stroke-dasharray:2 4}
`, styleTitle.size, styleSubtitle.size, styleCluster.size, styleName.size, styleKind.size, stylePort.size, styleBadge.size, stylePill.size, styleFoot.size, styleNote.size, styleBadge.size)

// colourRules is the part that themes change; the list gives selector, property
// and colour.
func colourRules() []colourRule {
	rules := []colourRule{
		{".bg", "fill", shadeBackground},
		{".title,.name,.port text", "fill", shadeInk},
		{".about,.kind,.cluster text,.pill text,.badge text,.foot text", "fill", shadeMuted},
		{".cluster rect", "fill", shadeCluster},
		{".cluster rect", "stroke", shadeClusterLine},
		{".shadow", "fill", shadeShadow},
		{".card", "fill", shadeCard},
		{".card,.foot line", "stroke", shadeCardLine},
		{".port circle", "stroke", shadeCard},
		{".badge rect,.foot rect", "fill", shadeBadge},
		{".pill rect", "fill", shadeBackground},
		{".pill rect", "stroke", shadeClusterLine},
		{".sign", "stroke", shadeMuted},
	}
	for slot, shade := range slotShades {
		c := "." + Slot(slot).class()
		rules = append(rules,
			colourRule{c + " .wire", "stroke", shade},
			colourRule{c + " circle," + c + " .tip," + c + " tspan", "fill", shade})
	}
	var icons []Icon
	for icon := range glyphs {
		icons = append(icons, icon)
	}
	slices.Sort(icons) // the same text every time
	for _, icon := range icons {
		c := ".k-" + string(icon)
		rules = append(rules,
			colourRule{c + " .glyph", "stroke", glyphs[icon].shade},
			colourRule{c + " .tile", "fill", glyphs[icon].tile()})
	}
	return append(rules, fateRules()...)
}

type colourRule struct {
	selector, property string
	shade              shade
}

// writeRules writes the rules with the colours that pick chooses.
func writeRules(b *strings.Builder, pick func(shade) string) {
	for _, r := range colourRules() {
		fmt.Fprintf(b, "%s{%s:%s}\n", r.selector, r.property, pick(r.shade))
	}
}

// standaloneStyle is the style sheet of a file that stands alone: plain hex and a
// media query, since rsvg and older viewers know neither light-dark() nor
// variables.
func standaloneStyle() string {
	var b strings.Builder
	b.WriteString(shapeRules)
	writeRules(&b, func(s shade) string { return s.light })
	b.WriteString("@media (prefers-color-scheme:dark){\n")
	writeRules(&b, func(s shade) string { return s.dark })
	b.WriteString("}\n")
	return b.String()
}

// PageStyle is the style sheet for drawings inside a web page (see
// [SVGOptions].Inline). Its rules hold below an element of class "flow" only,
// and its colours follow the page's color-scheme property, so that a page can
// let its readers choose a theme.
func PageStyle() string {
	var b strings.Builder
	b.WriteString(".flow{\n" + shapeRules)
	writeRules(&b, func(s shade) string { return "light-dark(" + s.light + "," + s.dark + ")" })
	b.WriteString("}\n")
	return b.String()
}

// tile is the ground of an icon: its colour at 14 % on a card, at 24 % in the dark.
func (g glyph) tile() shade {
	return shade{mix(g.shade.light, shadeCard.light, 0.14), mix(g.shade.dark, shadeCard.dark, 0.24)}
}

// mix lays a share of one colour over another.
func mix(over, under string, share float64) string {
	a, b := rgb(over), rgb(under)
	channel := func(x, y uint8) uint8 { return uint8(float64(x)*share + float64(y)*(1-share) + 0.5) }
	return fmt.Sprintf("#%02x%02x%02x", channel(a.R, b.R), channel(a.G, b.G), channel(a.B, b.B))
}

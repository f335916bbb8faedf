package render

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
)

// Scenes as SVG.

//go:embed scene.svg.tmpl
var svgText string

// svgTemplate reads the measures of a card from card.go, by name.
var svgTemplate = sync.OnceValue(func() *template.Template {
	functions := template.FuncMap{"num": number1, "curve": svgPath, "triangle": svgTriangle}
	for name, x := range map[string]float64{
		"tileX": tileX, "tileY": tileY, "tileSide": tileSide, "glyphX": tileX + glyphInset, "glyphY": tileY + glyphInset,
		"textX": textX, "nameY": nameY, "kindY": kindY, "portX": portX, "portY": portY, "dotRadius": dotRadius,
		"cardRadius": cardRadius, "clusterRadius": clusterRadius, "tileRadius": tileRadius, "shadowDrop": shadowDrop,
		"badgeY": badgeY, "badgeH": badgeHeight, "badgeText": badgeText, "badgeSign": (badgeHeight - signSide) / 2, "signY": -signSide / 2, "pillText": pillTextY,
		"pagePad": pagePad, "titleY": titleY, "noteX": noteX,
	} {
		text := number1(x)
		functions[name] = func() string { return text }
	}
	return template.Must(template.New("svg").Funcs(functions).Parse(svgText))
})

// SVGOptions choose between the uses of a drawing.
type SVGOptions struct {
	// Inline gives an svg element for an HTML page instead of a file: without XML
	// declaration, style sheet and background, and with what a page needs to make
	// nodes and edges reachable by keyboard and pointer. The page links [PageStyle].
	Inline bool
}

// SVG draws a scene that has been laid out. The file stands alone: no script, no
// link, no font to fetch, light or dark as the reader's system has it.
//
// For programs, a card is the group with id "n-" and its id, wire i the group
// "e<i>", its pill "q<i>".
func SVG(w io.Writer, s *Scene, o SVGOptions) error {
	if err := s.drawable(); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	data := struct {
		*picture
		Inline bool
		Style  template.CSS
		AboutY float64
	}{newPicture(s), o.Inline, "", s.aboutY()}
	if !o.Inline {
		// html/template would escape the question mark.
		b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
		data.Style = template.CSS(standaloneStyle())
	}
	if err := svgTemplate().Execute(b, data); err != nil {
		return err
	}
	return b.Flush()
}

// svgPath writes a wire as SVG path data.
func svgPath(curve []Point) string {
	var b strings.Builder
	for i, p := range curve {
		switch i {
		case 0:
			b.WriteString("M")
		case 1:
			b.WriteString("C")
		default:
			b.WriteString(" ")
		}
		b.WriteString(number1(p.X) + " " + number1(p.Y))
	}
	return b.String()
}

func svgTriangle(t [3]Point) string {
	return fmt.Sprintf("M%s %sL%s %sL%s %sZ", number1(t[0].X), number1(t[0].Y), number1(t[1].X), number1(t[1].Y), number1(t[2].X), number1(t[2].Y))
}

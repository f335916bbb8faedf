package render

import (
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"github.com/flowrun/flowrun/graph/diff"
)

// Scenes as PNG.

// Bounds on the size of a PNG. A pixel takes 4 bytes while it is painted.
const (
	maxPixels   = 100e6 // more is refused
	readyPixels = 32e6  // more must be asked for
)

// PNGOptions choose size and theme of a PNG.
type PNGOptions struct {
	Scale float64 // pixels per CSS pixel; zero is 2, or less if the picture is huge
	Dark  bool
}

// PNG paints a scene that has been laid out: the picture of [SVG], in the Go
// fonts, which are part of the program. They have no East Asian characters and
// no emoji; those become empty boxes, so flows that use them are better drawn as
// SVG. A picture of more than 100 megapixels is refused.
func PNG(w io.Writer, s *Scene, o PNGOptions) error {
	if err := s.drawable(); err != nil {
		return err
	}
	scale, err := o.scale(s.Width, s.Height)
	if err != nil {
		return err
	}
	p := &painter{canvas: newCanvas(s.Width, s.Height, scale), dark: o.Dark}
	p.scene(newPicture(s), s.aboutY())
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(w, p.img)
}

// scale is the scale to paint a picture at.
func (o PNGOptions) scale(width, height float64) (float64, error) {
	area := width * height
	most := math.Sqrt(maxPixels / area)
	switch {
	case o.Scale == 0:
		return min(2, math.Sqrt(readyPixels/area)), nil
	case !(o.Scale > 0): // not a number too
		return 0, fmt.Errorf("a scale of %v makes no picture", o.Scale)
	case o.Scale > most:
		return 0, fmt.Errorf("at a scale of %v the picture would have %.0f×%.0f pixels; take %.2g or less, or draw an svg",
			o.Scale, width*o.Scale, height*o.Scale, math.Floor(most*100)/100)
	}
	return o.Scale, nil
}

// A painter draws a picture in one theme. What it draws is what the template
// says, element by element.
type painter struct {
	*canvas
	dark  bool
	faint bool // what is painted bears no mark among others that do
}

func (p *painter) ink(s shade) color.Color {
	colour := s.in(p.dark)
	if p.faint {
		colour = mix(colour, shadeBackground.in(p.dark), faintShare)
	}
	return rgb(colour)
}

// within is the painter with its origin at a point.
func (p *painter) within(at Point) *painter { return &painter{p.at(at), p.dark, p.faint} }

func (p *painter) scene(pic *picture, aboutY float64) {
	p.clear(p.ink(shadeBackground))
	p.text(p.ink(shadeInk), styleTitle, Point{pagePad, titleY}, anchorStart, pic.Title)
	p.text(p.ink(shadeMuted), styleSubtitle, Point{pagePad, aboutY}, anchorStart, pic.About)
	for _, cluster := range pic.Clusters {
		outline := rounded(cluster.Box, clusterRadius)
		p.fill(p.ink(shadeCluster), outline)
		p.dashes(p.ink(shadeClusterLine), 1, outline, 5, 4)
		p.text(p.ink(shadeMuted), styleCluster, cluster.Text, anchorStart, cluster.Name)
	}
	for _, tag := range pic.Legend {
		p.within(Point{tag.X, tag.Y}).tag(&tag)
	}
	for _, w := range pic.Wires {
		p.as(w.Fate).wire(w)
	}
	for _, c := range pic.Cards {
		p.as(c.Fate).within(Point{c.X, c.Y}).card(c)
	}
	for _, w := range pic.Wires {
		if w.Pill != nil {
			p.as(w.Fate).within(w.Pill.At).pill(w.Pill)
		}
	}
}

func (p *painter) wire(w wirePart) {
	ink := p.ink(w.Fate.or(slotShades[w.Slot]))
	curve := line(slices.Collect(flattened(w.Curve, 3/p.scale)))
	width := w.Fate.width(1.7)
	switch {
	case w.Fate.Mark == diff.Removed:
		p.dashes(ink, width, curve, 2, 4)
	case w.Side:
		p.dashes(ink, width, curve, 5, 4)
	default:
		p.stroke(ink, width, curve)
	}
	p.fill(ink, w.Tip[:])
}

func (p *painter) card(c cardPart) {
	box := Box{0, 0, c.W, c.H}
	icon := glyphs[c.Icon]
	p.fill(p.ink(shadeShadow), rounded(Box{0, shadowDrop, c.W, c.H}, cardRadius))
	p.border(box, c.Fate)
	p.fill(p.ink(icon.tile()), rounded(Box{tileX, tileY, tileSide, tileSide}, tileRadius))
	p.within(Point{tileX + glyphInset, tileY + glyphInset}).icon(p.ink(icon.shade), 1.7, icon.path)
	p.text(p.ink(shadeInk), styleName, Point{textX, nameY}, anchorStart, c.Name)
	p.text(p.ink(shadeMuted), styleKind, Point{textX, kindY}, anchorStart, c.Kind)
	if b := c.Badge; b != nil {
		q := p.within(Point{b.X, badgeY})
		q.fill(p.ink(shadeBadge), rounded(Box{0, 0, b.W, badgeHeight}, badgeHeight/2))
		q.text(p.ink(shadeMuted), styleBadge, Point{b.TextX, badgeText}, anchorMiddle, b.Text)
		for _, sign := range b.Strokes {
			q.within(Point{sign.X, (badgeHeight - signSide) / 2}).icon(p.ink(shadeMuted), 1.2, sign.Path)
		}
	}
	for _, port := range c.Ports {
		p.within(Point{port.X, port.Y}).port(port)
	}
	for _, note := range c.Notes {
		p.text(p.ink(note.Fate.or(shadeMuted)), styleNote, Point{noteX, note.Y}, anchorStart, note.Text)
	}
	if c.Tag != nil {
		p.within(Point{c.Tag.X, c.Tag.Y}).tag(c.Tag)
	}
	if c.Live {
		p.stroke(p.ink(shadeCardLine), 1, line{{0, c.FootY()}, {c.W, c.FootY()}})
		p.fill(p.ink(shadeBadge), rounded(Box{10, c.FootY() + 20, c.FootBar(), 3}, 1.5))
	}
}

func (p *painter) port(port portPart) {
	colour := p.ink(slotShades[port.Slot])
	p.fill(p.ink(shadeCard), disc(port.Dot, dotRadius+0.75))
	p.fill(colour, disc(port.Dot, dotRadius-0.75))
	space := p.face(stylePort)
	gap, _ := space.GlyphAdvance(' ')
	blank := float64(gap) / 64 / p.scale
	if port.Out {
		w := p.text(p.ink(shadeInk), stylePort, Point{-portX, portY}, anchorEnd, port.Name)
		p.text(colour, stylePort, Point{-portX - w - blank, portY}, anchorEnd, port.Type)
		return
	}
	w := p.text(p.ink(shadeInk), stylePort, Point{portX, portY}, anchorStart, port.Name)
	p.text(colour, stylePort, Point{portX + w + blank, portY}, anchorStart, port.Type)
}

func (p *painter) pill(pill *pillPart) {
	p.bordered(pill.Box, pillHeight/2, p.ink(shadeBackground), p.ink(pill.Fate.or(shadeClusterLine)), 1)
	p.text(p.ink(pill.Fate.or(shadeMuted)), stylePill, Point{pill.TextX, pillTextY}, anchorMiddle, pill.Text)
	for _, sign := range pill.Strokes {
		p.within(Point{sign.X, -signSide / 2}).icon(p.ink(shadeMuted), 1.2, sign.Path)
	}
}

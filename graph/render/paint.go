package render

import (
	"image"
	"image/color"
	"image/draw"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
	"golang.org/x/text/unicode/norm"
)

// A canvas paints outlines and text on an image. Lengths are CSS pixels; the
// origin moves with at. A canvas belongs to one goroutine.
type canvas struct {
	img    *image.RGBA
	scale  float64
	origin Point
	raster *vector.Rasterizer
	faces  map[style]font.Face
}

func newCanvas(width, height, scale float64) *canvas {
	r := image.Rect(0, 0, int(math.Ceil(width*scale)), int(math.Ceil(height*scale)))
	return &canvas{img: image.NewRGBA(r), scale: scale, raster: vector.NewRasterizer(0, 0), faces: map[style]font.Face{}}
}

// at is the same canvas with its origin at p.
func (c *canvas) at(p Point) *canvas {
	moved := *c
	moved.origin = Point{c.origin.X + p.X, c.origin.Y + p.Y}
	return &moved
}

// A line is a row of points; an outline is filled as if closed.
type line []Point

// fill paints the insides of outlines that all turn the same way, which is what
// lets them overlap: the rasteriser adds up signed areas.
func (c *canvas) fill(ink color.Color, outlines ...line) {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, o := range outlines {
		for _, p := range o {
			x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
		}
	}
	if x0 > x1 {
		return
	}
	// Only the pixels around the outlines are visited.
	device := func(p Point) (x, y float64) {
		return (p.X + c.origin.X) * c.scale, (p.Y + c.origin.Y) * c.scale
	}
	left, top := device(Point{x0, y0})
	right, bottom := device(Point{x1, y1})
	area := image.Rect(int(math.Floor(left)), int(math.Floor(top)), int(math.Ceil(right))+1, int(math.Ceil(bottom))+1)
	c.raster.Reset(area.Dx(), area.Dy())
	for _, o := range outlines {
		for i, p := range o {
			x, y := device(p)
			fx, fy := float32(x-float64(area.Min.X)), float32(y-float64(area.Min.Y))
			if i == 0 {
				c.raster.MoveTo(fx, fy)
			} else {
				c.raster.LineTo(fx, fy)
			}
		}
		c.raster.ClosePath()
	}
	c.raster.Draw(c.img, area, image.NewUniform(ink), image.Point{})
}

// stroke paints a line of a width with flat ends.
func (c *canvas) stroke(ink color.Color, width float64, l line) {
	if len(l) > 1 {
		c.fill(ink, ribbon(l, width/2))
	}
}

// dashes paints on px of every on+off px of a line.
func (c *canvas) dashes(ink color.Color, width float64, l line, on, off float64) {
	var pieces []line
	for dash := range dashed(l, on, off) {
		pieces = append(pieces, ribbon(dash, width/2))
	}
	c.fill(ink, pieces...)
}

// dashed gives the drawn parts of a dashed line.
func dashed(l line, on, off float64) iter.Seq[line] {
	return func(yield func(line) bool) {
		drawing, left := true, on
		piece := line{l[0]}
		for i := 1; i < len(l); i++ {
			a, b := l[i-1], l[i]
			for rest := distance(a, b); rest > 0; rest = distance(a, b) {
				if rest < left {
					left -= rest
					if drawing {
						piece = append(piece, b)
					}
					break
				}
				a = Point{a.X + (b.X-a.X)*left/rest, a.Y + (b.Y-a.Y)*left/rest}
				if drawing && !yield(append(piece, a)) {
					return
				}
				drawing = !drawing
				if left = on; !drawing {
					left = off
				}
				piece = line{a}
			}
		}
		if drawing && len(piece) > 1 {
			yield(piece)
		}
	}
}

// icon paints the strokes of a line drawing with round corners and ends.
func (c *canvas) icon(ink color.Color, width float64, path string) {
	for l := range strokes(path) {
		n := len(l)
		back := slices.Clone(l)
		slices.Reverse(back)
		if distance(l[0], l[n-1]) < 1e-9 {
			c.fill(ink, side(l[:n-1], width/2), side(back[:n-1], width/2))
		} else {
			// There and back is a loop whose one side is the whole outline.
			c.fill(ink, side(append(l, back[1:n-1]...), width/2))
		}
	}
}

// side is the line that runs beside a loop at a distance, on an arc around
// every corner that it has to go about.
func side(loop line, away float64) line {
	var out line
	n := len(loop)
	for i, p := range loop {
		in, on := direction(line{loop[(i+n-1)%n], p}, 0), direction(line{p, loop[(i+1)%n]}, 0)
		from := math.Atan2(-in.X, in.Y)
		turn := math.Atan2(in.X*on.Y-in.Y*on.X, in.X*on.X+in.Y*on.Y)
		if turn >= 0 || turn < -math.Pi+1e-6 { // an outer corner, or the end of a line
			turn = math.Abs(turn)
			steps := int(math.Ceil(turn / 0.2))
			for k := range steps + 1 {
				sin, cos := math.Sincos(from + turn*float64(k)/float64(max(steps, 1)))
				out = append(out, Point{p.X + away*cos, p.Y + away*sin})
			}
			continue
		}
		sin, cos := math.Sincos(from + turn/2)
		reach := away / max(math.Cos(turn/2), 0.5)
		out = append(out, Point{p.X + reach*cos, p.Y + reach*sin})
	}
	return out
}

// ribbon is the outline of a line of a half width. At a corner the sides meet on
// the bisector, which is right for the flat corners of curves.
func ribbon(l line, half float64) line {
	var forth, back line
	for i, p := range l {
		before, after := direction(l, i-1), direction(l, i)
		if i == 0 {
			before = after
		}
		if i == len(l)-1 {
			after = before
		}
		n := Point{-(before.Y + after.Y), before.X + after.X}
		size := math.Hypot(n.X, n.Y)
		if size < 1e-6 {
			n, size = Point{-before.Y, before.X}, 1
		}
		// The bisector is longer than the half width, but never more than twice.
		k := half / size * min(2/max(size, 1e-6), 2)
		forth = append(forth, Point{p.X + n.X*k, p.Y + n.Y*k})
		back = append(back, Point{p.X - n.X*k, p.Y - n.Y*k})
	}
	for i := len(back) - 1; i >= 0; i-- {
		forth = append(forth, back[i])
	}
	return forth
}

// direction is the unit vector from point i of a line to the next; that of the
// nearest pair when there is none, or when both are the same.
func direction(l line, i int) Point {
	for i = max(i, 0); i+1 < len(l); i++ {
		if d := distance(l[i], l[i+1]); d > 1e-9 {
			return Point{(l[i+1].X - l[i].X) / d, (l[i+1].Y - l[i].Y) / d}
		}
	}
	return Point{1, 0}
}

// disc is the outline of a circle.
func disc(p Point, r float64) line {
	const n = 24
	var l line
	for k := range n {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / n)
		l = append(l, Point{p.X + r*cos, p.Y + r*sin})
	}
	return l
}

// rounded is the outline of a box with round corners, closed.
func rounded(b Box, r float64) line {
	r = min(r, b.W/2, b.H/2)
	var l line
	corner := func(x, y float64, quarter float64) {
		const n = 12
		for k := range n + 1 {
			sin, cos := math.Sincos((quarter + float64(k)/n) * math.Pi / 2)
			l = append(l, Point{x + r*cos, y + r*sin})
		}
	}
	corner(b.X+b.W-r, b.Y+b.H-r, 0)
	corner(b.X+r, b.Y+b.H-r, 1)
	corner(b.X+r, b.Y+r, 2)
	corner(b.X+b.W-r, b.Y+r, 3)
	return append(l, l[0])
}

// bordered paints a box with round corners and a border, which lies half inside
// and half outside as in SVG.
func (c *canvas) bordered(b Box, r float64, ground, border color.Color, width float64) {
	c.fill(border, rounded(b.grown(width/2), r+width/2))
	c.fill(ground, rounded(b.grown(-width/2), r-width/2))
}

// strokes reads the path data of icons: absolute M, L, C and Z.
func strokes(path string) iter.Seq[line] {
	return func(yield func(line) bool) {
		var l line
		for len(path) > 0 {
			command := path[0]
			end := strings.IndexAny(path[1:], "MLCZ") + 1
			if end == 0 {
				end = len(path)
			}
			p := points(path[1:end])
			path = path[end:]
			switch command {
			case 'M':
				if len(l) > 1 && !yield(l) {
					return
				}
				l = line{p[0]}
			case 'L':
				l = append(l, p...)
			case 'C':
				for q := range flattened(append(line{l[len(l)-1]}, p...), 0.7) {
					if q != l[len(l)-1] { // its start
						l = append(l, q)
					}
				}
			case 'Z':
				if l[0] != l[len(l)-1] {
					l = append(l, l[0])
				}
			}
		}
		if len(l) > 1 {
			yield(l)
		}
	}
}

// points reads "1 2 3.5 4" as two points.
func points(s string) []Point {
	var xs []float64
	for f := range strings.FieldsSeq(s) {
		x, err := strconv.ParseFloat(f, 64)
		if err != nil {
			panic("icon: " + err.Error())
		}
		xs = append(xs, x)
	}
	var out []Point
	for i := 0; i+1 < len(xs); i += 2 {
		out = append(out, Point{xs[i], xs[i+1]})
	}
	return out
}

// An anchor is the part of a text that stands at its position.
type anchor float64

const (
	anchorStart  anchor = 0
	anchorMiddle anchor = 0.5
	anchorEnd    anchor = 1
)

// text paints a line of text on a baseline and gives its width in px.
func (c *canvas) text(ink color.Color, st style, p Point, a anchor, text string) float64 {
	if text = composed(text); text == "" {
		return 0
	}
	face := c.face(st)
	advance := font.MeasureString(face, text)
	x := (p.X+c.origin.X)*c.scale - float64(a)*float64(advance)/64
	d := font.Drawer{Dst: c.img, Src: image.NewUniform(ink), Face: face}
	d.Dot = fixed.Point26_6{X: fixed.Int26_6(math.Round(x * 64)), Y: fixed.Int26_6(math.Round((p.Y + c.origin.Y) * c.scale * 64))}
	d.DrawString(text)
	return float64(advance) / 64 / c.scale
}

// composed joins accents with their letters and leaves out what remains of
// them: the fonts place no marks.
func composed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, norm.NFC.String(text))
}

// face is the typeface of a style at the scale of the canvas.
func (c *canvas) face(st style) font.Face {
	if f, ok := c.faces[st]; ok {
		return f
	}
	ttf := goregular.TTF
	if st.weight == bold {
		ttf = gobold.TTF
	}
	f, err := opentype.NewFace(mustParse(ttf), &opentype.FaceOptions{Size: st.size * c.scale, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic(err) // the sizes are ours
	}
	c.faces[st] = f
	return f
}

// clear fills the whole image.
func (c *canvas) clear(ink color.Color) {
	draw.Draw(c.img, c.img.Bounds(), image.NewUniform(ink), image.Point{}, draw.Src)
}

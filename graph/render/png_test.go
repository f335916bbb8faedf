package render

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

func pngOf(t *testing.T, s *Scene, o PNGOptions) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := PNG(&b, s, o); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// at is the colour at a point of the scene.
func at(img image.Image, scale float64, p Point) color.RGBA {
	return color.RGBAModel.Convert(img.At(int(p.X*scale), int(p.Y*scale))).(color.RGBA)
}

// The parts of the picture are where the scene says, in the colours of the theme.
func TestPNGShowsTheScene(t *testing.T) {
	s := laidOut(t, plant(), Builtin)
	for _, o := range []PNGOptions{{Scale: 2}, {Scale: 1.5, Dark: true}} {
		img := pngOf(t, s, o)
		if want := image.Rect(0, 0, int(math.Ceil(s.Width*o.Scale)), int(math.Ceil(s.Height*o.Scale))); img.Bounds() != want {
			t.Errorf("size %v, want %v", img.Bounds(), want)
		}
		expect := func(what string, p Point, want shade) {
			t.Helper()
			if got := at(img, o.Scale, p); got != rgb(want.in(o.Dark)) {
				t.Errorf("%+v: %s at %v is %v, want %s", o, what, p, got, want.in(o.Dark))
			}
		}
		expect("the ground", Point{4, 4}, shadeBackground)
		for _, c := range s.Cards {
			expect("the card "+c.ID, Point{c.X + c.W/2, c.Y + 5}, shadeCard)
			// The corner is round: the card does not reach it, its border at most.
			if got := at(img, o.Scale, Point{c.X, c.Y}); got == rgb(shadeCard.in(o.Dark)) {
				t.Errorf("%s has a corner", c.ID)
			}
			for r, p := range c.Out {
				expect("the dot of "+c.ID+"."+p.Name, Point{c.X + c.W, c.Y + rowMiddle(r)}, slotShades[p.Slot])
			}
			for r, p := range c.In {
				expect("the dot of "+c.ID+"."+p.Name, Point{c.X, c.Y + rowMiddle(r)}, slotShades[p.Slot])
			}
		}
		for _, p := range s.Clusters {
			expect("the cluster "+p.Name, Point{p.X + p.W/2, p.Y + 6}, shadeCluster)
		}
		for _, w := range s.Wires {
			expect("the pill of "+s.wireName(w), Point{w.Pill.X - w.pillWidth(false)/2 + 3, w.Pill.Y}, shadeBackground)
		}
	}
}

// Names are written: the box of a card's id holds ink.
func TestPNGHasText(t *testing.T) {
	s := laidOut(t, lateFlights(), Builtin)
	img := pngOf(t, s, PNGOptions{Scale: 2})
	ink := func(b Box) (n int) {
		for x := b.X; x < b.X+b.W; x += 0.5 {
			for y := b.Y; y < b.Y+b.H; y += 0.5 {
				if c := at(img, 2, Point{x, y}); c.R < 100 && c.G < 110 {
					n++
				}
			}
		}
		return n
	}
	if n := ink(Box{pagePad, 16, 100, 18}); n < 300 {
		t.Errorf("%d dark pixels in the title", n)
	}
	for _, c := range s.Cards {
		if n := ink(Box{c.X + textX, c.Y + 11, 12 * float64(len(c.ID)), 12}); n < 40*len(c.ID) {
			t.Errorf("%d dark pixels in %s", n, c.ID)
		}
	}
}

func TestPNGOfHostileText(t *testing.T) {
	s := laidOut(t, hostile(), Builtin)
	pngOf(t, s, PNGOptions{Scale: 1})
}

func TestPNGScale(t *testing.T) {
	s := laidOut(t, lateFlights(), Builtin)
	if img := pngOf(t, s, PNGOptions{}); img.Bounds().Dx() != int(2*s.Width) {
		t.Errorf("by default %v for a width of %v", img.Bounds(), s.Width)
	}
	if scale, err := (PNGOptions{}).scale(20_000, 10_000); scale != 0.4 || err != nil {
		t.Errorf("a huge picture has the scale %v, err %v", scale, err)
	}
	if scale, err := (PNGOptions{Scale: 0.7}).scale(20_000, 10_000); scale != 0.7 || err != nil {
		t.Errorf("98 megapixels: scale %v, err %v", scale, err)
	}
	s.Width, s.Height = 20_000, 10_000
	err := PNG(io.Discard, s, PNGOptions{Scale: 1})
	if err == nil || !strings.Contains(err.Error(), "20000×10000") || !strings.Contains(err.Error(), "0.7") {
		t.Errorf("200 megapixels: %v", err)
	}
	for _, scale := range []float64{-1, math.NaN(), math.Inf(1)} {
		if err := PNG(io.Discard, s, PNGOptions{Scale: scale}); err == nil {
			t.Errorf("scale %v is taken", scale)
		}
	}
}

// Every drawing can be read by the rasteriser, and leaves its ink inside its box.
func TestIconsAreDrawn(t *testing.T) {
	white := rgb("#ffffff")
	draw := func(path string, side float64) (ink float64, outside int) {
		const scale = 8
		c := newCanvas(side+4, side+4, scale)
		c.clear(white)
		c.at(Point{2, 2}).icon(rgb("#000000"), 1.6, path)
		for x := range c.img.Rect.Dx() {
			for y := range c.img.Rect.Dy() {
				dark := 255 - float64(c.img.RGBAAt(x, y).R)
				ink += dark / 255 / scale / scale
				if edge := scale; dark > 0 && (x < edge || y < edge || x >= c.img.Rect.Dx()-edge || y >= c.img.Rect.Dy()-edge) {
					outside++
				}
			}
		}
		return ink, outside
	}
	for icon, g := range glyphs {
		if ink, outside := draw(g.path, 16); ink < 20 || ink > 90 || outside > 0 {
			t.Errorf("icon %s: %.0f px² of ink, %d pixels outside", icon, ink, outside)
		}
	}
	for sign, path := range signs {
		if ink, outside := draw(path, signSide); ink < 7 || ink > 45 || outside > 0 {
			t.Errorf("sign %s: %.0f px² of ink, %d pixels outside", sign, ink, outside)
		}
	}
}

// A stroke has the area of its length times its width, whichever way it turns
// and however it is cut into dashes.
func TestStrokeArea(t *testing.T) {
	area := func(draw func(*canvas)) float64 {
		c := newCanvas(120, 120, 4)
		c.clear(rgb("#ffffff"))
		draw(c)
		sum := 0.0
		for i := 0; i < len(c.img.Pix); i += 4 {
			sum += 255 - float64(c.img.Pix[i])
		}
		return sum / 255 / 16
	}
	circle := disc(Point{60, 60}, 40)
	circle = append(circle, circle[0])
	length := 0.0
	for i := 1; i < len(circle); i++ {
		length += distance(circle[i-1], circle[i])
	}
	black := rgb("#000000")
	for what, l := range map[string]line{"straight": {{10, 60}, {110, 60}}, "slanted": {{20, 20}, {80, 100}}, "circle": circle} {
		length := 0.0
		for i := 1; i < len(l); i++ {
			length += distance(l[i-1], l[i])
		}
		if got, want := area(func(c *canvas) { c.stroke(black, 3, l) }), 3*length; math.Abs(got-want) > want/50 {
			t.Errorf("%s: %.1f px², want %.1f", what, got, want)
		}
		if got, want := area(func(c *canvas) { c.dashes(black, 3, l, 5, 5) }), 1.5*length; math.Abs(got-want) > want/20 {
			t.Errorf("%s, dashed: %.1f px², want %.1f", what, got, want)
		}
	}
}

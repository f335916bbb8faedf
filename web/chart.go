package web

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// A chart is a drawing of values over time, made here: it needs no script, and its
// parts have classes instead of colours, so that it follows the theme.
type chart struct {
	Label  string // what a person hears who does not see it
	Width  float64
	Height float64
	Lines  []chartLine
	Areas  []chartLine // from the back to the front
	Grid   []tick      // of values, with their places from the top
	Times  []tick      // of time, with their places from the left
}

type chartLine struct {
	Class, Name string
	Path        string // of an SVG path
}

type tick struct {
	At   float64
	Text string
}

// A series is values at times, in seconds. What has no value is NaN.
type series struct {
	class, name string
	at, values  []float64
}

// The measures of charts.
const (
	wideWidth, wideHeight   = 900.0, 200.0
	wideLeft, wideBottom    = 56.0, 22.0
	wideTop, wideRight      = 10.0, 28.0
	sparkWidth, sparkHeight = 150.0, 26.0
)

// newChart draws lines over a common scale that begins at 0, with axes.
func newChart(label string, lines ...series) *chart {
	c := &chart{Label: label, Width: wideWidth, Height: wideHeight}
	most, end := extent(lines)
	top := roundUp(most)
	x := func(t float64) float64 { return wideLeft + (wideWidth-wideLeft-wideRight)*t/end }
	y := func(v float64) float64 { return wideTop + (wideHeight-wideBottom-wideTop)*(1-v/top) }
	for _, s := range lines {
		c.Lines = append(c.Lines, chartLine{s.class, s.name, polyline(s, x, y, false)})
	}
	for i := range 5 {
		v := top * float64(i) / 4
		c.Grid = append(c.Grid, tick{y(v), figure(v)})
	}
	for i := range 6 {
		t := end * float64(i) / 5
		c.Times = append(c.Times, tick{x(t), elapsed(t, end)})
	}
	return c
}

// newSpark draws one line without axes, its area filled, up to a bound; 0: up to its
// highest value.
func newSpark(label, class string, at, values []float64, bound float64) *chart {
	c := &chart{Label: label, Width: sparkWidth, Height: sparkHeight}
	s := series{class, "", at, values}
	most, end := extent([]series{s})
	if bound > 0 {
		most = bound
	}
	x := func(t float64) float64 { return sparkWidth * t / end }
	y := func(v float64) float64 { return 1 + (sparkHeight-2)*(1-min(v/most, 1)) }
	c.Areas = []chartLine{{class, "", polyline(s, x, y, true)}}
	c.Lines = []chartLine{{class, "", polyline(s, x, y, false)}}
	return c
}

// newStack draws shares on top of each other, up to 1.
func newStack(label string, shares ...series) *chart {
	c := &chart{Label: label, Width: sparkWidth, Height: sparkHeight}
	if len(shares) == 0 || len(shares[0].at) == 0 {
		return c
	}
	_, end := extent(shares)
	sum := make([]float64, len(shares[0].at))
	x := func(t float64) float64 { return sparkWidth * t / end }
	y := func(v float64) float64 { return sparkHeight * (1 - min(v, 1)) }
	for _, s := range shares {
		for i, v := range s.values {
			if !math.IsNaN(v) {
				sum[i] += v
			}
		}
		top := series{s.class, s.name, s.at, append([]float64(nil), sum...)}
		c.Areas = append([]chartLine{{s.class, s.name, polyline(top, x, y, true)}}, c.Areas...)
	}
	return c
}

// extent is the highest value and the last time, both above 0.
func extent(lines []series) (most, end float64) {
	for _, s := range lines {
		for i, v := range s.values {
			if v > most {
				most = v
			}
			end = max(end, s.at[i])
		}
	}
	return max(most, 1e-9), max(end, 1e-3)
}

// polyline is the path of a line; closed is the area between it and 0.
func polyline(s series, x, y func(float64) float64, closed bool) string {
	var b strings.Builder
	first, last := math.NaN(), math.NaN()
	pen := "M"
	for i, v := range s.values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if pen == "M" {
			first = s.at[i]
		}
		last = s.at[i]
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, x(s.at[i]), y(v))
		pen = "L"
	}
	if closed && pen == "L" {
		fmt.Fprintf(&b, "L%.1f %.1fL%.1f %.1fZ", x(last), y(0), x(first), y(0))
	}
	return b.String()
}

// roundUp is the next of 1, 2, 4 or 8 times a power of ten: four steps of it are
// round too.
func roundUp(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, k := range []float64{1, 2, 4, 8} {
		if v <= k*unit*1.0001 {
			return k * unit
		}
	}
	return 10 * unit
}

// figure writes a number with three digits: 950, 34.5k, 1.05M.
func figure(x float64) string {
	for _, unit := range []string{"", "k", "M", "G"} {
		if math.Abs(x) < 999.5 {
			return threeDigits(x) + unit
		}
		x /= 1000
	}
	return threeDigits(x) + "T"
}

func threeDigits(x float64) string {
	decimals := 2
	switch a := math.Abs(x); {
	case a >= 99.95:
		decimals = 0
	case a >= 9.995:
		decimals = 1
	}
	text := fmt.Sprintf("%.*f", decimals, x)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// brief writes 2m for 2m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// elapsed writes a time since the start, fine enough for an axis of a length.
func elapsed(seconds, length float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case seconds == 0:
		return "0"
	case length < 2:
		return d.Round(time.Millisecond).String()
	case length < 20:
		return d.Round(100 * time.Millisecond).String()
	}
	return brief(d.Round(time.Second))
}

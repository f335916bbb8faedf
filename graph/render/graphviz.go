package render

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	graphviz "github.com/goccy/go-graphviz"

	"github.com/flowrun/flowrun/graph/render/internal/vizstart"
)

// The layout by Graphviz, which gets boxes and no texts.

// The inits of imported packages come first, that of go-graphviz too.
func init() { vizstart.Ready() }

// oneLayout lets one layout run at a time: go-graphviz keeps its state in one
// module per process and is destroyed by concurrent use. A channel and not a
// mutex, so that waiting ends with the context.
var oneLayout = make(chan struct{}, 1)

// placeByGraphviz sets the boxes of cards and clusters and the paths of wires.
func (s *Scene) placeByGraphviz(ctx context.Context) error {
	select {
	case oneLayout <- struct{}{}:
		defer func() { <-oneLayout }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	out, err := layOut(s.boxes())
	if err != nil {
		return err
	}
	return s.read(out)
}

// layOut is callGraphviz, except in tests of what happens when it fails.
var layOut = callGraphviz

// callGraphviz lays out one graph. The format is json0 and never json, which
// traps inside the module after a few dozen large graphs. A trap surfaces as an
// error or as a panic of the binding, and every later call fails too.
func callGraphviz(dot []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("graphviz: %v", r)
		}
	}()
	vizstart.Start()
	ctx := context.Background() // cancelling would close the module for good
	g, err := graphviz.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("graphviz: %w", err)
	}
	defer g.Close()
	graph, err := graphviz.ParseBytes(dot)
	if err != nil {
		return nil, fmt.Errorf("graphviz: %w", err)
	}
	defer graph.Close()
	var b bytes.Buffer
	if err := g.Render(ctx, graph, "json0", &b); err != nil {
		return nil, fmt.Errorf("graphviz: %w", err)
	}
	return b.Bytes(), nil
}

// boxes writes the scene as DOT in which a card is a table of empty cells of
// fixed size. So Graphviz measures no text, and wires still end at the row of
// their port. Names are dense (n3, cluster_0, the edge's id is its index): text
// of the user never gets here, and there is nothing to escape.
func (s *Scene) boxes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "digraph g {\ngraph [rankdir=LR newrank=true outputorder=edgesfirst fontname=Verdana fontsize=11 nodesep=%.3f ranksep=%.3f %s];\n",
		s.rowGap()/72, s.columnGap()/72, s.limits())
	b.WriteString("node [shape=plain fontname=Verdana fontsize=10]; edge [arrowhead=none];\n")
	members := s.byCluster()
	for k, p := range s.Clusters {
		fmt.Fprintf(&b, "subgraph cluster_%d { margin=%.0f;\n", k, clusterPad)
		if !s.Down {
			b.WriteString("label=\" \";\n") // room for the name at the top
		}
		for _, i := range members[p.Name] {
			s.writeBox(&b, i)
		}
		b.WriteString("}\n")
	}
	for _, i := range members[""] {
		s.writeBox(&b, i)
	}
	for k, w := range s.Wires {
		// Side outputs give way, so that the main line is straight. The compass points
		// keep wires at ports level.
		weight := 4
		if w.Side {
			weight = 1
		}
		fmt.Fprintf(&b, "n%d:o%d:e -> n%d:i%d:w [id=\"%d\" weight=%d];\n", w.From.Card, w.From.Port, w.To.Card, w.To.Port, k, weight)
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// limits are the settings that keep the time for large graphs bearable.
func (s *Scene) limits() string {
	if len(s.Cards) > 1500 || len(s.Wires) > 3000 {
		return "splines=polyline nslimit=2 nslimit1=2 mclimit=0.3 searchsize=20"
	}
	return "splines=true"
}

func (s *Scene) writeBox(b *bytes.Buffer, i int) {
	c := s.Cards[i]
	if s.Down {
		c.writeLying(b, i)
		return
	}
	fmt.Fprintf(b, `n%d [label=<<table border="0" cellborder="0" cellspacing="0" cellpadding="0">`, i)
	across := func(height float64) {
		fmt.Fprintf(b, `<tr><td colspan="2" width="%.0f" height="%.0f" fixedsize="true"></td></tr>`, c.W, height)
	}
	across(headHeight)
	for r := range c.rows() {
		b.WriteString("<tr>")
		for side, ports := range [][]Port{c.In, c.Out} {
			port := ""
			if r < len(ports) {
				port = fmt.Sprintf(` port="%c%d"`, "io"[side], r)
			}
			fmt.Fprintf(b, `<td%s width="%.0f" height="%.0f" fixedsize="true"></td>`, port, c.W/2, rowHeight)
		}
		b.WriteString("</tr>")
	}
	across(c.H - headHeight - rowHeight*float64(c.rows()))
	b.WriteString("</table>>];\n")
}

// read takes the positions out of json0. Graphviz counts y upwards.
func (s *Scene) read(out []byte) error {
	var j struct {
		Objects []struct{ Name, Pos, BB string }
		Edges   []struct{ ID, Pos string }
	}
	if err := json.Unmarshal(out, &j); err != nil {
		return fmt.Errorf("graphviz: json0: %w", err)
	}
	cards, wires := 0, 0
	for _, o := range j.Objects {
		if k, ok := number(o.Name, "cluster_"); ok && k < len(s.Clusters) {
			b := numbers(o.BB)
			if len(b) != 4 {
				return fmt.Errorf("graphviz: json0: box %q", o.BB)
			}
			s.Clusters[k].Box = Box{b[0], -b[3], b[2] - b[0], b[3] - b[1]}
		} else if i, ok := number(o.Name, "n"); ok && i < len(s.Cards) {
			p := numbers(o.Pos)
			if len(p) != 2 {
				return fmt.Errorf("graphviz: json0: position %q", o.Pos)
			}
			c := s.Cards[i]
			c.X, c.Y = math.Round(p[0]-c.W/2), math.Round(-p[1]-c.H/2)
			cards++
		}
	}
	for _, e := range j.Edges {
		i, ok := number(e.ID, "")
		if !ok || i >= len(s.Wires) {
			return fmt.Errorf("graphviz: json0: edge %q", e.ID)
		}
		var path []Point
		for f := range strings.FieldsSeq(e.Pos) {
			p := numbers(f)
			if len(p) != 2 {
				return fmt.Errorf("graphviz: json0: spline %q", e.Pos)
			}
			path = append(path, Point{p[0], -p[1]})
		}
		if len(path) < 4 || len(path)%3 != 1 {
			return fmt.Errorf("graphviz: json0: spline of %d points", len(path))
		}
		s.Wires[i].Path = path
		wires++
	}
	if cards != len(s.Cards) || wires != len(s.Wires) {
		return fmt.Errorf("graphviz: json0: %d of %d cards, %d of %d wires", cards, len(s.Cards), wires, len(s.Wires))
	}
	return nil
}

// numbers reads "1.5,2,3"; anything else gives nothing.
func numbers(s string) []float64 {
	var out []float64
	for f := range strings.SplitSeq(s, ",") {
		x, err := strconv.ParseFloat(f, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		out = append(out, x)
	}
	return out
}

// number reads the index behind a prefix, as in "n12".
func number(s, prefix string) (int, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(rest)
	return i, err == nil && i >= 0
}

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// An outline is what does not change while a flow runs. Rows of the stream refer
// to its nodes and edges by their index.
type outline struct {
	Name  string        `json:"name"`
	About string        `json:"about,omitempty"`
	File  string        `json:"file,omitempty"`
	Hash  string        `json:"hash"` // of everything else here
	Nodes []outlineNode `json:"nodes"`
	Edges []outlineEdge `json:"edges"`
}

type outlineNode struct {
	ID       string        `json:"id"`
	Kind     string        `json:"kind"`
	At       string        `json:"at,omitempty"` // file:line
	About    string        `json:"about,omitempty"`
	Summary  string        `json:"summary,omitempty"` // of the kind
	Source   bool          `json:"source,omitempty"`
	Sink     bool          `json:"sink,omitempty"`
	In       []outlinePort `json:"in,omitempty"`
	Out      []outlinePort `json:"out,omitempty"`
	OnError  string        `json:"on_error"`
	Settings string        `json:"settings,omitempty"` // as written in the file, secrets hidden
}

type outlinePort struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Full string `json:"full,omitempty"` // the fields behind a type that has a name
}

type outlineEdge struct {
	Name     string `json:"name"` // from.port → to.port
	From     int    `json:"from"`
	To       int    `json:"to"`
	Type     string `json:"type"`
	Capacity int    `json:"capacity"`
	Bytes    int64  `json:"bytes"`
	OnFull   string `json:"on_full"`
	Priority string `json:"priority,omitempty"`
	Delay    string `json:"delay,omitempty"`
	At       string `json:"at,omitempty"`
	Side     bool   `json:"side,omitempty"`
}

func newOutline(f *graph.Flow) *outline {
	o := &outline{Name: f.Name, About: redact.Text(f.About)}
	if f.At.Source != nil {
		o.File = f.At.Source.Name
	}
	index := map[*graph.Node]int{}
	for i, n := range f.Nodes {
		index[n] = i
		o.Nodes = append(o.Nodes, newOutlineNode(n))
	}
	for _, e := range f.Edges {
		o.Edges = append(o.Edges, outlineEdge{
			Name: strings.Replace(e.String(), "->", "→", 1), From: index[e.From], To: index[e.To], Type: typeText(e.Type),
			Capacity: e.Contract.Capacity, Bytes: int64(e.Contract.Bytes), OnFull: e.Contract.OnFull, Priority: redact.Text(e.Contract.Priority.Value), Delay: redact.Text(e.Contract.Delay.Value),
			At: place(e.At), Side: e.FromPort.Side || e.FromPort.Name == graph.ErrorPort,
		})
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // strings and numbers
	}
	sum := sha256.Sum256(text)
	o.Hash = hex.EncodeToString(sum[:8])
	return o
}

func newOutlineNode(n *graph.Node) outlineNode {
	node := outlineNode{
		ID: n.ID, Kind: n.Kind, At: place(n.At), About: redact.Text(n.Engine.About), Source: len(n.In) == 0, Sink: true,
		OnError: n.Engine.OnError, Settings: excerpt(n.At),
	}
	if n.Spec != nil {
		node.Summary = n.Spec.Summary
	}
	for _, in := range n.In {
		node.In = append(node.In, port(in.Name, in.Arriving()))
	}
	for _, out := range n.Out {
		if out.Name == graph.ErrorPort && len(out.Edges) == 0 {
			continue
		}
		node.Sink = node.Sink && len(out.Edges) == 0
		node.Out = append(node.Out, port(out.Name, out.Carries))
	}
	return node
}

func port(name string, t *types.Type) outlinePort {
	p := outlinePort{Name: name, Type: typeText(t)}
	if t != nil && t.Expanded() != p.Type {
		p.Full = t.Expanded()
	}
	return p
}

func typeText(t *types.Type) string {
	if t == nil || t.Kind == types.KindError {
		return "any"
	}
	return t.String()
}

// place gives file:line.
func place(at diag.Span) string {
	if at.Source == nil || at.Line == 0 {
		return ""
	}
	return at.Source.Name + ":" + strconv.Itoa(at.Line)
}

// maxExcerpt bounds the lines of a node that are shown.
const maxExcerpt = 60

// excerpt gives what stands below a node's id in the file, as it was written but for
// secrets. Variables are not filled in there, so that what comes from outside the file
// is never shown.
func excerpt(at diag.Span) string {
	if at.Source == nil || at.Line == 0 {
		return ""
	}
	var lines []string
	for i := at.Line + 1; i <= at.Source.Lines() && len(lines) < maxExcerpt; i++ {
		line := at.Source.Masked(i)
		if strings.TrimSpace(line) != "" && indent(line) < at.Col {
			break
		}
		lines = append(lines, line)
	}
	least := 1000
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			least = min(least, indent(line))
		}
	}
	for i, line := range lines {
		lines[i] = line[min(least, len(line)):]
	}
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	if text == "" { // the settings stand behind the id, in braces
		_, text, _ = strings.Cut(at.Source.Masked(at.Line), ":")
		text = strings.TrimSpace(text)
	}
	return redact.Source(text)
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

package s3

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/file"
)

// This file is the kind s3.write.

// writer is the kind s3.write.
type writer struct {
	URL config.Name `yaml:"url,required" doc:"The object: s3://bucket/key. With split, the key contains a * for each value."`
	Link
	file.Writing

	rows *file.ObjectWriter
}

var writeDecl = nodes.Kind("s3.write", "Writes rows to objects in S3, or in what speaks its language.", &writer{Writing: file.UsualWriting},
	nodes.InPort(graph.Port{Name: "in", Doc: "The rows."}),
	nodes.Workers(graph.PerCore), nodes.Tries(), nodes.Idle(graph.SettingTimeout),
	nodes.Lines("never", "the server is slow, or away", "its input has ended and the object is complete",
		"the object cannot be written, or a row has a value of split that names no object and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Write an object, and a file beside it",
		Peer:  "It needs a server with a bucket shop.",
		Flow: `flow: report
nodes:
  cities: {use: file.read, with: {path: cities.csv}}
  out:
    use: s3.write
    in: cities
    with:
      url: s3://shop/reports/cities.jsonl
      endpoint: http://s3.example:9000
      access_key: anonymous
    retry: {attempts: 5} # if the server does not answer when the flow begins
  copy: {use: file.write, in: cities, with: {path: copy.jsonl}}
`,
		Files: map[string]string{"cities.csv": "name,people\nRoma,2748109\nParis,2102650\n"},
		Want:  map[string]string{"copy.jsonl": "{\"name\":\"Roma\",\"people\":2748109}\n{\"name\":\"Paris\",\"people\":2102650}\n"},
	}),
)

// Infer checks the settings, and that the format can hold what arrives.
func (k *writer) Infer(c *graph.Inference) {
	k.rows = nil
	if _, ok := checkLink(c, &k.Link, k.URL); !ok {
		return
	}
	for _, n := range c.Flow.Nodes {
		if n == c.Node {
			break
		}
		if other, ok := n.Config.(*writer); ok && other.URL.Value == k.URL.Value && other.Endpoint == k.Endpoint {
			c.List().Add(diag.Conflict, k.URL.At, "%s writes the same object, %s", n.ID, k.URL.Value).
				WithNote(other.URL.At, "there").WithHint("merge the two inputs, or write two objects")
			return
		}
	}
	k.rows = file.NewObjectWriter(k.URL, k.Writing, k.Link.open)
	k.rows.Infer(c)
}

// Acting implements graph.Acter.
func (k *writer) Acting(on graph.EngineSettings) graph.EngineSettings {
	if k.rows == nil {
		return on
	}
	return k.rows.Acting(on)
}

// Withholds implements graph.Withholder.
func (k *writer) Withholds(abs func(path string) string) (remedy string, withholds bool) {
	if k.rows == nil {
		return "", false
	}
	return k.rows.Withholds(abs)
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) { return k.rows.Operator(env) }

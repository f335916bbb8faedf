package main

import (
	"embed"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// docs has the long text of each kind; nodes.Pack reports a kind without one.
//
//go:embed docs/*.md
var docs embed.FS

// distancePage is what else `nodes geo.distance` shows. The example is a test too.
var distancePage = []nodes.Option{
	nodes.InPort(graph.Port{Name: "in", Doc: "Places, in degrees."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "How far each of them is, along the surface of the earth."}),
	nodes.Example(graph.Example{
		Title: "How far it is from Berlin",
		Flow: `flow: far
nodes:
  places: {use: file.read, with: {path: places.csv}}
  far: {use: geo.distance, in: places, with: {latitude: 52.52, longitude: 13.405}}
  out: {use: file.write, in: far, with: {path: far.csv}}
`,
		Files: map[string]string{"places.csv": "name,latitude,longitude\nBerlin,52.52,13.405\nParis,48.8566,2.3522\nAuckland,-36.8509,174.7645\n"},
		Want:  map[string]string{"far.csv": "name,km\nBerlin,0\nParis,877\nAuckland,17747\n"},
	}),
}

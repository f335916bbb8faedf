// Command geopack is flowrun with a kind of its own: geo.distance, by haversines.
package main

import (
	"context"
	"math"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// Nodes is the pack.
var Nodes = nodes.Pack(docs,
	nodes.Map("geo.distance", "Tells how far places are from a point, in km.", &distance{}, distancePage...),
)

type distance struct {
	Latitude  float64 `yaml:"latitude,required" min:"-90" max:"90" doc:"Of the point, in degrees."`
	Longitude float64 `yaml:"longitude,required" min:"-180" max:"180" doc:"Of the point, in degrees."`
}

type place struct {
	Name                string
	Latitude, Longitude float64
}

type far struct {
	Name string
	Km   float64
}

func (d *distance) Map(_ context.Context, p place) (far, error) {
	const earth, degree = 6371.0, math.Pi / 180 // radius in km
	half := func(a float64) float64 { return math.Pow(math.Sin(a*degree/2), 2) }
	h := half(p.Latitude-d.Latitude) + math.Cos(p.Latitude*degree)*math.Cos(d.Latitude*degree)*half(p.Longitude-d.Longitude)
	return far{p.Name, math.Round(2 * earth * math.Asin(math.Sqrt(h)))}, nil
}

func main() { cli.Main(std.Nodes, Nodes) }

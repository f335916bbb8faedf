package file

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
)

// This file tells of the files by which flows meet: what one writes, another reads.

// Channels implements graph.Channeled.
func (k *reader) Channels(path func(string) string) (all []graph.Channel) {
	for _, p := range k.Path {
		all = append(all, channelOf(p.Value, path)...)
	}
	return all
}

// Channels implements graph.Channeled.
func (k *writer) Channels(path func(string) string) []graph.Channel {
	return channelOf(k.Path.Value, path)
}

// channelOf is the file of a path; none of a pattern, or of a standard stream.
func channelOf(name string, path func(string) string) []graph.Channel {
	if name == "-" || strings.ContainsAny(name, "*?[{") {
		return nil
	}
	return []graph.Channel{{Key: "file " + path(name), What: "file", Name: name[strings.LastIndexByte(name, '/')+1:]}}
}

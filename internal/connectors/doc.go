// Command connectors writes docs/connectors.md: which packs talk to the world outside of
// a flow, what kinds they have, and how each kind delivers. That is asked of the kinds
// themselves: the operator of the example of a kind tells what it can do. What a pack
// costs is measured by the command figures, whose table is left as it stands.
package main

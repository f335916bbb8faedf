// Package peer has what kinds that talk to somebody over a network have in common, so that
// a flow says it in one way wherever it stands: how a connection is secured.
//
// A setting that is an address is a config.URL, one that is a password a config.Secret:
// both show themselves to nobody. Connections are made by Env.Dial and Env.Listen, and by
// nothing else, so that there is one place that refuses them. Those to servers are secured by
// Secure, unless a client library does that itself.
package peer

// Package exec has the kinds that talk to a command.
package exec

// Package dbtest starts the database servers that tests talk to: those of Debian, on
// loopback ports of their own, with data of their own. Each is ended by its process id.
package dbtest

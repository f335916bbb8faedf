// Package socket has the kinds that send and receive rows over a bare connection.
package socket

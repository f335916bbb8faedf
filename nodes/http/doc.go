// Package http has the kinds that speak HTTP.
package http

// Package flows holds the flows that flowrun ships with, their data, and what they must give.
package flows

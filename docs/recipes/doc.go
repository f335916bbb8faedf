// Package recipes holds flows for jobs that come up again and again, a page for each, and
// the tests that run what the pages say.
package recipes

// Command archdraw draws the house: which package uses which, and inside a package, which
// file uses which.
//
//	go run ./internal/archdraw                 the table of rooms in ARCHITECTURE.md
//	go run ./internal/archdraw -check          fails if it is not what the code says
//	go run ./internal/archdraw -in scheduler   the files of a package, from the top down
//
// Terms. A room is a package, or, inside one, a file without tests. An arrow goes from a
// room to another one of which it uses something: imports it, or names a type, a function,
// a method, a field, a variable or a constant that stands there. However much it uses, that
// is one arrow.
//
// Between packages there are no circles: Go sees to that. Between files there may be. Their
// order is the one in which the fewest arrows run back up, as far as a search finds it
// (see floors.go); those arrows are what is to be mended, by having what is below know less
// of what is above, not by moving declarations.
package main

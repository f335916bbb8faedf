// Package config reads what people write in YAML: it parses a text into a tree
// in which every value knows its place, replaces variables, and fills Go
// structs strictly, reporting everything that does not fit at once. The same
// struct that is filled also gives the JSON Schema and the documentation of its
// settings, so that the three cannot disagree.
//
// Terms. A Value is what stands in the text: nothing, a scalar, a mapping or a
// sequence. A Schema is what Of learns from a prototype: a struct whose exported
// fields with a `yaml` tag are the settings, whose `doc` tags explain them, and
// whose values are the defaults. A setting is one such field.
//
// Laws.
//  1. Every value and every character of a scalar can be traced to its line and
//     column, through quotes, escapes, folding, block indentation and replaced
//     variables (Value.At).
//  2. Scalars are strict. 1.5 is no integer, 12 is no string, yes is no boolean;
//     nothing is converted that its author did not write.
//  3. Problems are collected in a diag.List. Nothing stops at the first one, and
//     what could be read is read.
//  4. Whatever the text is, work and memory are bounded: see the limits at Parse.
//  5. Nothing here knows Go's own YAML rules: yaml.v3 supplies the syntax only,
//     and no other package of flowrun imports it.
//
// Settings are declared like this:
//
//	type writer struct {
//		Path  string        `yaml:"path,required" doc:"Where the file goes."`
//		Mode  string        `yaml:"mode" doc:"What to do with a file that exists." enum:"fail|replace"`
//		Every time.Duration `yaml:"every" doc:"Time between two flushes." min:"1ms"`
//		By    []string      `yaml:"by" doc:"Fields that split the output." lone:"true"`
//	}
//
//	schema, err := config.Of(&writer{Mode: "fail", Every: time.Second})
//	…
//	w := writer{Mode: "fail", Every: time.Second} // a copy of the prototype
//	schema.Decode(value, &w, &list)
//
// The tags:
//
//	yaml:"name,required"   the key in the text; `required` refuses its absence
//	doc:"Text."            what the setting means; a setting without doc is refused
//	min, max               bounds of a number, a duration or a size; for a list,
//	                       a mapping or a string, bounds of its length
//	enum:"a|b"             the only texts allowed, also for each item of a list
//	lone:"true"            one value may stand where a list is wanted
//
// Field types: bool, integers, floats, string, time.Duration, Size, Secret, Text,
// Name, any, pointers (optional values), slices, structs, Map[V], and every type
// that implements Decoder. Anonymous structs are inlined. Fields without a
// `yaml` tag are not settings.
//
// A Schema may be used by many goroutines at once after its Alias calls
// are done, and so may a tree, once Substitute is done with it.
package config

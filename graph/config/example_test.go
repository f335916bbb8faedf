package config_test

import (
	"fmt"
	"os"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// A struct is the settings, their defaults, their checks and their docs.
func Example() {
	type writer struct {
		Path  string        `yaml:"path,required" doc:"Where the file goes."`
		Mode  string        `yaml:"mode" doc:"What to do with a file that exists." enum:"fail|replace"`
		Every time.Duration `yaml:"every" doc:"Time between two flushes." min:"1ms"`
	}
	proto := writer{Mode: "fail", Every: time.Second}
	schema, err := config.Of(&proto)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(schema.Markdown())

	var list diag.List
	value := config.Parse(diag.NewSource("flow.yaml", []byte("path: ${DIR}/out.csv\nmode: relpace\nevry: 5s\n")), &list)
	config.Substitute(value, func(string) (config.Variable, bool) { return config.Variable{Text: "/data"}, true }, &list)
	w := proto
	schema.Decode(value, &w, &list)
	fmt.Println(w.Path, w.Every)
	if err := diag.Print(os.Stdout, list, diag.Style{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// | setting | type | default | meaning |
	// | --- | --- | --- | --- |
	// | `path` | string | required | Where the file goes. |
	// | `mode` | fail or replace | `fail` | What to do with a file that exists. |
	// | `every` | duration, at least 1ms | `1s` | Time between two flushes. |
	// /data/out.csv 1s
	// flow.yaml:2:7: want fail or replace, got text "relpace" [E103]
	//     2 | mode: relpace
	//       |       ^^^^^^^
	//   hint: did you mean "replace"?
	// flow.yaml:3:1: unknown key "evry" [E101]
	//     3 | evry: 5s
	//       | ^^^^
	//   hint: did you mean "every"?
}

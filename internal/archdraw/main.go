package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	in := flag.String("in", "", "draw the files of this package instead")
	dir := flag.String("dir", ".", "the folder of the module")
	flag.Parse()
	if err := drawFiles(os.Stdout, *dir, "./"+*in); err != nil {
		fmt.Fprintln(os.Stderr, "archdraw:", err)
		os.Exit(1)
	}
}

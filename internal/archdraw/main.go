package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	in := flag.String("in", "", "draw the files of this package instead")
	dir := flag.String("dir", ".", "the folder of the module")
	check := flag.Bool("check", false, "change nothing, and fail if ARCHITECTURE.md is not up to date")
	flag.Parse()
	var err error
	if *in != "" {
		err = drawFiles(os.Stdout, *dir, "./"+*in)
	} else {
		err = drawRooms(*dir, *check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "archdraw:", err)
		os.Exit(1)
	}
}

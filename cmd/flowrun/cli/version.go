package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// This file is the verb version.

// A build says what this program is: the JSON of `version --json`.
type build struct {
	Program  string `json:"program"`
	Version  string `json:"version"` // of the module, or the revision it was built from
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`     // of the revision
	Modified bool   `json:"modified,omitempty"` // the tree had changes
	Module   string `json:"module"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// thisBuild reads what the linker noted.
func thisBuild() build {
	b := build{Version: "(unknown)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	own := moduleOf(info) // of a program with further packs, one of its dependencies
	b.Module, b.Version = info.Main.Path, own.Version
	if own.Replace != nil {
		b.Version = own.Replace.Version // none: it was built from a folder
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
		if len(b.Revision) >= 12 {
			b.Version += "-" + b.Revision[:12]
		}
	}
	return b
}

func versionVerb(c *call) *cobra.Command {
	var json bool
	verb := &cobra.Command{
		Use:     "version",
		GroupID: groupLook,
		Short:   "Print the version of this program",
		Args:    atMost(0),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			b.Program = c.name
			if json {
				return writeJSON(c.stdout, b)
			}
			_, err := fmt.Fprintf(c.stdout, "%s %s (%s %s/%s)\n", b.Program, b.Version, b.Go, b.OS, b.Arch)
			return err
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	verb.Flags().BoolVar(&json, "json", false, "print JSON")
	return verb
}

package main

import (
	"fmt"
	"strings"
)

// This file is the page.

const head = `<!-- Written by ` + "`make docs`" + `; change the kinds instead. The figures are measured by ` + "`make connectors`" + `. -->

# Connectors

The packs whose kinds talk to the world outside of a flow. Each is a Go package with a variable ` + "`Nodes`" + `; the binary ` + "`flowrun`" + ` has all of them, ` + "`nodes/connect/all`" + ` lists them.
` + "`flowrun build --core`" + ` leaves those of ` + "`nodes/connect`" + ` out, which bring the client of a database or a service with them, and [further packs](packs.md) can be added. The kinds that
work on items alone are in the [catalogue](kinds/README.md).

What the words about delivery mean, and which kinds may stand behind a source that acknowledges, is in [delivery](delivery.md).
They are about the kind as its example uses it; its page says what its settings change.

- **replays**: the source has positions. ` + "`flowrun run`" + ` keeps no positions yet: within a run a source goes on where it was, also after a broken connection, but a new run begins at the start. See [after a restart](delivery.md#after-a-restart).
- **acknowledges**: the source tells its peer what has arrived in all sinks for good; **can acknowledge**: if its settings say so.
- **flushes**: the sink hands over what it holds back at every cut. **at the end of the run**: what it was given is there when the run has succeeded, unless its settings say otherwise.
- **at once**: the sink holds nothing back.
- **idempotent**: the page of the kind says when giving an item twice is as good as once.
- **keeps nothing**: the kind stands between others, and a crash loses nothing of it.
`

const middle = `
## What a pack costs

What a pack adds to a program that has the kinds which work on items alone (` + "`nodes/flow`, `nodes/join`, `nodes/timing`, `nodes/window`" + `): bytes of the binary, and of ` + "`flowrun version`" + ` the
time from start to end and the most memory it had. The programs take turns; each figure is the median of its runs, and a difference within the spread of the first row says nothing.

`

// page is the whole text, with a table of figures that is there already.
func page(packs []pack, figures string) string {
	var b strings.Builder
	b.WriteString(head)
	for _, p := range packs {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| kind | what it does | how it delivers |\n| --- | --- | --- |\n", p.path, p.says)
		for _, k := range p.kinds {
			fmt.Fprintf(&b, "| [`%s`](kinds/%s.md) | %s | %s |\n", k.name, k.name, cell(k.summary), cell(k.delivers))
		}
	}
	b.WriteString(middle + figuresBegin + figures + figuresEnd)
	return b.String()
}

// cell makes a text fit into a cell of a table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }

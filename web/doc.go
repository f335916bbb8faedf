// Package web is the page that shows a flow at work, and its API.
//
//	page, err := web.New(flow, run, web.Options{})
//	defer page.Close()
//	go page.Serve(listener)
//	report, err := run.Run(ctx)
//
// # Terms
//
// The outline of a flow is what does not change while it runs: nodes, edges,
// types, settings, positions. A snapshot is what all nodes and edges did in the
// last two seconds, made by the sampler from the counters of the run. A tick is
// what changed between two snapshots, as one event of the stream. The verdict is
// the sentence above the drawing: what holds the flow up, and what to do about it.
//
// A [Monitor] has what machines ask for alone: /metrics, /healthz and /readyz.
//
// A [Folder] is the other server: it shows the flows of a folder as they stand in
// their files, and the catalogue of kinds. With a [Runner] readers run them, a few at
// once, each below /live/ with the page of its own. Its [Playground] is the
// page to write flows on: a draft is a text that somebody writes there, and a trial is
// its run on the first rows of its sources.
//
// A folder keeps its flows compiled until one of their files changes: the text, or one
// of the first 64 files and folders that types were learnt from ([graph.Flow.Looked]).
// It notices neither a new variable of the environment nor a secret's file. The list
// waits two seconds for flows that are being compiled and says which are not ready.
//
// A folder also shows two flows as one with what differs (packages graph/diff and
// graph/render), and the runs that were kept beside its flows (package
// scheduler/history), with charts that are drawn here and need no script.
//
// # Laws
//
// The page never slows the run: counters are read and never locked, one sampler
// serves all readers, and while nobody looks it samples once a second for the
// lines of history. A slow reader misses ticks, and nobody waits for it.
//
// The drawing is made once per flow and direction (?down=1: from top to bottom), in a
// child process with a deadline (see [Layouter]), since Graphviz can hang, leak and
// trap. A tick changes attributes of what is drawn already, so the view never jumps.
//
// A state shows as sign, word and colour, on the card, in the table and in what a
// screen reader says; whatever the mouse can do, keys can. How far a cut has come shows
// by signs and lines on the cards and in their names, but only of one that is under way
// for longer than a second: most are not, and the page would flicker.
//
// # Safety
//
// Without a token the page answers loopback names only, so that no name that a
// stranger's page controls leads to it. With a token every request but the two
// health checks must carry it. Whatever acts is a POST from the page's own origin,
// and nothing acts in a page that is read only. The content security policy allows
// the page its own files and nothing inline. Settings are shown as they stand in
// the flow's file, before variables are filled in. Settings, messages and items go
// through package redact, which goes by names: a secret under a harmless one is shown.
//
// Items on edges are shown to nobody, unless [TapRules] allow it: samples, ten a second
// at most, as text only, cut. So a page with TapRules shows data to whoever may open
// it.
//
// No page may be shown in a frame, but for /?embed=1, the drawing without anything that
// acts, in pages of the origins that Options.Frames names. The cookie of a token is
// strict about sites: a dashboard under the same site gets it, one elsewhere needs a
// proxy that adds the header Authorization.
//
// Connections, streams, headers, bodies and the time for each are bounded, so a crowd
// of slow clients costs places, and neither memory nor the run.
//
// Whoever opens the playground writes flows, so a draft is hostile: it is compiled with
// the files of one folder (graph.Options.Root) and no variable of the environment, in
// one of a few places, within a time, and with as many nodes as are good for a page.
// A trial writes nothing (package scheduler/trial) and has a process to itself, which
// ends when its time or its memory is used up. The editor is CodeMirror, bundled once by
// web/editor/build.sh; its style sheets are let in by a nonce, on that page only.
//
// # Tests
//
// Most tests need nothing but Go. Those that use the page as a person would drive
// Chromium; they run when FLOWRUN_BROWSER=1 is set, have axe-core (FLOWRUN_AXE names
// its file) look at every page, and FLOWRUN_SHOTS=DIR keeps the pictures of the page
// that they take. FLOWRUN_SOAK=1 adds the big versions of some: 10,000 slow clients,
// 1,000 layouts in a row, and what a page costs the run it shows.
package web

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the events of a run, and what becomes of other output where events are
// all that is wanted.

// eventsFlags are those of run about events.
//
// With --log json, standard error is for a program: a JSON object a line. What is
// else printed there is an event then, or left out: progress, and the report as
// text. --report json is one line more, without the keys of an event.
type eventsFlags struct {
	format string // text or json; "": none, but the lines that kinds log
	level  string
}

func (e *eventsFlags) flags(verb *cobra.Command) {
	f := verb.Flags()
	f.StringVar(&e.format, "log", "", "write events of the run to standard error, as `FORMAT` text or json; with json nothing else is there")
	f.StringVar(&e.level, "log-level", "", "the least `LEVEL` of events: debug, info, warn or error (default info)")
	verb.RegisterFlagCompletionFunc("log", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveDefault))
	verb.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(levels, cobra.ShellCompDirectiveDefault))
}

var levels = []string{"debug", "info", "warn", "error"}

// validate checks the flags, and settles what becomes of the report.
func (e *eventsFlags) validate(r *runCall, given func(string) bool) error {
	if !given("log") {
		if given("log-level") {
			return misuse("--log-level %s: no events are written", e.level).or("--log text or --log json writes them")
		}
		return nil
	}
	if err := oneOf("log", e.format, "text", "json"); err != nil {
		return err
	}
	if given("log-level") {
		if err := oneOf("log-level", e.level, levels...); err != nil {
			return err
		}
	}
	switch {
	case r.compare:
		return misuse("--compare-serial runs the flow twice, and --log tells of one run").or("leave out --log")
	case e.format == "json" && !given("report") && !r.json:
		r.report = "none"
	case e.format == "json" && r.report == "text":
		return misuse("--report text: with --log json, standard error is for a program").or("--report json is one line of it; --report run.txt is a file")
	}
	return nil
}

// logger writes events to w.
func (e *eventsFlags) logger(w io.Writer, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelError
	}
	if e.level != "" {
		level.UnmarshalText([]byte(e.level)) // it was checked
	}
	options := &slog.HandlerOptions{Level: level}
	if e.format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// eventLog takes the events of a run; nil: nobody wants them.
func (r *runCall) eventLog(show progress) *slog.Logger {
	if r.events.format == "" {
		return nil
	}
	return r.events.logger(show.through(r.stderr), r.quiet)
}

// forPeople reports whether standard error is read by people who want to know more
// than errors.
func (r *runCall) forPeople() bool {
	return !r.quiet && r.report != "json" && r.events.format != "json"
}

// served tells a program where something is, if standard error is for one.
func (r *runCall) served(what, address string) {
	if r.events.format == "json" {
		r.events.logger(r.stderr, r.quiet).Info(what+" served", "url", address)
	}
}

// problems makes diagnostics events.
func (r *runCall) problems(list diag.List) {
	log := r.events.logger(r.stderr, r.quiet)
	for _, d := range list {
		d = d.Shown()
		level := slog.LevelError
		if d.Severity == diag.Warning {
			level = slog.LevelWarn
		}
		keys := []any{"code", string(d.Code)}
		if !d.At.IsZero() {
			keys = append(keys, "at", d.At.String())
		}
		if !d.Hint.IsZero() {
			keys = append(keys, "hint", d.Hint.For(r.command))
		}
		log.Log(context.Background(), level, d.Message, keys...)
	}
}

// asEvent says why a call ended as an event, if standard error is for a program.
func (r *runCall) asEvent(err error) error {
	if err == nil || r.events.format != "json" {
		return err
	}
	end, ok := errors.AsType[*ending](err)
	if !ok {
		end = &ending{code: codeFailed, err: err}
	}
	if end.err == nil {
		return end
	}
	keys := []any{"exit", end.code, "error", end.err.Error()}
	if !end.hint.IsZero() {
		keys = append(keys, "hint", end.hint.For(r.command))
	}
	r.events.logger(r.stderr, r.quiet).Error("exit", keys...)
	return said(end.code)
}

// writeSummary writes the report as JSON, as one line among events.
func (r *runCall) writeSummary(s *summary) error {
	if r.events.format != "json" {
		return s.writeJSON(r.stderr)
	}
	enc := json.NewEncoder(r.stderr)
	enc.SetEscapeHTML(false)
	return enc.Encode(s)
}

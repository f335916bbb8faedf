package file

import (
	"context"
	"log/slog"
)

// This file keeps what befalls files that are followed: it is said in the log when it
// happens, and counted for the report.

// note says and counts what has befallen a file.
func (o *followOp) note(level slog.Level, text, file string, more ...any) {
	o.env.Log.Log(context.Background(), level, text, append([]any{"file", file}, more...)...)
	o.notes.Add(text, 1, file)
}

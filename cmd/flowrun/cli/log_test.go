package cli

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// Texts with spaces are in quotes, and otherwise as they are.
func TestLinesQuoteTexts(t *testing.T) {
	var b strings.Builder
	slog.New(newLineHandler(&b, slog.LevelInfo)).With("node", "out").Warn("it is away", "error", errors.New("read 1.1.1.1:5->2.2.2.2:6: <reset> & \"gone\""), "tries", 1, "peer", "a->b")
	if want := `out: warning: it is away error="read 1.1.1.1:5->2.2.2.2:6: <reset> & \"gone\"" tries=1 peer=a->b` + "\n"; b.String() != want {
		t.Errorf("got  %swant %s", &b, want)
	}
}

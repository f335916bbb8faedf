package diag

import "testing"

func TestAHintCallsTheCommandAsItIsCalled(t *testing.T) {
	call := Hint{Text: "as ", Verb: "run", Args: []string{"FLOW", "--ui"}, Rest: " prints it"}
	text := Hint{Text: "flowrun run is a text here, 100%s"}
	for _, c := range []struct {
		hint    Hint
		command string
		want    string
	}{
		{call, "", "as flowrun run FLOW --ui prints it"},
		{call, "././bin/fr", "as ././bin/fr run FLOW --ui prints it"},
		{text, "././bin/fr", text.Text},
		{Hint{Verb: "nodes"}, "fr", "fr nodes"},
		{Hint{}, "fr", ""},
	} {
		if got := c.hint.For(c.command); got != c.want {
			t.Errorf("%+v for %q: %q, want %q", c.hint, c.command, got, c.want)
		}
		if c.hint.IsZero() != (c.want == "") {
			t.Errorf("%+v is nothing: %t", c.hint, c.hint.IsZero())
		}
	}
}

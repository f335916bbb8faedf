package diag

import "testing"

func TestAHintIsSaidInTheWordsOfWhoShowsIt(t *testing.T) {
	call := Hint{Text: "as ", Verb: "run", Args: []string{"FLOW", "--ui"}, Rest: " prints it"}
	ack := Hint{Setting: Setting{Node: "orders", Key: "ack", Value: "early"}, Rest: " if items may be lost"}
	text := Hint{Text: "flowrun run is a text here, 100%s"}
	for _, c := range []struct {
		hint       Hint
		file, said string // as it stands, and with words of somebody else
	}{
		{call, "as flowrun run FLOW --ui prints it", "as WORDS prints it"},
		{ack, "write `ack: early` on orders if items may be lost", "WORDS if items may be lost"},
		{text, text.Text, text.Text},
		{Hint{}, "", ""},
	} {
		if got := c.hint.String(); got != c.file {
			t.Errorf("%+v as a text: %q, want %q", c.hint, got, c.file)
		}
		if got := c.hint.With("WORDS").String(); got != c.said {
			t.Errorf("%+v with words: %q, want %q", c.hint, got, c.said)
		}
		if c.hint.IsZero() != (c.file == "") {
			t.Errorf("%+v is nothing: %t", c.hint, c.hint.IsZero())
		}
	}
	if got, want := call.For("././bin/fr"), "as ././bin/fr run FLOW --ui prints it"; got != want {
		t.Errorf("as typed: %q, want %q", got, want)
	}
}

package cli

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "-1,234,567"},
		{short(0), "0"}, {short(7), "7"}, {short(7.25), "7.25"}, {short(999), "999"}, {short(999.7), "1.00k"}, {short(34_500), "34.5k"},
		{short(999_400), "999k"}, {short(999_600), "1.00M"}, {short(1_050_000), "1.05M"}, {short(2e9), "2.00G"}, {short(3e15), "3000T"},
		{octets(0), "0 B"}, {octets(812), "812 B"}, {octets(12_300_000), "12.3 MB"}, {octets(1_100_000_000), "1.10 GB"},
		{span(350 * time.Microsecond), "350 µs"}, {span(12 * time.Millisecond), "12 ms"}, {span(999_600 * time.Microsecond), "1.00 s"},
		{span(1240 * time.Millisecond), "1.24 s"}, {span(59_960 * time.Millisecond), "1 min 0 s"}, {span(125 * time.Second), "2 min 5 s"},
		{span(3*time.Hour + 20*time.Minute), "3 h 20 min"},
		{clock(7 * time.Second), "0:07"}, {clock(83 * time.Minute), "1:23:00"},
		{percent(0.345), "34 %"}, {percent(1), "100 %"},
		{gauge(0, 4), "░░░░"}, {gauge(0.001, 4), "█░░░"}, {gauge(0.5, 4), "██░░"}, {gauge(1, 4), "████"}, {gauge(7, 4), "████"},
		{fit("flights", 7), "flights"}, {fit("flights", 4), "fli…"}, {fit("日本語", 5), "日本…"}, {fit("日本語", 4), "日…"},
		{shellWord("a/b.yaml"), "a/b.yaml"}, {shellWord("a b"), "'a b'"}, {shellWord("it's"), `'it'\''s'`}, {shellWord(""), "''"},
		{typeName("airports_2"), "Airports2"}, {typeName("a_b_c"), "ABC"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	tab := &table{heads: []head{{text: "name"}, {text: "n", right: true, rank: 1}, {text: "empty"}, {text: "said"}}}
	tab.add(plainRow("日本", "1,000", "", "yes")...)
	tab.add(plainRow("b", "7", "", "")...)
	for _, test := range []struct {
		room int
		want string
	}{
		{0, "  name      n  said|  日本  1,000  yes|  b         7"},
		{16, "  name  said|  日本  yes|  b"},
	} {
		if got := strings.Join(tab.lines("  ", test.room, false), "|"); got != test.want {
			t.Errorf("room %d: got %q, want %q", test.room, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	text := "One two three four.\nFive.\n\n- a point that goes on\n- another\n\n```\nas   it is\n```\n  indented"
	want := []string{"One two", "three four.", "Five.", "", "- a point", "  that goes", "  on", "- another", "", "```", "as   it is", "```", "  indented"}
	if got := wrap(text, 12); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

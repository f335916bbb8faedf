package csv

import (
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{"a,b,c", "a,*,c"}, {"a", "a"}, {"", ""}, {"a,b", "a,*"}, {`"a,1","b,""2",c`, `"a,1",*,c`}, {"\"a\n\",\"b\n\",c", "\"a\n\",*,c"},
		{`a"x,b,c`, "*"}, {`a,"b,c`, "a,*"}, {`a,b"b,c`, "a,*"}, {`a,b,"c`, "a,*,*"}, {"\xff,b", "*"}, {",,", ",*,"},
	} {
		if got := Standard.Mask(c.row, func(column int) bool { return column == 1 }, "*"); got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.row, got, c.want)
		}
	}
}

// What is hidden is not shown, and the rest as it stands.
func FuzzMask(f *testing.F) {
	for _, row := range []string{`a,"b""c",d`, "a\r\nb", `"`, `a,"b`, "\xff,x", ",,,"} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row string) {
		shown := Standard.Mask(row, func(int) bool { return false }, "•••")
		if rest, cut := strings.CutSuffix(shown, "•••"); shown != row && (!cut || !strings.HasPrefix(row, rest)) && !strings.HasPrefix(row, shown) {
			t.Fatalf("%q is shown as %q", row, shown)
		}
		if all := Standard.Mask(row, func(int) bool { return true }, "."); strings.Trim(all, ".,") != "" {
			t.Fatalf("%q is shown as %q", row, all)
		}
	})
}

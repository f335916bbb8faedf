package expr

// This file lists the operators for the documentation.

// An OperatorInfo describes operators that bind alike.
type OperatorInfo struct {
	Signs   []string
	Summary string
	Right   bool // a op b op c is a op (b op c)
	Example string
}

// Operators lists all operators, from those that bind tightest to those that bind
// weakest.
func Operators() []OperatorInfo {
	return []OperatorInfo{
		{[]string{"x.name", "x?.name", "x[i]", "x[i:j]", "f(x)"}, "A field, an item, a part, a call. Null goes through: what is taken out of null is null, with a dot as with `?.`.", false, `{a: [5, 6]}.a[1] == 6`},
		{[]string{"**", "^"}, "The power, a float.", true, `2 ** 3 ** 2 == 512`},
		{[]string{"-x", "+x"}, "The sign.", false, `-2 ** 2 == -4`},
		{[]string{"*", "/", "%"}, "The product; the quotient, a float also of ints (`int(floor(a / b))` rounds down); the remainder of ints, with the sign of the left side.", false, `7 / 2 == 3.5 && -7 % 3 == -1`},
		{[]string{"!", "not"}, "Not; null stays null.", false, `!false == true`},
		{[]string{"+", "-"}, "Sum and difference; of texts + is one behind the other.", false, `"a" + "b" == "ab" && 7 - 2 - 1 == 4`},
		{[]string{".."}, "The ints from one to another, both included.", false, `1..1 + 2 == [1, 2, 3]`},
		{[]string{"==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "startsWith", "endsWith", "matches"},
			"Comparisons, and tests of lists and texts, which `not` turns round: `a not contains b`. `a < b < c` is `a < b && b < c`.", false, `1 < 2 < 3 && 2 in 1..3 && "abc" matches r"^a\w+"`},
		{[]string{"&&", "and"}, "Both.", false, `true || false && false`},
		{[]string{"||", "or"}, "One of them or both.", false, `false || true`},
		{[]string{"??"}, "The right side where the left one is null.", false, `(null ?? 2) + 1 == 3`},
		{[]string{"x | f(y)"}, "A call with x before its other arguments: `f(x, y)`.", false, `"a" + "b" | upper() == "AB"`},
		{[]string{"c ? x : y", "if c {x} else {y}"}, "x where c is true, else y.", true, `(false ? 1 : true ? 2 : 3) == 2`},
		{[]string{"let x = v; y"}, "y, in which x is v.", true, `let x = 2; x * x == 4`},
	}
}

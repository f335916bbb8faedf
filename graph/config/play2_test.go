package config
import ("testing";"os";"fmt";"github.com/flowrun/flowrun/graph/diag")
func TestSyntaxPlay(t *testing.T) {
 for _, in := range []string{
 "\tn: 1\n", "a:\n\tb: 1\n", "a: \"hello\nb: \"world\"\nc: 2\n", "a: 'it's'\n", "a: \"x\" == y\n", "a: [1, 2\nb: 3\n", "a: {x: 1\nb: 3\n", "a: {x: 1]\n",
 "a: b: c\n", "where: a ? b : c\n", "a: @foo\n", "a: `x`\n", "a: %d\n", "a: *foo\n", "x: &food 1\na: *foo\n", "a: *.csv\n", "a: !active && x\n",
 "a: 1\n  b: 2\n", "a:\n    b: 1\n  c: 2\n", "a: 1\nfoo\nb: 2\n", "a: 1\nfoo:bar\nb: 2\n", "a: - x\n", "a:\n  - x\n  -y\n", "a: \"\\d+\"\n", "a: |delay > 5\n", "a: {b: ${N}}\n", "a: {p: ${D}/x, q: 1}\n", "a: [x[0] > 1]\n", "a: {w: x ? y : z}\n", "a: {b: 1\n    c: 2}\n", "a: {b: \"x\" y}\n", "a: }\n", "a: 1\n- b\n", "- a\nb: 1\n", "a: |\n  x\n y\n", "a: \"x\n", "a\nb: 1\n", "a: 1\n}\n", "---\na: 1\n---\nb: 2\n", "%FOO\na: 1\n", "a: {b: {c: 1}\nd: 2\n", "nodes:\n  x:\n    use: filter\n    with: {where: delay > 15\n  y:\n    use: drop\n",
 "nodes:\n  x:\n    with:\n      where: delay > 15 and\n        name: 3\n", "a: \x07\n", "a: \xff\n", "\xff\xfea\x00", "a: 1\nb: 2\na: 3\n", "[a]: 1\n: 2\n? [x]\n: 3\n", "a: !!int x\nb: !foo 3\n", "a: &a [*a]\n", "a: &x {b: 1}\nc: {<<: *x, d: 2}\nd: {<<: 3}", "a: 5 # x\n   b\n", "a: \"\n---\n\"\n", "key with : colon: 1\n", "a: 'x\nb: 'y'\nc: 1\n","a: [1,\n  2\n  b: 3]\n", "where: \"paid\" == status\n", "a:\n- b\n c: d\n", "a: {b c: d e: f}\n", "a: {'x': 1 'y': 2}",
 } {
  var l diag.List
  n := Parse(diag.NewSource("a.yaml", []byte(in)), &l)
  fmt.Printf("=== %q -> %v\n", in, n)
  diag.Print(os.Stdout, l, diag.Style{})
 }
}

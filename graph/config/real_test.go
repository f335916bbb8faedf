package config
import ("testing";"os";"path/filepath";"strings";"fmt";"github.com/flowrun/flowrun/graph/diag")
func TestMut(t *testing.T) {
 fs, _ := filepath.Glob("../../flows/*.yaml")
 more, _ := filepath.Glob("../../flows/*/*.yaml")
 fs = append(fs, more...)
 near, far, fb := 0,0,0
 for _, f := range fs {
  b, _ := os.ReadFile(f)
  for i, c := range b {
   for _, m := range []string{"del", "tab", "ind"} {
   var x string
   if m == "del" { if !strings.ContainsRune("\"'{}[]:,-", rune(c)) { continue }; x = string(b[:i])+string(b[i+1:]) } else {
    if i > 0 && b[i-1] != '\n' { continue }
    if m == "tab" { x = string(b[:i])+"\t"+string(b[i:]) } else { x = string(b[:i])+" "+string(b[i:]) } }
   var l diag.List
   n := Parse(diag.NewSource(f, []byte(x)), &l)
   if n != nil { continue }
   line := strings.Count(string(b[:i]), "\n")+1
   d := l[0]
   for _, w := range parserWords { if w.ours == d.Message && !strings.Contains(d.Message, "tab cannot") && !strings.Contains(d.Message, "colon is missing after") { fb++; if fb < 12 { fmt.Printf("FALLBACK %s line %d %q\n%s", m, line, strings.Split(x,"\n")[line-1], picture(l)) } ; break } }
   if d.At.Line == line { near++ } else { far++; if far % 20 == 0 { fmt.Printf("FAR %s line %d %q\n%s", m, line, strings.Split(x,"\n")[line-1], picture(l)) } }
  }}
 }
 fmt.Println(near, far, fb)
}

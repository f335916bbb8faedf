package config
import ("testing";"os";"time";"github.com/flowrun/flowrun/graph/diag")
type playRetry struct { Attempts int `yaml:"attempts,required" doc:"How often." min:"1" max:"10"`; Wait time.Duration `yaml:"wait" doc:"Pause."` }
func (r *playRetry) SetDefaults() { r.Wait = time.Second }
type play struct {
 Where Text `yaml:"where,required" doc:"Which items pass."`
 Max int `yaml:"max" doc:"How many." min:"1"`
 Share float64 `yaml:"share" doc:"x"`
 Head bool `yaml:"head" doc:"x"`
 Wait time.Duration `yaml:"wait" doc:"x"`
 By []string `yaml:"by" doc:"x"`
 Keys []Name `yaml:"keys" doc:"x" lone:"true"`
 Size Size `yaml:"size" doc:"x" max:"1GiB"`
 Mode string `yaml:"mode" doc:"x" enum:"fail|replace"`
 Set Map[Text] `yaml:"set" doc:"x"`
 Retry playRetry `yaml:"retry" doc:"x"`
 Opt *playRetry `yaml:"opt" doc:"x"`
 Rs []playRetry `yaml:"rs" doc:"x"`
 Any any `yaml:"any" doc:"x"`
 Pass Secret `yaml:"pass" doc:"x"`
}
func TestPlay(t *testing.T) {
 s, err := Of(&play{Max: 3, Mode: "fail", Wait: time.Hour, Size: 64e6, By: []string{"a","b: c"}}); if err != nil { t.Fatal(err) }
 t.Log("\n"+s.Markdown())
 for _, in := range []string{
 "where: 12\nmax: 1.5\nmxa: 3\nshare: a\nhead: yes\nwait: 5\nby: a\nkeys: x\nsize: 64M\nmode: fial\nset: [1]\nretry: {atempts: 2}\nopt: {attempts: 20}\nrs: [{}, {attempts: 3}]\npass: ${env:X}\nany: {a: [1, 2.5, x, ~]}\n",
 "where: x\nmax: ${N}\nhead: ${env:X}\nmode: #fff\nwait: 3 days\nset: {a: x ?? 0, b: max(a, b) > 3, c: null, d: [1, 2]}\nshare: \"${N}\"\n",
 "x: &a {attempts: 1.5, wait: 3}\nretry: *a\nopt: *a\nwhere: *b\n",
 } {
  var l diag.List
  n := Parse(diag.NewSource("a.yaml", []byte(in)), &l)
  t.Log(n)
  u := Substitute(n, func(n string) (string, bool) { return map[string]string{"N":"4", "env:X":"geheim"}[n], n=="N" || n == "env:X" }, &l)
  var p play
  s.Decode(n, &p, &l)
  l.Sort()
  diag.Print(os.Stdout, l, diag.Style{})
  t.Logf("%v %+v", u, p)
 }
}

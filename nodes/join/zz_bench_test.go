package join_test
import ("testing";"fmt";"os";"strings"
"github.com/flowrun/flowrun/nodes/std/flowtest"
"github.com/flowrun/flowrun/graph/record"
)
func BenchmarkFlows(b *testing.B) {
 base := "flow: b\nnodes:\n  in: {use: generate, workers: 1, with: {count: 4000000, set: {n: n, k: %s}}}\n"
 for name, f := range map[string]string{
  "0 base int": fmt.Sprintf(base,"n * 7919 % 1000")+"  o: {use: drop, in: in}\n",
  "0 base needed": fmt.Sprintf(base,"n * 7919 % 1000")+"  m: {use: filter, in: in, with: {where: k >= 0}}\n  o: {use: drop, in: m}\n",
  "group sum 1000": fmt.Sprintf(base,"n * 7919 % 1000")+"  g: {use: group, in: in, with: {by: k, set: {s: sum(n)}}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "group many aggs 1000": fmt.Sprintf(base,"n * 7919 % 1000")+"  g: {use: group, in: in, with: {by: k, set: {s: sum(n), c: count(), m: mean(n), x: max(n), l: last(n)}}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "group sum 1e6": fmt.Sprintf(base,"n * 7919 % 1000000")+"  g: {use: group, in: in, with: {by: k, set: {s: sum(n)}}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "sort": fmt.Sprintf(base,"n * 7919 % 1000003")+"  g: {use: sort, in: in, with: {by: k}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "sort top 10": fmt.Sprintf(base,"n * 7919 % 1000003")+"  g: {use: sort, in: in, with: {by: k, limit: 10}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "unique 1e6": fmt.Sprintf(base,"n * 7919 % 1000000")+"  g: {use: unique, in: in, with: {by: k}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "map": fmt.Sprintf(base,"n * 7919 % 1000000")+"  g: {use: map, in: in, with: {set: {z: k * 2}}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "join": fmt.Sprintf(base,"n * 7919 % 200000")+"  r: {use: generate, with: {count: 100000, set: {k: n, v: n * 2, w: n * 1.5}}}\n  g: {use: join, in: {left: in, right: r}, with: {on: k, kind: left}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "join inner": fmt.Sprintf(base,"n * 7919 % 200000")+"  r: {use: generate, with: {count: 100000, set: {k: n, v: n * 2, w: n * 1.5}}}\n  g: {use: join, in: {left: in, right: r}, with: {on: k, kind: inner}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "join multi": fmt.Sprintf(base,"n * 7919 % 200000")+"  r: {use: generate, with: {count: 100000, set: {k: n / 2 | int(), v: n * 2, w: n * 1.5}}}\n  g: {use: join, in: {left: in, right: r}, with: {on: k, kind: inner}}\n  o: {use: log, in: g, with: {limit: 0}}\n",
  "partition": fmt.Sprintf(base,"n * 7919 % 200000")+"  g: {use: partition, in: in, with: {by: k, outputs: [a, b]}}\n  o: {use: drop, in: g.a}\n  p: {use: drop, in: g.b}\n",
  "route": fmt.Sprintf(base,"n * 7919 % 200000")+"  g: {use: route, in: in, with: {cases: {a: k < 100000, b: k > 150000}}}\n  o: {use: drop, in: g.a}\n  p: {use: drop, in: g.b}\n  q: {use: drop, in: g.else}\n",
  "zip": fmt.Sprintf(base,"n * 7919 % 200000")+"  j: {use: generate, with: {count: 4000000, set: {z: n}}}\n  g: {use: zip, in: [in, j]}\n  o: {use: log, in: g, with: {limit: 0}}\n",
 } {
  if x := os.Getenv("ONLY"); x != "" && !strings.Contains(name, x) { continue }
  b.Run(name, func(b *testing.B) { for range b.N {
   r := flowtest.Run(b, f, nil, flowtest.Setup{})
   record.Poison(false)
   if r.Err != nil { b.Fatal(r.Err) }
   for _, n := range r.Report.Nodes { if n.ID=="g" { b.Logf("%s %+v", n.ID, n.Busy) } }
  }
  b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4e6, "ns/row") })
 }
}

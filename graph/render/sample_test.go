package render

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// edge is one line of a sample: "from.port to.port", capacity.
type edge struct {
	from, to string
	capacity int
	marks    []Mark
}

// ports reads "name:Type" pairs.
func ports(list ...string) []Port {
	var out []Port
	for _, x := range list {
		name, typ, _ := strings.Cut(x, ":")
		out = append(out, Port{Name: name, Type: typ})
	}
	return out
}

// wires turns the edges of a sample into wires of the scene.
func (s *Scene) wires(edges ...edge) *Scene {
	find := func(ref string, side func(*Card) []Port) End {
		id, port, _ := strings.Cut(ref, ".")
		for i, c := range s.Cards {
			for k, p := range side(c) {
				if c.ID == id && p.Name == port {
					return End{i, k}
				}
			}
		}
		panic("no port " + ref)
	}
	for _, e := range edges {
		s.Wires = append(s.Wires, &Wire{
			From:     find(e.from, func(c *Card) []Port { return c.Out }),
			To:       find(e.to, func(c *Card) []Port { return c.In }),
			Capacity: strconv.Itoa(e.capacity),
			Side:     strings.HasSuffix(e.from, ".errors") || strings.HasSuffix(e.from, ".miss"),
			Marks:    e.marks,
		})
	}
	return s
}

// lateFlights is the flow of the quick start.
func lateFlights() *Scene {
	s := &Scene{Title: "late-flights", About: "Where do flights run late, and by how much?", Cards: []*Card{
		{ID: "flights", Kind: "file.read", Detail: "data/flights.csv", Icon: IconSource, Out: ports("out:Flight")},
		{ID: "airports", Kind: "file.read", Detail: "data/airports.csv", Icon: IconSource, Out: ports("out:{iata: string, name: string, city: string, state: string}")},
		{ID: "late", Kind: "filter", Detail: "delay > 15", Workers: "×2", Icon: IconFilter, In: ports("in:Flight"), Out: ports("out:Flight")},
		{ID: "named", Kind: "join", Detail: "on origin = iata", Icon: IconJoin, In: ports("left:Flight", "right:{iata: string, name: string, city: string, state: string}"), Out: ports("out:{date: time, delay: int, distance: int}")},
		{ID: "worst", Kind: "group", Detail: "by state", Icon: IconGroup, In: ports("in:{date: time, delay: int, distance: int}"), Out: ports("out:{state: string?, flights: int}")},
		{ID: "report", Kind: "file.write", Detail: "out/late.jsonl", Icon: IconSink, In: ports("in:{state: string?, flights: int}")},
	}}
	return s.wires(edge{"flights.out", "late.in", 8192, nil}, edge{"late.out", "named.left", 8192, nil},
		edge{"airports.out", "named.right", 8192, nil}, edge{"named.out", "worst.in", 8192, nil}, edge{"worst.out", "report.in", 4096, nil})
}

// plant is a flow of 15 nodes in two clusters with side outputs and several types.
func plant() *Scene {
	s := &Scene{Title: "plant", About: "Readings from the edge, cleaned there, judged in the cloud.", Cards: []*Card{
		{ID: "mqtt_in", Icon: IconSource, Kind: "mqtt.read", Cluster: "edge", Out: ports("out:Reading")},
		{ID: "files", Icon: IconSource, Kind: "file.read", Cluster: "edge", Out: ports("out:Line")},
		{ID: "decode", Icon: IconMap, Kind: "map", Workers: "×2", Cluster: "edge", In: ports("in:Line"), Out: ports("out:Reading", "errors:Error")},
		{ID: "clean", Icon: IconFilter, Kind: "filter", Detail: "value >= 0", Cluster: "edge", In: ports("in:Reading"), Out: ports("out:Reading")},
		{ID: "avg_1m", Icon: IconTime, Kind: "window", Detail: "60s", Cluster: "edge", In: ports("in:Reading"), Out: ports("out:Stat")},
		{ID: "bundle", Icon: IconMap, Kind: "batch", Detail: "500", Cluster: "edge", In: ports("in:Stat"), Out: ports("out:[Stat]")},
		{ID: "unbatch", Icon: IconMap, Kind: "unbatch", Cluster: "cloud", In: ports("in:[Stat]"), Out: ports("out:Stat")},
		{ID: "devices", Icon: IconSource, Kind: "sql.read", Cluster: "cloud", Out: ports("out:Device")},
		{ID: "enrich", Icon: IconJoin, Kind: "lookup", Detail: "device", Cluster: "cloud", In: ports("in:Stat", "table:Device"), Out: ports("out:Enriched", "miss:Stat")},
		{ID: "route", Icon: IconSplit, Kind: "route", Cluster: "cloud", In: ports("in:Enriched"), Out: ports("alert:Enriched", "all:Enriched")},
		{ID: "alert", Icon: IconSink, Kind: "http.post", Cluster: "cloud", In: ports("in:Enriched")},
		{ID: "warehouse", Icon: IconSink, Kind: "sql.write", Cluster: "cloud", In: ports("in:Enriched")},
		{ID: "kpi", Icon: IconGroup, Kind: "group", Workers: "×4", Cluster: "cloud", In: ports("in:Enriched"), Out: ports("out:KPI")},
		{ID: "dashboard", Icon: IconSink, Kind: "redis.write", Cluster: "cloud", In: ports("in:KPI")},
		{ID: "dead_letter", Icon: IconSink, Kind: "file.write", In: ports("in:any")},
	}}
	return s.wires(
		edge{"mqtt_in.out", "clean.in", 256, []Mark{{SignDrop, "on_full: drop_oldest"}}}, edge{"files.out", "decode.in", 64, nil}, edge{"decode.out", "clean.in", 256, nil},
		edge{"decode.errors", "dead_letter.in", 16, nil}, edge{"clean.out", "avg_1m.in", 128, nil}, edge{"avg_1m.out", "bundle.in", 128, nil},
		edge{"bundle.out", "unbatch.in", 8, []Mark{{SignSpill, "on_full: spill"}}}, edge{"unbatch.out", "enrich.in", 128, nil}, edge{"devices.out", "enrich.table", 1024, nil},
		edge{"enrich.out", "route.in", 64, nil}, edge{"enrich.miss", "dead_letter.in", 16, nil}, edge{"route.alert", "alert.in", 32, []Mark{{SignPriority, "priority: severity"}}},
		edge{"route.all", "warehouse.in", 512, nil}, edge{"route.all", "kpi.in", 512, nil}, edge{"kpi.out", "dashboard.in", 16, nil})
}

// random is a local random graph of n nodes and about 1.3 edges a node, in two
// clusters and one rest.
func random(n int) *Scene {
	r := rand.New(rand.NewPCG(1, 1))
	s := &Scene{}
	for i := range n {
		c := &Card{ID: "node_" + strconv.Itoa(i), Kind: "map", Icon: IconMap, Cluster: []string{"edge", "cloud", ""}[i*3/n],
			In: ports("in:Reading"), Out: ports("out:Reading")}
		s.Cards = append(s.Cards, c)
		for k := 0; i > 0 && (k == 0 || k == 1 && r.Float64() < 0.3); k++ {
			s.Wires = append(s.Wires, &Wire{From: End{max(0, i-1-r.IntN(20)), 0}, To: End{i, 0}, Capacity: "64"})
		}
	}
	return s
}

// hostile is a flow whose texts are what an attacker, or an accident, writes.
func hostile() *Scene {
	long := strings.Repeat("long_", 40)
	s := &Scene{Title: `1. <b>"title"</b> & \`, About: "]]> --> \x00 \u202e &amp; 订单处理 🚚", Cards: []*Card{
		{ID: `<script>alert("x")</script>`, Kind: `k"'<>&`, Detail: "`tick` #quot; ${x} {{.}} %s", Workers: "<2>", About: "a\nb\x01\x7f\xff", Cluster: `p"><script>`, Icon: "no-such", Out: ports(`o"ut:<T>`, "errors:Error")},
		{ID: long, Kind: long, Detail: long, Cluster: `\`, In: ports("in:" + long), Out: ports(long+":"+long, "b:T")},
		{ID: "订单处理订单处理", Kind: "映射", Detail: "名称 = “值”", In: ports("入:类型"), Out: ports("出:类型")},
		{ID: "🚚👩‍👩‍👧 e\u0301", Kind: "end", In: ports("in:end", `x\:y\`), Cluster: "1. one"},
		{ID: `end"\`, Kind: "", In: ports("in:")},
		{ID: "x->y; z}", Kind: "- list", Icon: IconSink, In: ports("in:any")},
	}}
	return s.wires(edge{`<script>alert("x")</script>.o"ut`, long + ".in", 1, []Mark{{"no-such", "<mark>"}}}, edge{long + "." + long, "订单处理订单处理.入", 1 << 40, nil},
		edge{"订单处理订单处理.出", "🚚👩‍👩‍👧 e\u0301.in", 2, nil}, edge{long + ".b", `🚚👩‍👩‍👧 e` + "\u0301" + `.x\`, 2, nil},
		edge{`<script>alert("x")</script>.errors`, `end"\.in`, 3, nil}, edge{long + ".b", "x->y; z}.in", 3, nil})
}

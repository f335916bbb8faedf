package render

import (
	"cmp"
	"math"
	"slices"
)

// The built-in layout, after Sugiyama, Tagawa and Toda (1981): ranks by longest
// path, bends where a wire passes a rank, order by barycentre, and heights as
// near to the neighbours as the order allows. Clusters lie below each other, each
// in a band of its own, so that their boxes cannot meet.

// maxBends bounds the memory that long wires may cost; wires beyond it run straight.
const maxBends = 40_000

const (
	bendHeight = 10.0
	bandGap    = rowGap + 2*clusterPad + clusterHead
)

// A spot is something with a height in a column: a card, or the bend of a wire
// that passes.
type spot struct {
	Box
	rank, band    int
	before, after []link
}

// A link leads from a spot to one in a neighbouring column. The offsets are
// where the wire meets the two, below their tops.
type link struct {
	spot      int
	mine, its float64
}

// A ranking is a scene on its way to positions. The first spots are the cards,
// in order; columns[rank][band] holds spots from top to bottom.
type ranking struct {
	scene   *Scene
	spots   []spot
	bends   [][]int // of each wire, by rank
	columns [][][]int
}

// placeByRanks sets the boxes of cards and clusters and the paths of wires.
func (s *Scene) placeByRanks() {
	r := &ranking{scene: s, bends: make([][]int, len(s.Wires))}
	r.addCards()
	for i := range s.Wires {
		r.addWire(i)
	}
	r.fillColumns()
	r.order()
	r.heights()
	left, right := r.columnsAcross()
	r.takePositions()
	for i, w := range s.Wires {
		w.Path = r.path(i, left, right)
	}
}

func (r *ranking) addCards() {
	bands := map[string]int{"": len(r.scene.Clusters)} // what has no cluster comes last
	for k, p := range r.scene.Clusters {
		bands[p.Name] = k
	}
	for i, rank := range ranks(r.scene) {
		c := r.scene.Cards[i]
		r.spots = append(r.spots, spot{Box: Box{W: c.W, H: c.H}, rank: rank, band: bands[c.Cluster]})
	}
}

// ranks gives each card the length of the longest path to it. Cards on a cycle
// are taken in their order when nothing else is left.
func ranks(s *Scene) []int {
	rank := make([]int, len(s.Cards))
	missing := make([]int, len(s.Cards)) // wires into the card that are not looked at yet
	out := make([][]int, len(s.Cards))
	for _, w := range s.Wires {
		if w.From.Card != w.To.Card {
			out[w.From.Card] = append(out[w.From.Card], w.To.Card)
			missing[w.To.Card]++
		}
	}
	var ready []int
	for i, m := range missing {
		if m == 0 {
			ready = append(ready, i)
		}
	}
	done := make([]bool, len(s.Cards))
	next := 0 // every card before it is done
	for {
		for len(ready) > 0 {
			i := ready[0]
			ready = ready[1:]
			if done[i] {
				continue
			}
			done[i] = true
			for _, to := range out[i] {
				missing[to]--
				if !done[to] {
					rank[to] = max(rank[to], rank[i]+1)
					if missing[to] == 0 {
						ready = append(ready, to)
					}
				}
			}
		}
		for next < len(done) && done[next] {
			next++
		}
		if next == len(done) {
			return nearSources(s, rank)
		}
		ready = append(ready, next)
	}
}

// nearSources moves cards without inputs next to the first card that they feed.
func nearSources(s *Scene, rank []int) []int {
	last := make([]int, len(rank)) // the greatest rank that a source may have
	for i := range last {
		last[i] = math.MaxInt
	}
	for _, w := range s.Wires {
		last[w.From.Card] = min(last[w.From.Card], rank[w.To.Card]-1)
	}
	for _, w := range s.Wires {
		last[w.To.Card] = 0 // fed itself
	}
	for i, most := range last {
		if most > rank[i] && most < math.MaxInt {
			rank[i] = most
		}
	}
	return rank
}

// addWire links the ends of a wire, over a bend in every rank that it passes.
func (r *ranking) addWire(i int) {
	w := r.scene.Wires[i]
	from, to := w.From.Card, w.To.Card
	span := r.spots[to].rank - r.spots[from].rank
	if span < 1 || span > 1 && len(r.spots)+span > maxBends {
		return
	}
	cards := r.scene.Cards
	at, offset := from, r.scene.offset(cards[from], w.From.Port, cards[from].Out)
	join := func(next int, nextOffset float64) {
		r.spots[at].after = append(r.spots[at].after, link{next, offset, nextOffset})
		r.spots[next].before = append(r.spots[next].before, link{at, nextOffset, offset})
		at, offset = next, nextOffset
	}
	for k := 1; k < span; k++ {
		bend := len(r.spots)
		r.spots = append(r.spots, spot{Box: Box{H: bendHeight}, rank: r.spots[from].rank + k, band: r.spots[to].band})
		r.bends[i] = append(r.bends[i], bend)
		join(bend, bendHeight/2)
	}
	join(to, r.scene.offset(cards[to], w.To.Port, cards[to].In))
}

func (r *ranking) fillColumns() {
	last, bands := -1, len(r.scene.Clusters)+1
	for _, sp := range r.spots {
		last = max(last, sp.rank)
	}
	r.columns = make([][][]int, last+1)
	for k := range r.columns {
		r.columns[k] = make([][]int, bands)
	}
	for i, sp := range r.spots {
		column := r.columns[sp.rank]
		column[sp.band] = append(column[sp.band], i)
	}
}

// order sorts every column by the mean position of the neighbours, forth and
// back a few times.
func (r *ranking) order() {
	position := make([]float64, len(r.spots))
	number := func(column [][]int) {
		n := 0.0
		for _, band := range column {
			for _, i := range band {
				position[i] = n
				n++
			}
		}
	}
	for _, column := range r.columns {
		number(column)
	}
	mean := make([]float64, len(r.spots))
	r.sweep(8, func(column [][]int, links func(*spot) []link) {
		for _, band := range column {
			for _, i := range band {
				mean[i] = position[i]
				if ls := links(&r.spots[i]); len(ls) > 0 {
					sum := 0.0
					for _, l := range ls {
						// The offset tells the rows of one card apart.
						sum += position[l.spot] + l.its/10_000
					}
					mean[i] = sum / float64(len(ls))
				}
			}
			slices.SortStableFunc(band, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
		}
		number(column)
	})
}

// sweep visits the columns from left to right with the links to the left, then
// from right to left with those to the right, and so on.
func (r *ranking) sweep(times int, visit func(column [][]int, links func(*spot) []link)) {
	for n := range times {
		if n%2 == 0 {
			for _, column := range r.columns {
				visit(column, func(s *spot) []link { return s.before })
			}
		} else {
			for _, column := range slices.Backward(r.columns) {
				visit(column, func(s *spot) []link { return s.after })
			}
		}
	}
}

// heights sets the tops of all spots: first stacked, then each band by itself as
// near to its neighbours as the order allows, then band below band.
func (r *ranking) heights() {
	for _, column := range r.columns {
		for _, band := range column {
			y := 0.0
			for _, i := range band {
				r.spots[i].Y = y
				y += r.spots[i].H + r.scene.rowGap()
			}
		}
	}
	r.sweep(7, func(column [][]int, links func(*spot) []link) {
		for _, band := range column {
			r.settleBand(band, links)
		}
	})
	top := 0.0
	for b := range len(r.scene.Clusters) + 1 {
		lo, hi := math.Inf(1), math.Inf(-1)
		r.inBand(b, func(sp *spot) { lo, hi = min(lo, sp.Y), max(hi, sp.Y+sp.H) })
		if hi < lo {
			continue
		}
		r.inBand(b, func(sp *spot) { sp.Y += math.Round(top - lo) })
		top += hi - lo + bandGap
	}
}

func (r *ranking) inBand(b int, visit func(*spot)) {
	for _, column := range r.columns {
		for _, i := range column[b] {
			visit(&r.spots[i])
		}
	}
}

// settleBand moves the spots of one band of one column to where their wires run
// level, without changing their order. Spots that want the same place form a
// block, which goes to the mean of what its members want: the pool-adjacent-
// violators method, least squares under an order.
func (r *ranking) settleBand(band []int, links func(*spot) []link) {
	type block struct {
		members []int
		sum     float64 // of the tops that members want for the block
		height  float64 // with the gap below
	}
	top := func(b block) float64 { return b.sum / float64(len(b.members)) }
	var blocks []block
	for _, i := range band {
		sp := &r.spots[i]
		want, n := 0.0, 0
		for _, l := range links(sp) {
			if o := &r.spots[l.spot]; o.band == sp.band {
				want += o.Y + l.its - l.mine
				n++
			}
		}
		if n == 0 {
			want, n = sp.Y, 1
		}
		b := block{[]int{i}, want / float64(n), sp.H + r.gapBelow(sp)}
		for len(blocks) > 0 {
			above := blocks[len(blocks)-1]
			if top(above)+above.height <= top(b) {
				break
			}
			above.sum += b.sum - above.height*float64(len(b.members))
			above.members = append(above.members, b.members...)
			above.height += b.height
			b, blocks = above, blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		y := math.Round(top(b))
		for _, i := range b.members {
			r.spots[i].Y = y
			y += r.spots[i].H + r.gapBelow(&r.spots[i])
		}
	}
}

func (r *ranking) gapBelow(sp *spot) float64 {
	if sp.W == 0 {
		return bendHeight
	}
	return r.scene.rowGap()
}

// columnsAcross sets where columns begin and end, and centres the cards in them.
func (r *ranking) columnsAcross() (left, right []float64) {
	gap := r.scene.columnGap()
	x := 0.0
	for _, column := range r.columns {
		w := 0.0
		for _, band := range column {
			for _, i := range band {
				w = max(w, r.spots[i].W)
			}
		}
		for _, band := range column {
			for _, i := range band {
				r.spots[i].X = x + math.Round((w-r.spots[i].W)/2)
			}
		}
		left, right = append(left, x), append(right, x+w)
		x += w + gap
	}
	return left, right
}

// takePositions copies the boxes of the cards and draws the clusters around them.
func (r *ranking) takePositions() {
	for i, c := range r.scene.Cards {
		c.X, c.Y = r.spots[i].X, r.spots[i].Y
	}
	members := r.scene.byCluster()
	for _, p := range r.scene.Clusters {
		x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for _, i := range members[p.Name] {
			c := r.scene.Cards[i]
			x0, y0, x1, y1 = min(x0, c.X), min(y0, c.Y), max(x1, c.X+c.W), max(y1, c.Y+c.H)
		}
		head := clusterHead
		if r.scene.Down {
			head = 0 // it goes where the top will be, see raiseHeads
		}
		p.Box = Box{x0 - clusterPad, y0 - clusterPad - head, x1 - x0 + 2*clusterPad, y1 - y0 + 2*clusterPad + head}
	}
}

// path runs level through columns and curves between them, so that it crosses no
// card.
func (r *ranking) path(i int, left, right []float64) []Point {
	s := r.scene
	w := s.Wires[i]
	at, end := s.start(w), s.end(w)
	path := []Point{at}
	line := func(x float64) { // level to x
		if to := (Point{x, at.Y}); to.X > at.X {
			path = append(path, Point{at.X + (x-at.X)/3, at.Y}, Point{at.X + 2*(x-at.X)/3, at.Y}, to)
			at = to
		}
	}
	bow := func(to Point) {
		reach := max(24, (to.X-at.X)/2)
		path = append(path, Point{at.X + reach, at.Y}, Point{to.X - reach, to.Y}, to)
		at = to
	}
	line(right[r.spots[w.From.Card].rank])
	for _, k := range r.bends[i] {
		sp := &r.spots[k]
		bow(Point{left[sp.rank], sp.Y + bendHeight/2})
		line(right[sp.rank])
	}
	entry := Point{left[r.spots[w.To.Card].rank], end.Y}
	if r.spots[w.To.Card].rank <= r.spots[w.From.Card].rank {
		entry = end // backwards, on a cycle
	}
	bow(entry)
	line(end.X)
	return path
}

package main

// This file orders rooms so that few arrows run back up.

// fewestUp orders rooms so that few arrows run from a later room to an earlier one. To find
// the fewest is hard; this begins with the order of Eades, Lin and Smyth (1993), which puts
// a room that nobody uses first, one that uses nobody last, and else first the one with the
// most arrows out over those in, and then moves single rooms and swaps stretches for as long
// as that helps. It depends on nothing but the arrows.
func fewestUp(rooms int, uses map[arrow][]string) []int {
	has := make([][]bool, rooms)
	for i := range has {
		has[i] = make([]bool, rooms)
	}
	for a := range uses {
		has[a.from][a.to] = true
	}
	order := eades(has)
	for moveOne(order, has) {
	}
	return order
}

func eades(has [][]bool) []int {
	rooms := len(has)
	var first, last []int
	left := make([]bool, rooms)
	for i := range left {
		left[i] = true
	}
	for n := rooms; n > 0; n-- {
		best, most, at := -1, 0, 0 // at: 0 among the first, 1 the last
		for i := range rooms {
			if !left[i] {
				continue
			}
			out, in := 0, 0
			for j := range rooms {
				if left[j] && has[i][j] {
					out++
				}
				if left[j] && has[j][i] {
					in++
				}
			}
			if out == 0 && in > 0 {
				best, at = i, 1
				break
			}
			if in == 0 {
				best, at = i, 0
				break
			}
			if best < 0 || out-in > most {
				best, most, at = i, out-in, 0
			}
		}
		left[best] = false
		if at == 0 {
			first = append(first, best)
		} else {
			last = append([]int{best}, last...)
		}
	}
	return append(first, last...)
}

// moveOne moves the stretch of rooms, and to where, that takes the most arrows from those
// that run up, and reports whether there was one.
func moveOne(order []int, has [][]bool) bool {
	n := len(order)
	gain, from, length, to := 0, 0, 0, 0
	for l := 1; l <= n/2; l++ {
		for i := 0; i+l <= n; i++ {
			g := 0
			for j := i + l; j < n; j++ { // past order[j]
				for k := i; k < i+l; k++ {
					g += one(has[order[j]][order[k]]) - one(has[order[k]][order[j]])
				}
				if g > gain {
					gain, from, length, to = g, i, l, j+1
				}
			}
		}
	}
	if gain == 0 {
		return false
	}
	moved := append([]int(nil), order[from:from+length]...)
	copy(order[from:], order[from+length:to])
	copy(order[to-length:], moved)
	return true
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

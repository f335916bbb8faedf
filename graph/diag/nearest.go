package diag

import (
	"strings"
	"unicode/utf8"
)

// What somebody meant who wrote a word that is not known.

// maxNear is the length of the words that are compared, in letters: the work grows
// with its square, and a word may be as long as the text of a stranger.
const maxNear = 200

// Nearest gives the candidate that word was most likely meant to be, or "" if
// none is near: a third of its letters may differ, and one more if there are more
// than four. A swap of two neighbours counts once (the restricted
// Damerau-Levenshtein distance), and upper and lower case are the same. Of equally
// near ones it is the first.
func Nearest(word string, candidates []string) string {
	n := utf8.RuneCountInString(word)
	if n > maxNear {
		return ""
	}
	allowed := n / 3
	if n > 4 {
		allowed++
	}
	best := ""
	for _, c := range candidates {
		if more := utf8.RuneCountInString(c) - n; more > allowed || -more > allowed {
			continue // the distance is no less
		}
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < allowed || d == allowed && best == "" {
			best, allowed = c, d
		}
	}
	return best
}

// DidYouMean adds a hint with the nearest candidate, or lists the candidates
// when none is near and there are few.
func (d *Diagnostic) DidYouMean(word string, candidates []string) *Diagnostic {
	if near := Nearest(word, candidates); near != "" {
		return d.WithHint("did you mean %q?", near)
	}
	if n := len(candidates); n > 0 && n <= 16 {
		return d.WithHint("there is %s", strings.Join(candidates, ", "))
	}
	return d
}

func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := [3][]int{make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range x {
		before, last, now := rows[0], rows[1], rows[2]
		now[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		rows[0], rows[1], rows[2] = last, now, before
	}
	return rows[1][len(y)]
}

package timing

import "time"

// DueAfter gives the first moments at which a cron line is due after another; an error of
// the line gives none.
func DueAfter(line string, zone *time.Location, from time.Time, n int) (due []time.Time) {
	s, err := parseSchedule(line, zone)
	if err != nil {
		return nil
	}
	for range n {
		if from = s.after(from); from.IsZero() {
			break
		}
		due = append(due, from)
	}
	return due
}

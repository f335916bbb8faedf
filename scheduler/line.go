package scheduler

// A line is jobs one behind the other, in the order of the input. It has no lock of its
// own: see order.mu.
type line struct{ head, tail *job }

// link puts a job behind another one, nil for the front.
func (l *line) link(j, after *job) {
	j.before = after
	if after == nil {
		j.behind, l.head = l.head, j
	} else {
		j.behind, after.behind = after.behind, j
	}
	if j.behind == nil {
		l.tail = j
	} else {
		j.behind.before = j
	}
}

// unlink takes a job out.
func (l *line) unlink(j *job) {
	if j.before == nil {
		l.head = j.behind
	} else {
		j.before.behind = j.behind
	}
	if j.behind == nil {
		l.tail = j.before
	} else {
		j.behind.before = j.before
	}
	j.before, j.behind = nil, nil
}

// failsBefore reports whether a job that comes before this one has failed.
func (l *line) failsBefore(j *job) bool {
	for k := l.head; k != nil && k != j; k = k.behind {
		if k.status == failed {
			return true
		}
	}
	return false
}

// spareJobs are empty jobs to be used again, linked by behind.
type spareJobs struct{ first *job }

// take gives an empty job.
func (s *spareJobs) take() *job {
	j := s.first
	if j == nil {
		return &job{}
	}
	s.first, j.behind = j.behind, nil
	return j
}

// put keeps a job for the next task; nil is nothing to keep.
func (s *spareJobs) put(j *job) {
	if j != nil {
		j.behind, s.first = s.first, j
	}
}

package expr

import "slices"

// RowErrors collects the rows of one batch that an expression could not be
// computed for, in ascending order of rows, with one error each. The zero value
// is ready to use; Reset makes it ready for the next batch.
type RowErrors struct {
	rows []int
	errs []error
}

// Add records that row failed. A row that has an error keeps its first one.
func (r *RowErrors) Add(row int, err error) {
	n := len(r.rows)
	if n == 0 || r.rows[n-1] < row {
		r.rows, r.errs = append(r.rows, row), append(r.errs, err)
		return
	}
	i, found := slices.BinarySearch(r.rows, row)
	if found {
		return
	}
	r.rows, r.errs = slices.Insert(r.rows, i, row), slices.Insert(r.errs, i, err)
}

// Len is the number of rows that failed.
func (r *RowErrors) Len() int { return len(r.rows) }

// At gives the i-th row that failed and why.
func (r *RowErrors) At(i int) (row int, err error) { return r.rows[i], r.errs[i] }

// Reset forgets all rows and keeps the memory.
func (r *RowErrors) Reset() {
	clear(r.errs)
	r.rows, r.errs = r.rows[:0], r.errs[:0]
}

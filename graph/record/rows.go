package record

// A RowReader reads texts that are one row each. One goroutine may use it.
type RowReader interface {
	// Start says that rows go to a batch from now on, whose first columns are those of the
	// fields.
	Start(b *Batch)
	// ReadRow reads a text as row b.Rows of that batch, which the caller counts then. Values are
	// views of the text. After an error, which says why it is no row, there is nothing of it in b.
	ReadRow(text []byte) error
}

// A RowWriter writes rows as one text each. Many goroutines may use it at once.
type RowWriter interface {
	// AppendRow writes a row. After an error, which says why it cannot be, dst is what it was.
	AppendRow(dst []byte, b *Batch, row int) ([]byte, error)
}

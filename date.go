package flowrun

import (
	"time"

	"github.com/flowrun/flowrun/graph/types"
)

// A Date is a day of the calendar without a time of day or a zone: the Go type of
// fields of type date, as time.Time is that of fields of type time. *Date is date?.
type Date = types.CivilDate

// DateOf gives the date that the clock of t shows in its own zone.
func DateOf(t time.Time) Date { return types.DateOf(t) }

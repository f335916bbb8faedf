package cli

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/flowrun/flowrun/graph/quantity"
)

// This file has flags that take durations as flows write them.

// durationFlag adds a flag that takes a duration; pflag's own knows neither days nor weeks.
func durationFlag(f *pflag.FlagSet, d *time.Duration, name string, otherwise time.Duration, usage string) {
	*d = otherwise
	f.Var((*duration)(d), name, usage)
}

// duration is the value of such a flag.
type duration time.Duration

func (d *duration) Type() string { return "duration" }

// String shows the default of the flag in its help, where pflag leaves out what is 0.
func (d *duration) String() string {
	if *d == 0 {
		return "0"
	}
	return quantity.Format(time.Duration(*d))
}

func (d *duration) Set(text string) error {
	t, err := quantity.Duration(text)
	*d = duration(t)
	return err
}

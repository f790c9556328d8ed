package replay

import (
	"errors"
	"iter"

	"xlab/run"
)

// theEnd is where a record has no more.
const theEnd = "the end"

// Compared is what a comparison of two records has found.
type Compared struct {
	Same  int         // entries that are in both, from the first on
	First *Difference // behind them; nil = there is no more in either
	Short bool        // it is only that one of the records ends there, or in an error that the new one has
}

// Compare compares the first segment of a record with one that was made anew: what
// was asked, answered and concluded, without times, numbers and what is there for
// people alone.
func Compare(recorded, now iter.Seq2[run.Record, error]) (c Compared, err error) {
	then, err := New(recorded, Options{})
	if err != nil {
		return c, err
	}
	defer then.Close()
	again, err := New(now, Options{})
	if err != nil {
		return c, err
	}
	defer again.Close()
	segment := ""
	for ; err == nil; err = errors.Join(then.take(), again.take()) {
		a, b := then.ahead[0], again.ahead[0]
		if a != nil && segment == "" {
			segment = a.File
		}
		ended := a == nil || a.File != segment
		switch {
		case ended && b == nil:
			return c, nil
		case ended:
			c.First, c.Short = b.against(b.describe()), true
			c.First.Recorded = theEnd
		case b == nil:
			c.First, c.Short = a.against(theEnd), true
		// Two errors are the same: their words tell addresses and times.
		case a.Type != b.Type || a.Kind != b.Kind || !(a.failed() && b.failed()) && !SameJSON(a.Data, b.Data):
			c.First, c.Short = a.against(b.describe()), b.failed()
		}
		if c.First != nil {
			return c, nil
		}
		c.Same++
	}
	return c, err
}

// against is the difference of an entry and what is in its place.
func (e *entry) against(now string) *Difference {
	return &Difference{File: e.File, Line: e.Line, Seq: e.Seq, Recorded: e.describe(), Asked: now}
}

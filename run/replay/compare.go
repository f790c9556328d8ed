package replay

import (
	"cmp"
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
	next, stop := iter.Pull2(entries(now))
	defer stop()
	for a, err := range entries(recorded) {
		b, wrong, more := next()
		if err = errors.Join(err, wrong); err != nil {
			return c, err
		}
		switch {
		case !more:
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
	b, err, more := next()
	if more && err == nil {
		c.First, c.Short = b.against(b.describe()), true
		c.First.Recorded = theEnd
	}
	return c, err
}

// against is the difference of an entry and what is in its place.
func (e *entry) against(now string) *Difference {
	return &Difference{File: e.File, Line: e.Line, Seq: e.Seq, Recorded: e.describe(), Asked: now}
}

// entries are those of the first segment that are on the tape.
func entries(records iter.Seq2[run.Record, error]) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		first := ""
		for r, err := range records {
			if first = cmp.Or(first, r.File); r.File != first {
				return
			}
			var e *entry
			if err == nil {
				e, err = entryOf(r)
			}
			if (e != nil || err != nil) && !yield(e, err) {
				return
			}
		}
	}
}

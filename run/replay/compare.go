package replay

import (
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
	var last *entry
	for a, err := range entries(recorded) {
		if err != nil {
			return c, err
		}
		last = a
		b, err, more := next()
		switch {
		case err != nil:
			return c, err
		case !more:
			c.First, c.Short = a.against(theEnd), true
			return c, nil
		case a.Type != b.Type || a.Kind != b.Kind || !SameJSON(a.Data, b.Data):
			c.First, c.Short = a.against(b.describe()), b.failed()
			return c, nil
		}
		c.Same++
	}
	b, err, more := next()
	if err != nil || !more {
		return c, err
	}
	c.First, c.Short = &Difference{File: b.File, Recorded: theEnd, Asked: b.describe()}, true
	if last != nil {
		c.First.Line, c.First.Seq = last.Line, last.Seq
	}
	return c, nil
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
			if first == "" {
				first = r.File
			}
			if err == nil && r.File != first {
				return
			}
			e, wrong := (*entry)(nil), err
			if err == nil {
				e, wrong = entryOf(r)
			}
			if (e != nil || wrong != nil) && (!yield(e, wrong) || wrong != nil) {
				return
			}
		}
	}
}

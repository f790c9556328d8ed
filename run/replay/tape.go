package replay

import (
	"errors"
	"iter"
	"slices"

	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// ErrEnd is what the algorithm gets at the end of a tape that never goes live.
var ErrEnd = errors.New("the record ends here")

// Options are the parts of a tape that are not the record's. The zero value is a
// tape that never goes live.
type Options struct {
	Journal array.Journal // where the run goes on; nil = nowhere: the algorithm ends with ErrEnd
	Read    array.Read    // how a device is read that was stressed in an unknown way, where the request holds no read
	Live    func() error  // called once, before the first thing that is done live; nil = nothing to do
	Strict  bool          // what the algorithm concluded (the data of Settle) is compared too
	Skip    []Span        // records that earlier resumptions did not use
	Recalls []string      // kinds of recalls that alone are on the tape; nil = everything is
}

// Span is a range of records, by sequence number, that is not on the tape.
type Span struct{ After, Before uint64 }

// Tape is the record of a run as seen by the algorithm that is run again. It is
// an array.Journal; Crossbar gives the crossbars that belong to it. It is not
// safe for concurrent use.
type Tape struct {
	options Options
	pull    func() (run.Record, error, bool)
	stop    func()
	ahead   [2]*entry // the next entry and the one behind it, nil at the end
	live    bool
	ending  error // why it cannot go on
	used    int   // entries
	last    uint64
	read    uint64 // record that was read last
	missing uint64 // record that is missing: the tape ends in front of it
}

// entry is a record that is on the tape.
type entry struct {
	run.Record
	answer *record.Answer // of recalls
	done   *record.Done   // of parts, results and events that hold steps
}

var _ array.Journal = (*Tape)(nil)

// New begins a tape of records; nil is a new run, which is live at once. The
// caller closes it.
func New(records iter.Seq2[run.Record, error], o Options) (*Tape, error) {
	if records == nil {
		records = func(func(run.Record, error) bool) {}
	}
	t := &Tape{options: o}
	t.pull, t.stop = iter.Pull2(records)
	for range t.ahead {
		if err := t.advance(); err != nil {
			t.stop()
			return nil, err
		}
	}
	return t, nil
}

// Close ends the reading of the record.
func (t *Tape) Close() { t.stop() }

// Live tells whether the tape has ended.
func (t *Tape) Live() bool { return t.live }

// Used is the number of entries of the record that were asked for.
func (t *Tape) Used() int { return t.used }

// Missing is the first record that the journal does not have although it has
// later ones: the tape ends in front of it. 0 = none so far.
func (t *Tape) Missing() uint64 { return t.missing }

// Rest tells whether there is more on the tape.
func (t *Tape) Rest() bool { return !t.live && t.ahead[0] != nil }

// advance shifts the entries and reads the next one that is on the tape.
func (t *Tape) advance() error {
	if t.ahead[0] != nil {
		t.last = t.ahead[0].Seq
	}
	t.ahead[0], t.ahead[1] = t.ahead[1], nil
	for {
		r, err, ok := t.pull()
		switch {
		case !ok:
			return nil
		case err != nil:
			return err
		}
		if t.read > 0 && r.Seq != t.read+1 && !t.skipped(t.read+1) {
			t.missing = t.read + 1
		}
		if t.missing > 0 {
			return nil
		}
		if t.read = r.Seq; t.skipped(r.Seq) {
			continue
		}
		e, err := entryOf(r)
		if err != nil {
			return err
		}
		if e != nil && (t.options.Recalls == nil || e.answer != nil && slices.Contains(t.options.Recalls, e.answer.What)) {
			t.ahead[1] = e
			return nil
		}
	}
}

func (t *Tape) skipped(seq uint64) bool {
	for _, s := range t.options.Skip {
		if seq > s.After && seq < s.Before {
			return true
		}
	}
	return false
}

// entryOf is nil for a record that is not on the tape.
func entryOf(r run.Record) (*entry, error) {
	if r.Type == run.TypeIntent {
		return &entry{Record: r}, nil // compared as it is
	}
	value, err := record.Of(r)
	if err != nil {
		return nil, err
	}
	e := &entry{Record: r}
	switch v := value.(type) {
	case record.Answer:
		e.answer = &v
	case *record.Done:
		if r.Kind == record.Resolve {
			return nil, nil
		}
		e.done = v
	default:
		if r.Type != run.TypePart && r.Type != run.TypeResult && r.Kind != array.EventRead {
			return nil, nil
		}
	}
	return e, nil
}

// broken tells that the next entry is of something that an error cut off and
// that ended its segment: the algorithm never went on from it.
func (t *Tape) broken() bool {
	e := t.ahead[0]
	if e == nil || t.ahead[1] != nil && t.ahead[1].File == e.File {
		return false
	}
	return e.failed()
}

// failed tells that an error cut it off.
func (e *entry) failed() bool {
	return e.done != nil && e.done.Error != "" || e.answer != nil && e.answer.Error != ""
}

// peek gives the next entry; nil when the record has ended and the run is live,
// or has to go live.
func (t *Tape) peek() (*entry, error) {
	if t.ending != nil {
		return nil, t.ending
	}
	return t.ahead[0], nil
}

// take uses up the next entry.
func (t *Tape) take() error {
	t.used++
	return t.end(t.advance())
}

// drop passes over the next entry.
func (t *Tape) drop() error { return t.end(t.advance()) }

// end keeps an error: nothing can be asked after it.
func (t *Tape) end(err error) error {
	if err != nil && t.ending == nil {
		t.ending = err
	}
	return err
}

// goLive is called at the end of the record.
func (t *Tape) goLive() error {
	if t.live {
		return nil
	}
	if t.options.Journal == nil {
		return t.end(ErrEnd)
	}
	t.live = true
	if t.last > 0 {
		if err := t.options.Journal.Event(record.Resume, record.Resumed{Used: t.last}); err != nil {
			return t.end(err)
		}
	}
	if t.options.Live != nil {
		return t.end(t.options.Live())
	}
	return nil
}

// Skips collects, record by record, what Options.Skip needs.
type Skips struct {
	spans []Span
	last  uint64 // on the tape
}

// See takes in a record of the run, in order. What cannot be understood is for who
// reads the record to tell.
func (s *Skips) See(r run.Record) {
	if r.Type == run.TypeEvent && r.Kind == record.Resume {
		value, err := record.Of(r)
		if d, ok := value.(record.Resumed); err == nil && ok && d.Used < s.last {
			s.spans = append(s.spans, Span{After: d.Used, Before: r.Seq})
		}
		return
	}
	switch r.Type {
	case run.TypeIntent, run.TypePart, run.TypeResult:
		s.last = r.Seq
	case run.TypeEvent:
		if r.Kind == array.EventRead || r.Kind == record.Recall {
			s.last = r.Seq
		}
	}
}

// Spans are the records that later segments did not use.
func (s *Skips) Spans() []Span { return s.spans }

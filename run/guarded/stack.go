package guarded

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/guarded/trip"
	"xlab/run/recovery"
	"xlab/run/replay"
)

// Options are the layers of a stack. One that is nil is left out.
type Options struct {
	// Arrays are those of the run, in its order; nil = all of Turns, by name.
	Arrays []run.ArrayHeader
	// Turns is the way to the bench. Without it there is none, and the Tape is one
	// that never goes live.
	Turns  *Turns
	Ladder *recovery.Ladder
	Watch  *trip.Watch
	// Tape is the record of the run and its journal. Without it nothing is kept, as
	// in a study, which is repeated and not resumed.
	Tape *replay.Tape
}

// Stack is the way to the arrays of a run. It is not safe for concurrent use: the
// bench can do one thing at a time.
type Stack struct {
	names []string // in the run's order
	bars  map[string]*array.Journaled
}

// New puts the layers in front of every array. It touches nothing. From the
// algorithm down to the array they are:
//
//   - Journaled has the intent on disk before anything below sees the steps, and
//     records what came of them after all below have had their say: a trip, a
//     repetition, results that are unknown. Nothing that is done to a device, and
//     no reason why it was not done, can get past the record.
//   - The tape is the journal above it, so that what is asked is compared with the
//     record before anything is answered. It stands above all that asks
//     instruments: what is answered from the record touches nothing, waits for no
//     condition, and counts for none.
//   - The watch asks its conditions once for each request, right before it is
//     carried out, however often the ladder repeats it, and judges what the
//     ladder made of the answer. What it measures itself, the leakage, goes down
//     the same way as the steps.
//   - The ladder repeats what may be repeated. It stands above the turn because
//     bringing the bench back opens all switches and the turn is part of what is
//     tried again.
//   - The turn opens the switches of the array that was used before, in one use of
//     the bench with the steps: nothing may come in between, neither another array
//     nor a process that stands still.
func New(o Options) *Stack {
	if o.Arrays == nil && o.Turns != nil {
		for _, name := range slices.Sorted(maps.Keys(o.Turns.arrays)) {
			o.Arrays = append(o.Arrays, run.ArrayHeader{Name: name})
		}
	}
	s := &Stack{bars: make(map[string]*array.Journaled)}
	for _, h := range o.Arrays {
		var bar array.Crossbar
		if o.Turns != nil {
			var bench array.Leaky = o.Turns.arrays[h.Name]
			if o.Ladder != nil {
				bench = o.Ladder.Crossbar(h.Name, bench)
			}
			bar = bench
			if o.Watch != nil {
				bar = o.Watch.Crossbar(h.Name, bench)
			}
		}
		var journal array.Journal = discard{}
		if o.Tape != nil {
			bar, journal = o.Tape.Crossbar(h.Name, h.Rows, h.Cols, bar), o.Tape
		}
		s.names = append(s.names, h.Name)
		s.bars[h.Name] = array.NewJournaled(bar, h.Name, journal)
	}
	return s
}

// Crossbar is the top of the stack of an array. The case of its name does not
// matter; any other name is a bug.
func (s *Stack) Crossbar(name string) *array.Journaled {
	for known, bar := range s.bars {
		if strings.EqualFold(known, name) {
			return bar
		}
	}
	panic(fmt.Sprintf("array %q is none of those that the job named", name))
}

// Busy is the time that the instruments needed by themselves for all that was
// done in the run.
func (s *Stack) Busy() (sum instrument.Seconds) {
	for _, name := range s.names { // in order: sums of floats depend on it
		sum += s.bars[name].Busy()
	}
	return sum
}

// discard is a journal that keeps nothing.
type discard struct{}

func (discard) Intent(any) (uint64, error) { return 1, nil }
func (discard) Part(uint64, any) error     { return nil }
func (discard) Result(uint64, any) error   { return nil }
func (discard) Event(string, any) error    { return nil }

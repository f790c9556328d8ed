package fault

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// What a fault does to the bytes of a link. Everything else is done to a box or
// to the disk and named by its Device.
const (
	Lose      = "lose"      // bytes do not arrive
	Duplicate = "duplicate" // bytes arrive twice
	Garble    = "garble"    // bytes arrive with the eighth bit flipped or set, as after a framing error
	Alter     = "alter"     // bytes arrive as others of their class: a digit as another digit
	Delay     = "delay"     // bytes arrive later
	Cut       = "cut"       // the cable is pulled
)

// Directions.
const (
	TowardInstrument = "instrument"
	TowardHost       = "host"
)

// Amounts of bytes that are no number.
const (
	All  = -1 // the whole piece or answer
	Rest = -2 // from the place to the end
)

// Script is what goes wrong.
type Script struct {
	Seed   uint64
	Faults []Fault
}

// Fault is one thing that goes wrong, with exactly one trigger.
type Fault struct {
	What   string // Lose, ..., or an act of the device
	On     string // link or device
	Toward string // direction, of what is done to bytes

	// Triggers.
	Piece   int     // with this piece
	Command string  // with a piece that holds this text,
	Number  int     // for the n-th time; 0 = 1
	Byte    int     // with this byte of the link in its direction, from 1
	Time    float64 // with the first piece from this bench time on, s
	Rate    float64 // with this probability at every piece

	Times int // most that it happens; 0 = once, at a rate without bound

	Bytes    int           // of Lose, Duplicate, Garble, Alter: how many; 0 = 1
	For      time.Duration // of Delay, and of a slow disk: real time
	Attempts int           // of Cut: attempts to connect that fail before the cable is back
	Pieces   int           // of what lasts: how many pieces of the link, counting that of the trigger; 0 = for good
	With     Parameters

	place string // in the file
}

// Parameters of what is done to a device; which of them count depends on it.
type Parameters struct {
	Code    int     // of an error
	Slot    int     // of a module
	Chip    int     // of a chain, from 1
	Switch  int     // of a chip, from 1
	Wire    string  // "din" or "sdo"
	High    bool    // level
	Seconds float64 // of a clock
}

// onBytes tells whether a fault is done to the bytes of a link.
func onBytes(what string) bool {
	return slices.Contains([]string{Lose, Duplicate, Garble, Alter, Delay}, what)
}

// Place is where in its file the fault is, "" for one that is in none.
func (f Fault) Place() string { return f.place }

// String says in a few words what happens.
func (f Fault) String() string {
	words := []string{f.What, "on", f.On}
	if f.Toward != "" {
		words = append(words, "toward", f.Toward)
	}
	switch {
	case f.Piece > 0:
		words = append(words, fmt.Sprintf("at piece %d", f.Piece))
	case f.Command != "":
		words = append(words, fmt.Sprintf("at %q", f.Command))
		if f.Number > 1 {
			words = append(words, fmt.Sprintf("number %d", f.Number))
		}
	case f.Byte > 0:
		words = append(words, fmt.Sprintf("at byte %d", f.Byte))
	case f.Rate > 0:
		words = append(words, fmt.Sprintf("at a rate of %g", f.Rate))
	default:
		words = append(words, fmt.Sprintf("at %g s", f.Time))
	}
	return strings.Join(words, " ")
}

// Device is something that faults can be done to.
type Device struct {
	Link bool           // there is a byte stream to it
	Acts map[string]Act // by what a fault calls them
}

// Act is something that can be done to a device.
type Act struct {
	Needs []string // keys of the parameters that it needs, besides those that may be left out
	Takes []string // and those that may be left out
	// Valid tells what is wrong with a fault's parameters; nil = nothing can be.
	Valid func(f Fault) error
	// Do does it, Undo ends it; nil = it does not last. Both are called by one
	// goroutine at a time, under the bench's lock.
	Do   func(f Fault) error
	Undo func(f Fault) error
}

// Lasting is something that is switched on and off.
func Lasting(set func(on bool)) Act {
	change := func(on bool) func(Fault) error {
		return func(Fault) error {
			set(on)
			return nil
		}
	}
	return Act{Do: change(true), Undo: change(false)}
}

// Once is something that happens and is over.
func Once(do func()) Act {
	return Act{Do: func(Fault) error {
		do()
		return nil
	}}
}

// Check tells what is wrong with the script on a bench with these devices, each
// fault with its place.
func (s *Script) Check(devices map[string]Device) error {
	var wrong []error
	for i := range s.Faults {
		f := &s.Faults[i]
		if err := f.check(devices); err != nil {
			at := cmp.Or(f.place, fmt.Sprintf("fault %d", i+1))
			wrong = append(wrong, fmt.Errorf("%s: %w", at, err))
		}
	}
	return errors.Join(wrong...)
}

func (f *Fault) check(devices map[string]Device) error {
	d, known := devices[f.On]
	if !known {
		return fmt.Errorf("there is no %q here; faults can be on: %s", f.On, strings.Join(names(devices), ", "))
	}
	act, acts := d.Acts[f.What]
	bytes := onBytes(f.What)
	switch {
	case (bytes || f.What == Cut) && !d.Link:
		return fmt.Errorf("%q is done to a link, and there is none to %q", f.What, f.On)
	case !bytes && f.What != Cut && !acts:
		possible := names(d.Acts)
		if d.Link {
			possible = append(possible, Lose, Duplicate, Garble, Alter, Delay, Cut)
		}
		return fmt.Errorf("%q cannot be done to %q; possible are: %s", f.What, f.On, strings.Join(possible, ", "))
	case bytes && f.Toward != TowardHost && f.Toward != TowardInstrument:
		return fmt.Errorf("toward is %q and must be %s or %s", f.Toward, TowardInstrument, TowardHost)
	case !bytes && f.Toward != "":
		return fmt.Errorf("toward is for faults of bytes, and %q is none", f.What)
	}
	if err := f.checkTrigger(bytes); err != nil {
		return err
	}
	for key, set := range f.given() {
		if !set {
			continue
		}
		allowed := slices.Contains(act.Needs, key) || slices.Contains(act.Takes, key) || key == "pieces" && act.Undo != nil
		switch key {
		case "bytes":
			allowed = allowed || bytes && f.What != Delay
		case "for":
			allowed = allowed || f.What == Delay
		case "attempts":
			allowed = f.What == Cut
		}
		if !allowed {
			return fmt.Errorf("%s does not belong to %q on %q", key, f.What, f.On)
		}
	}
	for _, key := range act.Needs {
		if !f.given()[key] {
			return fmt.Errorf("%q on %q needs %s", f.What, f.On, key)
		}
	}
	if f.What == Delay && !(f.For > 0) {
		return fmt.Errorf("%q needs the key for: how long, such as 20ms", f.What)
	}
	if act.Valid != nil {
		return act.Valid(*f)
	}
	return nil
}

// given tells which parameters have a value.
func (f *Fault) given() map[string]bool {
	w := f.With
	return map[string]bool{
		"bytes": f.Bytes != 0, "for": f.For != 0, "attempts": f.Attempts != 0, "pieces": f.Pieces != 0,
		"code": w.Code != 0, "slot": w.Slot != 0, "chip": w.Chip != 0, "switch": w.Switch != 0,
		"wire": w.Wire != "", "high": w.High, "seconds": w.Seconds != 0,
	}
}

func (f *Fault) checkTrigger(bytes bool) error {
	triggers := 0
	for _, given := range []bool{f.Piece > 0, f.Command != "", f.Byte > 0, f.Time > 0, f.Rate > 0} {
		if given {
			triggers++
		}
	}
	switch {
	case triggers != 1:
		return fmt.Errorf("%d triggers are given: give exactly one of piece, command, byte, time and rate", triggers)
	case f.Piece < 0 || f.Byte < 0 || f.Time < 0 || f.Rate < 0 || f.Number < 0 || f.Times < 0 || f.Attempts < 0 ||
		f.Pieces < 0 || f.For < 0 || f.Bytes < Rest:
		return errors.New("a number is negative, which none may be")
	case f.Rate > 1:
		return fmt.Errorf("a rate of %g is more than 1, which is at every piece", f.Rate)
	case f.Number > 0 && f.Command == "":
		return errors.New("number counts the pieces with a command, and no command is given")
	case f.Byte > 0 && !(bytes && f.What != Delay):
		return fmt.Errorf("byte is no trigger for %q", f.What)
	}
	return nil
}

func names[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

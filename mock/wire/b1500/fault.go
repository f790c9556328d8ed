package b1500

import "fmt"

// The methods of this file are for whoever plays the outside world: someone at
// the front panel, a mains plug, a firmware that hangs. They are called under
// the bench's Do, like everything else.

// InjectError puts an error into the error queue as if a command had failed.
// slot is the slot concerned, 0 for none.
func (a *Analyzer) InjectError(number, slot int) {
	a.errors.push(fault{code: errorCode(number), slot: slot})
}

// PowerCycle switches the analyzer off and on: all settings, stored programs,
// answers and errors are gone and the outputs are open.
func (a *Analyzer) PowerCycle() {
	a.silent, a.hanging = false, false
	a.errors = errorQueue{}
	a.programs = programs{}
	a.initial()
	a.settle()
	a.timerZero = a.terminals.Now()
}

// Silence makes the analyzer deaf and mute, as with its power switched off but
// with its outputs left as they are, or brings it back.
func (a *Analyzer) Silence(on bool) { a.silent = on }

// Hang makes the analyzer deaf and mute until a device clear or a power cycle.
func (a *Analyzer) Hang() { a.hanging = true }

// OpenOutput opens the output switch of a channel as someone at the front panel
// would. It returns an error if the slot is empty.
func (a *Analyzer) OpenOutput(slot int) error {
	if slot < 1 || slot >= len(a.slots) || a.slots[slot] == nil {
		return fmt.Errorf("b1500: no module in slot %d", slot)
	}
	ch := a.slots[slot]
	ch.initial()
	a.drive(ch)
	a.settle()
	return nil
}

// JumpClock puts the time stamp's clock forward, or back for a negative value:
// every time that is told from now on differs by so many seconds.
func (a *Analyzer) JumpClock(seconds float64) { a.timerZero -= seconds }

package b1500

import (
	"bytes"
	"errors"
	"fmt"

	"xlab/mock/bench"
)

// New returns an analyzer that was just switched on. It returns an error if the
// options make no sense, for example a slot that drives a unit the bench does
// not have.
func New(t bench.Terminals, o Options) (*Analyzer, error) {
	switch {
	case t == nil:
		return nil, errors.New("b1500: no bench terminals given")
	case o.Identity == "":
		return nil, errors.New("b1500: Options.Identity is empty: start from DefaultOptions")
	case !(o.LineFrequency > 0):
		return nil, fmt.Errorf("b1500: line frequency of %g Hz must be above 0", o.LineFrequency)
	case o.InputBuffer < 2:
		return nil, fmt.Errorf("b1500: input buffer of %d bytes must have 2 at least", o.InputBuffer)
	case !(o.Timing.Conversion > 0):
		return nil, fmt.Errorf("b1500: conversion of %g s must be above 0", o.Timing.Conversion)
	case !(o.Timing.Command >= 0) || !(o.Timing.SourceWait >= 0) || !(o.Timing.MeasureWait >= 0):
		return nil, fmt.Errorf("b1500: command time and waits must not be negative: %+v", o.Timing)
	}
	a := &Analyzer{
		terminals: t,
		options:   o,
		commands:  commandTable(),
		change:    map[int]bench.Output{},
		scale:     make([]float64, t.Units()),
	}
	driven := map[int]int{}
	for _, s := range o.Slots {
		m := modules[s.Model]
		switch {
		case m == nil:
			return nil, fmt.Errorf("b1500: slot %d: module %q is not known", s.Number, s.Model)
		case s.Number < 1 || s.Number > 10:
			return nil, fmt.Errorf("b1500: slot %d: slots are 1 to 10", s.Number)
		case a.slots[s.Number] != nil:
			return nil, fmt.Errorf("b1500: slot %d is configured twice", s.Number)
		case s.Unit < 1 || s.Unit > t.Units():
			return nil, fmt.Errorf("b1500: slot %d drives unit %d, but the bench has units 1 to %d", s.Number, s.Unit, t.Units())
		case driven[s.Unit] != 0:
			return nil, fmt.Errorf("b1500: slots %d and %d both drive unit %d", driven[s.Unit], s.Number, s.Unit)
		}
		driven[s.Unit] = s.Number
		a.slots[s.Number] = &channel{slot: s.Number, unit: s.Unit, model: s.Model, revision: s.Revision, module: m}
	}
	a.channels = nonNil(a.slots[:])
	if len(a.channels) == 0 {
		return nil, errors.New("b1500: no slot holds a module")
	}
	a.initial()
	a.settle()
	return a, nil
}

// Write takes one command line from the bus, that is everything up to LF or
// EOI, with or without its line end. What it asks for is done and its virtual
// time has passed when Write returns.
func (a *Analyzer) Write(line []byte) {
	if a.silent || a.hanging {
		return
	}
	a.guardInterlock()
	for more := true; more; {
		var one []byte
		one, line, more = bytes.Cut(line, []byte{'\n'})
		a.line(one)
	}
	a.settle()
}

// Read returns what the analyzer says when it is addressed to talk: one answer
// up to and including the byte with EOI, the query's answer before any measured
// data; false if it has nothing to say. The slice is the caller's.
func (a *Analyzer) Read() ([]byte, bool) {
	if a.silent || a.hanging {
		return nil, false
	}
	return a.answers.next()
}

// Bits of the status byte.
const (
	statusData      = 1  // an answer waits
	statusInterlock = 8  // interlock contact open
	statusReady     = 16 // set ready: nothing is being executed
	statusError     = 32 // an error came
	statusRequest   = 64 // service requested
)

// StatusByte is the answer to a serial poll. The poll takes the error bit back.
func (a *Analyzer) StatusByte() byte {
	b := a.status()
	a.errors.fresh = false
	return b
}

// BusyStatusByte is the answer to a serial poll that comes while the analyzer
// still works: no data, not ready.
func (a *Analyzer) BusyStatusByte() byte {
	return a.status() &^ (statusData | statusReady)
}

// RequestsService tells whether the analyzer asks for service (SRQ).
func (a *Analyzer) RequestsService() bool { return a.status()&statusRequest != 0 }

// status composes the status byte without changing anything.
func (a *Analyzer) status() byte {
	if a.silent || a.hanging {
		return 0
	}
	b := byte(statusReady)
	if a.answers.waiting() {
		b |= statusData
	}
	if a.terminals.InterlockOpen() {
		b |= statusInterlock
	}
	if a.errors.fresh {
		b |= statusError
	}
	if b&a.requestEnable&^statusRequest != 0 {
		b |= statusRequest
	}
	return b
}

// DeviceClear is the bus command of this name: initial settings, all outputs
// open, buffers empty. The error queue stays.
func (a *Analyzer) DeviceClear() {
	if a.silent {
		return
	}
	a.hanging = false
	a.initial()
	a.settle()
}

// Trigger is the bus command GET: it starts the measurement as XE does.
func (a *Analyzer) Trigger() { a.Write([]byte("XE")) }

// initial brings everything but the error queue and the program memory into the
// state after power-on.
func (a *Analyzer) initial() {
	a.settings = initialSettings()
	a.sources = sources{}
	a.programs.stopRecording()
	a.answers.clear()
	a.requestEnable = 0
	for _, ch := range a.channels {
		ch.initial()
	}
	a.drive(a.channels...)
}

// line executes the commands of one line.
func (a *Analyzer) line(text []byte) {
	if len(text)+1 > a.options.InputBuffer {
		a.errors.push(fault{code: inputBufferFull})
		return
	}
	for more := true; more; {
		var one []byte
		one, text, more = bytes.Cut(text, []byte{';'})
		a.execute(one)
	}
}

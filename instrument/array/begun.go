package array

import (
	"errors"

	"xlab/instrument"
)

// ErrNotBegun is in the chain of an error of Crossbar.Do when no step was begun
// beyond those that have results: the others may be asked for again. Without it
// nobody knows what became of the device.
var ErrNotBegun = errors.New("not begun")

// notBegun says so of an error without changing its words.
type notBegun struct{ error }

func (e notBegun) Unwrap() error      { return e.error }
func (notBegun) Is(target error) bool { return target == ErrNotBegun }

// NotBegun puts ErrNotBegun into the chain of an error, whose text remains; nil
// stays nil.
func NotBegun(err error) error {
	if err == nil {
		return nil
	}
	return notBegun{err}
}

// judged passes on what a source's error says of the steps.
func judged(err error) error {
	if errors.Is(err, instrument.ErrNotSent) {
		return NotBegun(err)
	}
	return err
}

package input

import (
	"errors"
	"fmt"
)

// Faults are all that is wrong with what somebody has asked for, to be told at once.
type Faults []error

// Check adds a fault unless what is said of the request is so.
func (f *Faults) Check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

// Add adds an error, if it is one.
func (f *Faults) Add(err error) {
	if err != nil {
		*f = append(*f, err)
	}
}

// Err joins the faults into one error, nil if there are none; what names the thing
// that has them.
func (f Faults) Err(what string) error {
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", what, errors.Join(f...))
}

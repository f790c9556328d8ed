//go:build !linux && !windows && !cgo

package transport

import "errors"

// openTarm says why the alternative library is not there: outside of Linux and
// Windows it is written in C.
func openTarm(Address) (port, error) {
	return nil, errors.New("this program was built without cgo, which github.com/tarm/serial needs on this operating " +
		"system: use library=bugst")
}

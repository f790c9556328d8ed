//go:build darwin && !cgo

package transport

import "errors"

// usbPorts says why there is no list.
func usbPorts() ([]usbPort, error) {
	return nil, errors.New("this program was built without cgo, which listing USB adapters needs on this operating system")
}

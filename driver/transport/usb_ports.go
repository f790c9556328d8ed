//go:build !darwin || cgo

package transport

import "go.bug.st/serial/enumerator"

// usbPorts lists the serial ports of USB adapters.
func usbPorts() ([]usbPort, error) {
	list, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	var ports []usbPort
	for _, p := range list {
		if p.IsUSB {
			ports = append(ports, usbPort{name: p.Name, serial: p.SerialNumber})
		}
	}
	return ports, nil
}

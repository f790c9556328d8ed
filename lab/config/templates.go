package config

import (
	_ "embed"
	"regexp"
)

//go:embed templates/simulated.yaml
var simulatedTemplate []byte

//go:embed templates/hardware.yaml
var hardwareTemplate []byte

//go:embed templates/onedevice.yaml
var deviceTemplate []byte

// boardsSection is what a single device has another text for, with the neuron board.
var boardsSection = regexp.MustCompile(`(?s)# One switch board per array.*?(# What a device may see)`)

// Template is a commented file for a simulated bench, or for real instruments whose
// addresses have to be filled in; with arrays behind switch boards, or with one device
// without one.
func Template(hardware, device bool) []byte {
	text := simulatedTemplate
	if hardware {
		text = hardwareTemplate
	}
	if device {
		text = boardsSection.ReplaceAll(text, append(deviceTemplate[:len(deviceTemplate):len(deviceTemplate)], "$1"...))
	}
	return text
}

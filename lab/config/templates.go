package config

import _ "embed"

//go:embed templates/simulated.yaml
var simulatedTemplate []byte

//go:embed templates/hardware.yaml
var hardwareTemplate []byte

// Template is a commented file for a simulated bench, or for real instruments whose
// addresses have to be filled in.
func Template(hardware bool) []byte {
	if hardware {
		return hardwareTemplate
	}
	return simulatedTemplate
}

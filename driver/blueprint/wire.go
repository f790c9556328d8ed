package blueprint

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"xlab/instrument"
)

// Flags of a measured value.
const (
	flagCompliance = 1
	flagOverRange  = 2
)

// A driver never guesses. Each parser below takes exactly what the box sends
// and calls everything else an error of KindProtocol, with the text in it: half
// a line that happens to look like a number would otherwise become a result.

// refusal is the error for an answer that starts with "error"; nil for others.
// Note how the kind follows the cause: an open interlock is for a person to
// close, whatever the program was doing.
func refusal(answer string) error {
	if !strings.HasPrefix(answer, "error ") {
		return nil
	}
	kind := instrument.KindInstrument
	advice := ""
	if strings.Contains(answer, "interlock") {
		kind, advice = instrument.KindInterlock, "close the lid and start again"
	}
	return &instrument.Error{Op: "blueprint", Kind: kind, Err: fmt.Errorf("the SM1 answers %q", answer), Advice: advice}
}

func parseOK(answer string) error {
	if answer != "ok" {
		return garbled(answer, "ok")
	}
	return nil
}

func parseNumber(answer string) (float64, error) {
	x, err := strconv.ParseFloat(answer, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, garbled(answer, "a number")
	}
	return x, nil
}

// parseReadings reads "amperes,flags" of every channel. What the box says of a
// channel is put together here with what it says of the others.
func parseReadings(answer string) ([]instrument.Reading, error) {
	fields := strings.Split(answer, " ")
	if len(fields) != channels {
		return nil, garbled(answer, fmt.Sprintf("amperes and flags of %d channels", channels))
	}
	readings := make([]instrument.Reading, channels)
	limited := 0 // channels at their compliance
	for i, field := range fields {
		number, flags, _ := strings.Cut(field, ",")
		value, err := parseNumber(number)
		bits, bad := strconv.ParseUint(flags, 10, 8)
		if err != nil || bad != nil || bits&^(flagCompliance|flagOverRange) != 0 {
			return nil, garbled(answer, "amperes and flags")
		}
		readings[i] = instrument.Reading{Channel: instrument.Channel(i + 1), Value: value}
		if bits&flagCompliance != 0 {
			readings[i].Status |= instrument.StatusCompliance
			limited++
		}
		if bits&flagOverRange != 0 {
			readings[i].Status |= instrument.StatusOverflow
		}
	}
	for i := range readings {
		if limited > 1 || limited == 1 && readings[i].Status&instrument.StatusCompliance == 0 {
			readings[i].Status |= instrument.StatusOtherCompliance
		}
	}
	return readings, nil
}

func parseIdentity(answer string) (instrument.Identity, error) {
	f := strings.Split(answer, ",")
	if len(f) != 4 {
		return instrument.Identity{}, garbled(answer, "vendor, model, serial number and firmware")
	}
	return instrument.Identity{Vendor: f[0], Model: f[1], Serial: f[2], Firmware: f[3]}, nil
}

func garbled(answer, want string) error {
	return &instrument.Error{Op: "blueprint", Kind: instrument.KindProtocol,
		Err:    fmt.Errorf("the SM1 answers %.80q, expected was %s", answer, want),
		Advice: "check the cable, and that nobody else uses the port"}
}

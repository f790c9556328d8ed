package procedure

import (
	"strings"

	"xlab/instrument"
)

// statusText puts a reading's status in words; "" for a plain measurement.
func statusText(s instrument.Status) string {
	var words []string
	for _, flag := range []struct {
		bit  instrument.Status
		text string
	}{
		{instrument.StatusCompliance, "in compliance"},
		{instrument.StatusOtherCompliance, "another source is in compliance"},
		{instrument.StatusOverflow, "beyond the measuring range"},
		{instrument.StatusOscillating, "the source oscillates"},
		{instrument.StatusInvalid, "no value"},
	} {
		if s&flag.bit != 0 {
			words = append(words, flag.text)
		}
	}
	return strings.Join(words, ", ")
}

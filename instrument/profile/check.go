package profile

import (
	"fmt"

	"xlab/input"
	"xlab/instrument"
)

// ReadLimit is the largest voltage that any profile may call a read: whatever is believed, what is beyond it is
// recorded as stress.
const ReadLimit instrument.Volts = 0.4

// validate checks what one section alone cannot show; all faults are reported at once.
func (p *Profile) validate() error {
	var f input.Faults
	limit := p.Read.Limit
	f.Check(limit <= ReadLimit, "read.limit is %v and must be at most %v: beyond it a read is recorded as stress", limit,
		ReadLimit)
	for _, read := range []struct {
		key   string
		value instrument.Volts
	}{{"read.voltage", p.Read.Voltage}, {"read.check", p.Read.Check}, {"measure.static", p.Measure.Static}} {
		f.Check(read.value <= limit, "%s is %v and must be at most read.limit, which is %v", read.key, read.value, limit)
	}
	f.Check(p.Pulses.Strong > limit, "pulses.strong is %v and must be above read.limit, which is %v", p.Pulses.Strong,
		limit)
	f.Check(p.Forming.Amin > 1 && p.Forming.Response > 1, "forming.amin, %g, and forming.response, %g, are factors and "+
		"must be above 1", p.Forming.Amin, p.Forming.Response)
	f.Check(len(p.Sources) > 0, "sources is empty: name at least where the values come from")
	f.Check(len(p.Measure.Disturb) > 0 && len(p.Measure.Kept) > 0 && len(p.Measure.Heated) > 0,
		"measure.disturb, measure.kept and measure.heated must not be empty")
	if err := f.Err("device profile"); err != nil {
		return fmt.Errorf("%s: %w", p.file, err)
	}
	return nil
}

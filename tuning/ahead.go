package tuning

import "xlab/run"

// How much longer than the read of a cell a visit takes that brings a device to
// its target, and one that puts it right again: pulses come with their reads.
// These and the shares below are what a few simulated chips needed; they count until
// a run has seen its own.
const (
	visitReads   = 10
	touchUpReads = 4
)

// Shares of the devices that are visited after what came before.
const (
	fineAfterCoarse = 0.6
	touchedUp       = 0.05
)

// Ahead is what a tuning run has to do as far as it is known before it begins:
// devices are asked for, of an array of so many cells.
func (s Spec) Ahead(devices, cells int) []run.Work {
	coarse := false
	if p, err := NewPolicy(s); err == nil {
		coarse = p.Coarse() > s.band()
	}
	return ahead(PhaseRead, cells, "", coarse, devices, cells)
}

// ahead is what is still to be done when left steps of a phase are; after is the
// phase before it, devices are those that may still be visited.
func ahead(phase Phase, left int, after Phase, coarse bool, devices, cells int) []run.Work {
	read := work(PhaseRead, cells)
	some := func(share float64) int { return int(share*float64(devices) + 0.5) }
	list := []run.Work{work(phase, left)}
	fine := work(PhaseFine, devices)
	if coarse {
		fine = work(PhaseFine, some(fineAfterCoarse))
	}
	last := []run.Work{work(PhaseTouchUp, some(touchedUp)), read}
	switch {
	case phase == PhaseRead && after == "" && coarse:
		list = append(list, work(PhaseCoarse, devices), read, fine, read)
	case phase == PhaseRead && after == "":
		list = append(list, fine, read)
	case phase == PhaseCoarse:
		list = append(list, read, fine, read)
	case phase == PhaseRead && after == PhaseCoarse:
		list = append(list, fine, read)
	case phase == PhaseFine:
		list = append(list, read)
	case phase == PhaseTouchUp:
		return append(list, read)
	case after == PhaseTouchUp:
		return list // more of it only where that is found to be needed
	}
	return append(list, last...)
}

func work(phase Phase, steps int) run.Work {
	w := run.Work{Kind: string(phase), Steps: steps, Each: visitReads}
	switch phase {
	case PhaseRead:
		w.Each = 1
	case PhaseTouchUp:
		w.Each = touchUpReads
	}
	return w
}

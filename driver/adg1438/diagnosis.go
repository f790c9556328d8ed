package adg1438

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"

	"xlab/instrument"
)

// Difference is one chip that did not give back what it was sent.
type Difference struct {
	Chip     int                 // from 1, nearest to the controller's MOSI
	Sent     instrument.Switches // what the chip should hold
	Received instrument.Switches // what came back in its place
}

func (d Difference) String() string {
	return fmt.Sprintf("chip %d (line %d) should hold 0x%02x and reads 0x%02x: switches %s differ",
		d.Chip, d.Chip-1, uint8(d.Sent), uint8(d.Received), names(d.Sent^d.Received))
}

// Mismatch is a chain that does not give back what was sent to it. It is the
// cause of every error of KindChain.
type Mismatch struct {
	Sent     []byte       // the frame, first byte first
	First    []byte       // what came back while the frame was sent the first time: what the chips held before
	Again    []byte       // what came back the second time: what they stored
	Chips    []Difference // the chips concerned, from chip 1 on; empty if only the marker was lost
	Lost     bool         // the chips stored the frame, but no longer held the one before
	Cause    string       // what the pattern of the differences points to, and where to look
	chainLen int
}

// Error names the first chips concerned.
func (m *Mismatch) Error() string {
	const most = 3
	var b strings.Builder
	switch {
	case m.Lost:
		fmt.Fprintf(&b, "%d of %d chips no longer held the routing made before", len(m.Chips), m.chainLen)
	case len(m.Chips) == 0:
		fmt.Fprintf(&b, "the chain reads as open, but a byte sent through all %d chips did not come out (0x%02x instead "+
			"of 0x%02x)",
			m.chainLen, m.Again[len(m.Again)-1], OpenMarker)
	default:
		fmt.Fprintf(&b, "%d of %d chips do not give back what was sent", len(m.Chips), m.chainLen)
	}
	for i, d := range m.Chips {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(m.Chips)-most)
			break
		}
		b.WriteString("; " + d.String())
	}
	return b.String()
}

// place is the channel of the error: the chip, if it is a single one. Behind
// an interruption many differ and none of them is the culprit.
func (m *Mismatch) place() string {
	if len(m.Chips) != 1 {
		return ""
	}
	return fmt.Sprintf("chip %d", m.Chips[0].Chip)
}

// compare finds what is wrong with a frame that was sent twice, nil if it is
// right. first and again are what came back, want what had to come back the
// second time, before what the chips should have held before (nil = unknown).
func compare(chips int, frame, first, again, want, before []byte) *Mismatch {
	wrong := !bytes.Equal(again, want)
	if !wrong && (before == nil || bytes.Equal(first[:chips], before)) {
		return nil
	}
	m := &Mismatch{Sent: bytes.Clone(frame), First: bytes.Clone(first), Again: bytes.Clone(again), chainLen: chips}
	if wrong {
		m.Chips = differences(chips, want, again)
		m.Cause = diagnose(chips, frame, first, again, want, before)
		return m
	}
	m.Lost = true
	m.Chips = differences(chips, before, first)
	m.Cause = "the registers had changed since the last routing, and whatever was measured since is doubtful; " +
		lostCause(frame, first[:chips])
	return m
}

// bridged is what a chain of no chips at all looks like.
const bridged = "MISO repeats MOSI at once: the two are bridged, or the board is unplugged and they couple"

func lostCause(frame, first []byte) string {
	if bytes.Equal(frame, first) {
		return bridged
	}
	if constant(first, 0x00) {
		return "all of them were open, so look for a supply that dropped or a RESET line that was pulled low"
	}
	return "look for a byte changed on its way to the board, another program on the same port, or a glitch on SYNC or " +
		"the clock"
}

// differences lists the chips whose byte differs, from chip 1 on. The first
// byte on the wire is the last chip's.
func differences(chips int, want, got []byte) []Difference {
	var all []Difference
	for chip := 1; chip <= chips; chip++ {
		at := chips - chip
		if want[at] != got[at] {
			all = append(all, Difference{Chip: chip, Sent: instrument.Switches(want[at]),
				Received: instrument.Switches(got[at])})
		}
	}
	return all
}

// diagnose tells what the read-back looks like and where to look first.
func diagnose(chips int, frame, first, again, want, before []byte) string {
	for _, level := range []byte{0xff, 0x00} {
		if constant(again, level) {
			return stuckLine(chips, level, first, before)
		}
	}
	// A shorter chain explains every byte, a shift all but a few bits, a longer
	// chain leaves bytes unexplained: the strongest explanation first.
	const length = "the read-back is that of a chain of %d chips instead of %d: correct the wiring map, or look for a " +
		"chip that is bridged, missing or too many"
	for n := chips - 1; n >= 1; n-- {
		if explains(n, frame, first, again) {
			return fmt.Sprintf(length, n, chips)
		}
	}
	if explains(0, frame, first, again) {
		return bridged
	}
	if shift := bitShift(want, again); shift != 0 {
		direction := "late"
		if shift < 0 {
			direction = "early"
		}
		return fmt.Sprintf("the read-back is right but %d bit(s) %s: the port is not in SPI mode 1, the clock is too fast "+
			"for SDO (lower it), or the clock line has spikes", max(shift, -shift), direction)
	}
	for n := chips + 1; n < chips+len(frame); n++ {
		if explains(n, frame, first, again) {
			return fmt.Sprintf(length, n, chips)
		}
	}
	if bit, level, ok := stuckBit(want, again); ok {
		return fmt.Sprintf("bit %d of every byte reads %d: the fault follows the byte and not a chip, so look at the port "+
			"or the adapter, not at the chain", bit, level)
	}
	raised, lowered := 0, 0
	for i := range want {
		raised += bits.OnesCount8(again[i] &^ want[i])
		lowered += bits.OnesCount8(want[i] &^ again[i])
	}
	switch {
	case lowered == 0:
		return "bits only change from 0 to 1: SDO does not get low in time (pull-up below 1 kΩ, long wire, clock too " +
			"fast), or noise; lower the clock first"
	case raised == 0:
		return "bits only change from 1 to 0: SDO does not get high in time (pull-up missing or far above 1 kΩ, long " +
			"wire, clock too fast), or noise; lower the clock first"
	default:
		return "the differences follow no pattern: noise, a bad ground or a loose plug; lower the clock first"
	}
}

// stuckBit finds the one position at which all differences are, if there is
// more than one and every byte has the same level there. A chip cannot do
// that: a stuck stage of a shift register stops everything that passes it.
func stuckBit(want, got []byte) (bit, level int, ok bool) {
	var positions, all, some byte
	all = 0xff
	count := 0
	for i := range want {
		positions |= want[i] ^ got[i]
		count += bits.OnesCount8(want[i] ^ got[i])
		all &= got[i]
		some |= got[i]
	}
	if bits.OnesCount8(positions) != 1 || count < 2 {
		return 0, 0, false
	}
	switch bit = bits.TrailingZeros8(positions); {
	case all&positions != 0:
		return bit, 1, true
	case some&positions == 0:
		return bit, 0, true
	}
	return 0, 0, false
}

// stuckLine explains a read-back of only ones or only zeros. Where the wire is
// open is told by the first pass: the chips behind the break still gave what
// they held before, and then the level that the break feeds them.
//
// With the wire open between chips k and k+1, the first chips-k bytes of that
// pass are old contents and the last k are the level. Bytes that could be
// either leave a range.
func stuckLine(chips int, level byte, first, before []byte) string {
	first = first[:chips]
	least := 0 // bytes that cannot be the level, so are old contents
	for i, b := range first {
		if b != level {
			least = i + 1
		}
	}
	most := chips // bytes that can be old contents
	if before != nil {
		for i := range first {
			if first[i] != before[i] {
				most = i
				break
			}
		}
	}
	what := "nothing but ones comes back"
	hazard := ""
	if level == 0 {
		what = "nothing but zeros comes back"
	} else {
		hazard = "; the chips behind the break may have ALL their switches closed"
	}
	if least > most {
		// The two passes contradict each other: the fault came and went.
		return what + ", and not from the beginning: a loose plug between the controller and the chain, or a supply that " +
			"is just failing" + hazard
	}
	if most == chips && least == 0 {
		return what + ", from the first bit on: look at MISO and the last chip's SDO pull-up, then at the board's " +
			"supplies, SYNC and the clock" + hazard
	}
	return fmt.Sprintf("%s: the chain is interrupted %s%s", what, wire(chips-most, chips-least+1, chips), hazard)
}

// wire names the stretch between two chips, 0 being the controller's MOSI and
// chips+1 its MISO.
func wire(from, to, chips int) string {
	end := func(chip int) string {
		switch {
		case chip <= 0:
			return "the controller's MOSI"
		case chip > chips:
			return "the controller's MISO"
		}
		return fmt.Sprintf("chip %d", chip)
	}
	return "between " + end(from) + " and " + end(to)
}

// explains tells whether a chain of n chips, sent frame twice, gives first and
// again. What the chips held before the first pass is not known to it.
func explains(n int, frame, first, again []byte) bool {
	size := len(frame)
	compared := make([]byte, 0, 2*size)
	for i, got := range append(first[:size:size], again...) {
		at := i - n // of the two frames in a row, delayed by n bytes
		if at < 0 {
			continue
		}
		if frame[at%size] != got {
			return false
		}
		compared = append(compared, got)
	}
	// Half of the second pass must be there, and it must say something.
	return len(compared) >= (size+1)/2 && !constant(compared, compared[0])
}

// bitShift finds by how many bits, 1 to 7, got is want delayed (positive) or
// early (negative); 0 if it is not.
func bitShift(want, got []byte) int {
	total := 8 * len(want)
	bit := func(b []byte, i int) byte { return b[i/8] >> (7 - i%8) & 1 }
	for shift := 1; shift <= 7; shift++ {
		late, early := true, true
		var seenLate, seenEarly byte
		for i := shift; i < total; i++ {
			if bit(got, i) != bit(want, i-shift) {
				late = false
			}
			if bit(got, i-shift) != bit(want, i) {
				early = false
			}
			seenLate |= 1 << bit(want, i-shift)
			seenEarly |= 1 << bit(want, i)
		}
		switch {
		case late && seenLate == 3:
			return shift
		case early && seenEarly == 3:
			return -shift
		}
	}
	return 0
}

func constant(b []byte, value byte) bool {
	return bytes.Count(b, []byte{value}) == len(b)
}

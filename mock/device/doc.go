// Package device simulates the memristors of one passive crossbar ("chip") as a population: every device
// has its own draws, its own state and its own record of the stress it has really seen.
//
// # Terms
//
//   - A device sits where a row (top electrode) crosses a column (bottom electrode). Its voltage is the row's
//     minus the column's. Positive voltage SETs (conductance up), negative voltage RESETs (conductance down).
//   - Static current: I(V) at a frozen state. The conductance people read and tune is I/V at 0.1 or 0.2 V.
//   - G0 is the internal state variable of the metal-oxide model, in siemens. It is close to, but not the same
//     as, the conductance that is read: every device has its own draw xi on the way from G0 to current.
//   - Pristine: as fabricated, megohms to gigohms. Forming makes a switching device of it, once. Pre-formed: a
//     device that left the fabrication already switching. Unformable: forming leaves it at a conductance
//     that no pulse moves any more ("stuck"). Destroyed: shorted or open for good after too much stress.
//   - Half-select disturb: the small change of a device that sees a fraction of the write voltage because it
//     shares a line with the device being written.
//   - Edge device: on the first or last row or column; fabrication makes these spread more.
//   - Interval: a stretch of time at constant bias. The law of change takes an amplitude and a width, so
//     every interval is one pulse; one interval cut in two is two pulses and changes a device by a different
//     amount.
//
// # Use
//
// A Technology is the complete set of constants of a stack, read from a file in which every constant has its
// unit in its name and its source beside it. NewArray draws a population from it. The caller (a nodal solver with
// a clock) asks Currents for the static current and its slope at trial voltages, and reports with Stress and
// Idle what voltages were really applied, and for how long. The package knows neither lines nor
// instruments nor protocols.
//
// Everything random is a hash of (seed, purpose, device, counter): the same seed and the same calls give the
// same chip byte for byte, in any order of evaluation, and a chip restored from its JSON form goes on exactly
// as the original would have.
//
// Units are SI (volt, ampere, siemens, second, coulomb, farad); temperature is in degrees Celsius. Slices over
// devices are row-major: device k is at row k/cols, column k%cols.
package device

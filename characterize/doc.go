// Package characterize measures what the devices of a formed crossbar are:
// switching thresholds, current-voltage curves, retention, endurance, the
// dependence on temperature, and the disturb of neighbours.
//
// Terms:
//
//   - The threshold of a device is the smallest amplitude, among pulses of one
//     sign that rise in equal steps, that changes its resistance by more than a
//     given part (5 %) against the read just before the pulse (Merrikh Bayat et
//     al., Nature Communications 9:2331, 2018). It is the voltage across the
//     array's terminals, so the drop along the lines is part of it, and it
//     depends on the state that the device is in.
//   - The edge devices are those of the first and last row and column; published
//     figures are given without them, because their lines are shaped differently.
//   - Retention is the conductance against the time since it was written,
//     endurance the conductances reached against the number of set-and-reset
//     cycles.
//   - Disturb is the change of a device by pulses that are meant for another one:
//     half-selected on the same row or column, or unselected.
//
// Every measurement brings the devices that it needs into a state of the working
// range by a few write-and-verify pulses and switches them off again at the end,
// because devices that are on load the lines of all others. The state
// that the array was in is not restored.
package characterize

// Package forming electroforms the devices of a crossbar one after the other.
//
// A metal-oxide memristor as made is an insulator; electroforming drives it
// once, by a rising current or voltage, into the state in which it switches.
// The procedure is the published one for passive 20 x 20 crossbars (Merrikh
// Bayat et al., Nature Communications 9:2331, 2018), with its parameter names:
//
//   - Every device is read at 0.1 V. Below RTH it counts as pre-formed and is
//     only switched off.
//   - A staircase of current (or of voltage, with a current compliance) from
//     Istart to a maximum that begins at Imin forms the device. It counts as
//     formed when its current at 0.1 V has grown by the factor Amin; if not,
//     the maximum is raised by Istep, up to Imax, for the given number of
//     attempts.
//   - A formed device is reset at once, because devices that are on leak and
//     take the current that the next one needs.
//   - After the allowed attempts all devices are reset and the rest is tried
//     once more, because leakage through accidentally switched-on devices may
//     have been the cause. What still fails is defective.
//
// The result is a defect map (array.DefectMap) that the later steps read.
package forming

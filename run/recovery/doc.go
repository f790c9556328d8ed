// Package recovery brings a bench back whose link was lost, so that a run goes
// on where that is safe and can be taken up again where it is not.
//
// Terms:
//
//   - The ladder is the order in which things are tried: repeat what may be
//     repeated, after the link was resynchronised and the instruments were made
//     safe and ready; open the ports anew; hold, with everything safe that can
//     be reached, and look again at growing intervals; end the run as
//     interrupted, to be taken up again.
//   - What may be repeated is a step that was not begun, and a step that only
//     reads. Stress whose answer was lost is never repeated: whether the device
//     was pulsed is not known. Once the bench is back the device is read, as
//     when a run is taken up after its process was killed, and what the stress
//     gave is told as unknown.
//   - What cannot be recovered from is passed on: limits, an open interlock,
//     another instrument, the end of the context.
//
// The page hwdocs/recovery.md tells which error leads where.
package recovery

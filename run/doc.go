// Package run is what makes a run unattended: the journal and the directory in
// which everything about a run is kept, the wrapper that leaves the bench safe,
// observers, progress, the list of runs, and the exit code.
//
// Terms:
//
//   - A run is one command that touches devices, from its start to its outcome.
//     It has an ID and a directory.
//   - An intent says what is about to be done to a device. It is on disk before
//     the stress leaves; a result says what came of it. One intent may cover a
//     bounded group of next steps on one device.
//   - An intent without a result is unknown: the stress may or may not have
//     happened. It is resolved by reading the device, never by repeating.
//   - A segment is one file of the journal, written by one process. A process
//     that takes a run up again writes a segment of its own, so that a torn end
//     is never written over.
//   - A safer brings an instrument into its safe state (instrument.Safer).
//   - The outcome says how a run ended: complete, partial, outside, tripped,
//     interrupted or failed.
//
// # Run directory
//
//	20261122T141500Z-form-a-1f3c/
//	  spec.json           the specification as given
//	  journal.jsonl       the journal's first segment
//	  journal-0002.jsonl  its second segment, and so on
//	  result.json         outcome, cause and key figures, written at the end
//	  ...                 data files
//
// A run that was cut off is claimed (NewClaim) and taken up (Continue): a segment
// of its own follows the others, with a header that says when it began, and
// result.json is gone until the run ends again. Intents that were open remain so
// and are closed by the later segment. The times in result.json are sums over all
// segments.
//
// The ID is the start in UTC, the command, the array, and the fraction of the
// second in 1/65536 (the next free number where two runs start together).
//
// # Journal
//
// The journal is text, one JSON object per line, each ended by a line feed:
//
//	{"seq":1,"type":"header","version":1,"segment":1,"data":{...},"crc":"8f2b6c01"}
//	{"seq":2,"bench":1.25,"type":"intent","data":{...},"crc":"52d0a7be"}
//	{"seq":3,"bench":1.25,"type":"part","of":2,"data":{...},"crc":"0aa13f57"}
//	{"seq":4,"bench":1.31,"type":"result","of":2,"data":{...},"crc":"c95512d4"}
//
// The keys come in this order: seq, bench, type, of, kind, version, segment,
// data, crc. Absent ones are left out.
//
//   - seq counts the run's lines from 1, on through all segments.
//   - bench is the bench's time in s that was last known when the line was written.
//   - type is header, intent, part, result, event, note or end. A reader keeps
//     lines of types it does not know.
//   - of is the seq of the intent that a part or result belongs to. A part leaves
//     the intent open, a result closes it.
//   - kind sorts events.
//   - version and segment are in the first line of a segment. A reader refuses
//     a version newer than its own; the form and the checksum of the first line
//     are the same in every version, so that it can tell.
//   - crc is the CRC-32C (Castagnoli polynomial, as in iSCSI, RFC 3720) of the
//     bytes of the line in front of `,"crc":`, in eight lower-case hexadecimal
//     digits. The last 18 bytes of a line, line feed not counted, are always
//     `,"crc":"xxxxxxxx"}`.
//
// An intent is written and synchronised with the disk before Intent returns.
// Everything else is handed to the operating system at once where the disk is
// idle, so that it outlives the process, and synchronised at bounded intervals
// and with the next intent, so that it outlives the machine.
package run

// Package procedure is what can be done with a bench, as values: name, flags, what
// is refused, what it costs, the work, how it is taken up from a record, the files
// it leaves.
//
// Terms:
//
//   - A Procedure reads flags and configuration into a Request.
//   - A Request is a Job that has been checked, with an Estimate of what it does.
//   - A Job is the work of one run. It is deterministic given what the Bench answers,
//     so that a run can be taken up and replayed by doing the work again over the
//     record.
//
// A procedure knows algorithms and runs. Of the laboratory it knows the interfaces
// Lab, before anything is opened, and Bench, under the run.
package procedure

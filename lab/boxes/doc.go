// Package boxes says which instruments a bench can have: for each a value with all
// that the rest of the laboratory has to know of it. An entry brings the driver and
// the simulated side of one box together; who opens, costs or simulates a bench
// knows neither.
//
// A new analyzer is its driver, its simulated side, its page and its file here,
// which is one more entry of Default.
package boxes

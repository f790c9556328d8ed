// Package blueprint is the protocol side of a simulated SM1, the imaginary
// source-measure box of hwdocs/blueprint.md: it answers its text lines on a byte
// stream, and sets, waits and measures through bench.Terminals. Its channels 1 to 4
// are the bench's units of these numbers.
package blueprint

// Package figure draws what a run has measured: maps of an array, histograms
// over its devices, curves, and results against targets.
//
// A figure is specified by a small struct (Map, Maps, Histogram, Lines,
// Scatter). Its Draw method checks the specification, lays the figure out and
// returns a Drawing, which writes itself as SVG (vector, with its text as
// text), as PDF (vector, its text as outlines) and as PNG (1200 pixels wide) from
// the same drawing instructions. The bytes depend on the specification alone:
// there is no date, no host name and no randomness in them. A Figure adds the
// names of the files and the caption; WriteFiles writes those of a run.
//
// Values are float64 in SI units, as everywhere in xlab; the figure chooses
// the prefix, so that an axis of conductances in S is labelled in µS. A value
// that cannot be shown is never dropped in silence: what lies outside of a
// colour scale is announced by a pointed end of the colour bar, what lies
// outside of an axis is counted in a line below the chart. NaN stands for
// "not measured": a hatched cell, a gap in a line.
//
// Bad input is an error, never a panic. ErrNoData tells a figure without
// anything to draw from a wrong specification: a run that has stopped early
// leaves such a figure out.
package figure

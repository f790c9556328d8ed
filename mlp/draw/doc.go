// Package draw draws what the mlp packages compute: sheets of patterns by
// itself, margins and confusion as figures of package figure.
package draw

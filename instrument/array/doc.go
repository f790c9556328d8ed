// Package array is the crossbar as algorithms see it: cells, bias schemes, the
// map from lines to switches, reads, pulses and sweeps on one cell, and products of
// a vector with the whole array.
//
// Terms:
//
//   - A cell is the crosspoint of one row (word line, top electrode) and one
//     column (bit line, bottom electrode); rows and columns count from 0.
//   - A selected line is one of the two that cross at the cell. A half-selected
//     device sits on one selected line, an unselected one on none.
//   - V/2: the selected row is at +V/2, the selected column at -V/2, all other
//     lines at 0 V; half-selected devices see V/2, unselected ones nothing.
//   - V/3: the other rows are at -V/6 and the other columns at +V/6;
//     half-selected devices see V/3, unselected ones -V/3.
//   - Floating: the other lines are connected to nothing.
//   - Grounded: the other lines are at 0 V. So are they in every read, which
//     keeps the currents of other devices out of the selected column's.
//   - A parallel write selects one line on one side and several on the other; all
//     devices where selected lines cross see the whole voltage (Parallel).
//   - A multiplication puts voltages on all lines of one side and measures the
//     currents out of those of the other (Multiply).
//
// The selected lines are biased symmetrically about ground in all schemes, so
// no source has to force more than half of what the device sees.
package array

// Package crossbar finds the node voltages of a passive crossbar: wires with resistance, one two-terminal device at
// every crosspoint, any bias on any line, any line floating.
//
// # Terms
//
// A row is a word line, a column is a bit line. A crosspoint has a node on its row and a node on its column, and the
// device sits between them. The device voltage is the row node minus the column node, the device current flows from
// the row to the column. A segment is the piece of wire between two neighbouring crosspoints, or between a terminal
// and the crosspoint next to it. The terminal resistance stands for the driver, the contact and the switch; it lies
// between the source and the line's first segment. A line's first node is the crosspoint next to its terminal.
//
// Rows are fed at column 0; columns leave at the last row; both far ends are open:
//
//	            column 0        column 1        column C-1
//	               o               o               o         open ends
//	               |               |               |
//	row 0   >-R--r-+-----r---------+-----r---------+--o
//	               c               c               c
//	row 1   >-R--r-+-----r---------+-----r---------+--o
//	               c               c               c
//	row R-1 >-R--r-+-----r---------+-----r---------+--o
//	               c               c               c
//	               R               R               R
//	               v               v               v         column terminals
//
// (r row segment, c column segment, R terminal resistance, + the two nodes with the device between them). An array
// whose columns leave at row 0 is the same array with its rows counted from the other end.
//
// A line is driven when a voltage or a current source is connected to it, and floats otherwise. A floating line has no
// terminal branch; its potential is whatever makes its device currents add up to zero.
//
// # Method
//
// The unknowns are the device voltages v. Given v, the devices give the currents i(v), the currents give the voltage
// drops along all wires by two running sums, and what is left of the loop equation
//
//	rho = Vrow - drop(row, i) - Vcol - drop(column, i) - v
//
// is the residual. Written so, resistance never appears in a denominator, and a wire of zero ohm or a terminal of
// zero ohm needs neither a special case nor a small stand-in value. Every floating or current-driven line adds its
// potential as an unknown and the sum of its currents as an equation.
//
// Newton's method solves it. Each step is a linear crossbar with the source rho in series with every device:
// [W -G; -G B] for row and column nodes, W and B one tridiagonal matrix per line, G diagonal. The column nodes are
// eliminated, and the Schur complement W - G B^-1 G is solved by conjugate gradients preconditioned with W^-1, as
// accurately as the step deserves. Every product is a batch of tridiagonal sweeps, so a step costs a few passes over
// the array. Their number grows with line resistance: for devices of 1 mS at 1 kilohm per segment, about a hundred at
// 20 x 20, in proportion to the lines.
//
// A whole step nearly always lowers the residual. If one does not, the solver starts again from an array at rest and
// goes along each Newton direction to the minimum of the network's potential function, which is convex for devices
// whose current does not fall with voltage.
//
// The sweeps follow the equivalent conductance seen from a line's open end towards its terminal: past a segment of
// resistance r a conductance e becomes e/(1+re), at a crosspoint the device conductance is added. There is no
// subtraction in it, so a conductance of a nanosiemens is not lost beside a wire of a milliohm, and a floating line
// without any conducting device shows as an exact zero.
//
// # Accuracy
//
// What a residual does to a terminal current is bounded by the power it stands for (Solver.excess has the proof), and
// the solver stops when the bound is below 5e-10 of the current for every voltage-driven line. Where rounding forbids
// that (strong line resistance lets currents fall by many orders of magnitude from line to line), it goes on until no
// line's current moves by more than 1e-10 of itself in a step that still gains a digit. Only a current that is the
// difference of much larger device currents on the same line is known relative to those instead.
//
// Devices so steep and so strongly driven that they would carry many orders of magnitude more than their wires let
// through (a hundred e-folds of current between ideal terminals) are beyond double precision; they end in a
// ConvergenceError or DeviceError.
package crossbar

package crossbar

import (
	"fmt"
	"math"
)

// Solver finds operating points of one array geometry. It owns the work space, 17 numbers per device, so a Solve
// allocates nothing. It is not safe for use by several goroutines at once; use one Solver each.
type Solver struct {
	geo Geometry

	row, col lines // what is connected, and the state of every line

	bias []float64 // V, base potential of the row minus that of the column

	v   []float64 // V, device voltages: the state of Newton's method
	i   []float64 // A, device currents at v
	g   []float64 // S, device conductances at v
	rho []float64 // V, residual at v
	dv  []float64 // V, Newton direction

	vOld []float64 // V, where the step started

	// Once a whole Newton step has failed, the rest of the solve is careful and keeps track of the currents in A that
	// the wires, a linear network, bring to the devices while their voltages are v. At the solution they are the
	// device currents.
	careful       bool
	wire, wireOld []float64

	factor factors
	cg     gradients

	floating int     // lines without a voltage source: the undriven ones
	mean     float64 // V, of the voltage sources
	seen     []bool  // per line, rows first, for the search for undetermined ones
	queue    []int   // the same
	warm     bool
	solved   bool // v and the lines' potentials belong to a previous solution
}

// lines is the state of all rows or all columns.
type lines struct {
	kind     []Kind
	value    []float64 // V or A
	r        []float64 // ohm, between the source and the first node: terminal resistance and first segment
	base     []float64 // V, source voltage, or the potential of an undriven line's first node but for shift
	shift    []float64 // V, added to base: what Newton's method has found since, kept apart for its precision
	dShift   []float64 // V, Newton direction of shift
	shiftOld []float64 // V, where the step started
	current  []float64 // A, sum of the line's device currents (rows: into the array, columns: out of it)
	previous []float64 // A, current one Newton step earlier
	q        []float64 // A, what an undriven line lacks to Kirchhoff's current law, injected into its first node
	chain    []float64 // ohm, to the lines at a voltage along the devices; 0 for those
	scale    []float64 // ohm, chain at the starting point: makes q comparable to rho
	e        []float64 // S, conductance seen by the source with the far side of every device grounded
	flat     []float64 // V, potential at a restart
	owed     []float64 // A, what the terminal injects into the first node and wire does not carry yet
	dFirst   []float64 // V, Newton direction of the first node's potential
}

func newLines(n int) lines {
	f := make([]float64, 15*n)
	next := func() []float64 {
		x := f[:n:n]
		f = f[n:]
		return x
	}
	return lines{
		kind: make([]Kind, n), value: next(), r: next(),
		base: next(), shift: next(), dShift: next(), shiftOld: next(),
		current: next(), previous: next(), q: next(), chain: next(), scale: next(), e: next(),
		flat: next(), owed: next(), dFirst: next(),
	}
}

// New returns a solver for arrays of the given geometry.
func New(g Geometry) (*Solver, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	const vectors = 16
	n := g.Devices()
	next := staggered(n, vectors)
	return &Solver{
		geo:     g,
		row:     newLines(g.Rows),
		col:     newLines(g.Cols),
		bias:    next(),
		v:       next(),
		i:       next(),
		g:       next(),
		rho:     next(),
		dv:      next(),
		vOld:    next(),
		wire:    next(),
		wireOld: next(),
		seen:    make([]bool, g.Rows+g.Cols),
		queue:   make([]int, g.Rows+g.Cols),
		factor:  newFactors(g, next),
		cg:      newGradients(g, next),
	}, nil
}

// staggered returns a function that hands out vectors of n numbers that begin at different offsets within a memory
// page. Allocated one by one they would all begin at the same offset, and a processor that compares only the offset
// when it looks for a pending store would make nearly every load in a sweep wait for a store to another vector.
func staggered(n, vectors int) func() []float64 {
	const page, shift = 4096 / 8, 40
	stride := (n+page-1)/page*page + shift
	slab := make([]float64, vectors*stride)
	return func() []float64 {
		x := slab[:n:n]
		slab = slab[stride:]
		return x
	}
}

// Geometry returns the geometry the solver was made for.
func (s *Solver) Geometry() Geometry { return s.geo }

// SetWarmStart chooses where a Solve starts: at the previous operating point shifted by the change of the bias (on),
// or always from the ideal array without wire resistance (off, the default). It changes the time a Solve takes and
// the digits beyond its accuracy, nothing else. With on, Solve itself falls back to the ideal array when the bias has
// changed so much that the previous point is no help. Turning it off forgets the previous point.
func (s *Solver) SetWarmStart(on bool) {
	s.warm = on
	if !on {
		s.solved = false
	}
}

// Accuracy of a solution; see the package comment.
const (
	relCurrent  = 5e-10 // bound on every driven line's current error relative to the smallest such current
	relVoltage  = 1e-11 // residual voltages relative to the device voltages, roots of the sums of squares
	relMove     = 1e-10 // change of a line's current in one step that counts as none
	relSmall    = 1e-9  // relative residual at which a current that stands still may be right
	relRounding = 1e-12 // relative residual that may be due to rounding
	rounding    = 0x1p-52
	maxSteps    = 400
)

// Solve finds the operating point with rows[i] and cols[j] connected to the terminals and dev at the crosspoints, and
// writes it to out. It blocks until done, for microseconds to milliseconds. Errors: a wrong number of lines or of
// Sized devices, an unusable line value, a *FloatingError, a *DeviceError, a *ConvergenceError. On an error out is
// unchanged.
func (s *Solver) Solve(rows, cols []Line, dev Devices, out *Solution) error {
	if d, ok := dev.(Sized); ok && d.Len() != s.geo.Devices() {
		return fmt.Errorf("crossbar: %d devices for an array of %d x %d", d.Len(), s.geo.Rows, s.geo.Cols)
	}
	if err := s.connect(rows, cols); err != nil {
		return err
	}
	s.solved, s.careful = false, false
	steps, err := s.newton(dev)
	if err != nil {
		return err
	}
	s.solved = true
	s.report(out, steps)
	return nil
}

// connect checks the lines, takes them over and sets the starting point.
func (s *Solver) connect(rows, cols []Line) error {
	if len(rows) != s.geo.Rows || len(cols) != s.geo.Cols {
		return fmt.Errorf("crossbar: %d rows and %d columns given for an array of %d x %d lines",
			len(rows), len(cols), s.geo.Rows, s.geo.Cols)
	}
	lo, hi, driven := math.Inf(1), math.Inf(-1), 0
	mean := 0.0
	for which, side := range [2][]Line{rows, cols} {
		for k, l := range side {
			if err := l.validate(); err != nil {
				return fmt.Errorf("crossbar: %s %d: %w", [2]string{"row", "column"}[which], k, err)
			}
			if l.Kind == Voltage {
				lo, hi = min(lo, l.Value), max(hi, l.Value)
				mean += l.Value
				driven++
			}
		}
	}
	if driven > 0 {
		mean /= float64(driven)
	}
	s.mean = mean
	s.floating = len(rows) + len(cols) - driven
	// The wire drops of the previous point are worth keeping if the bias moved by less than they would have to be
	// rebuilt from: half the largest voltage in the array.
	reach := 0.5 * (hi - lo)
	keep := s.warm && s.solved && s.row.near(rows, s.geo.RowSegment, reach) && s.col.near(cols, s.geo.ColSegment, reach)
	if keep {
		s.row.move(rows)
		s.col.move(cols)
		copy(s.vOld, s.bias)
		s.setBias()
		old, bias := s.vOld[:len(s.v)], s.bias[:len(s.v)]
		for k := range s.v {
			s.v[k] += bias[k] - old[k]
		}
		return nil
	}
	s.row.set(rows, s.geo.RowSegment, mean)
	s.col.set(cols, s.geo.ColSegment, mean)
	s.setBias()
	s.startIdeal(1)
	return nil
}

// setBias computes the voltages between the lines' base potentials.
func (s *Solver) setBias() {
	n := s.geo.Cols
	for r, b := range s.row.base {
		bias, base := s.bias[r*n:(r+1)*n], s.col.base[:n]
		for k := range bias {
			bias[k] = b - base[k]
		}
	}
}

// near reports whether the lines are driven as before and no source moved by more than reach.
func (l *lines) near(now []Line, segment, reach float64) bool {
	for k, n := range now {
		if n.Kind != l.kind[k] || n.Kind != Floating && n.Resistance+segment != l.r[k] ||
			n.Kind == Voltage && !(math.Abs(n.Value-l.value[k]) <= reach) {
			return false
		}
	}
	return true
}

// set takes the lines over and puts undriven ones at the potential v.
func (l *lines) set(now []Line, segment, v float64) {
	for k, n := range now {
		l.kind[k], l.value[k], l.r[k] = n.Kind, n.Value, n.Resistance+segment
		l.base[k], l.shift[k] = v, 0
		if n.Kind == Voltage {
			l.base[k] = n.Value
		}
	}
}

// move takes the lines over and leaves undriven ones where they were.
func (l *lines) move(now []Line) {
	for k, n := range now {
		if n.Kind == Voltage {
			l.base[k] = n.Value
		}
		l.value[k] = n.Value
	}
}

// startIdeal puts every device at t times the voltage between its lines' bases.
func (s *Solver) startIdeal(t float64) {
	v := s.v[:len(s.bias)]
	for k, b := range s.bias {
		v[k] = t * b
	}
}

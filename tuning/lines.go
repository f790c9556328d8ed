package tuning

import (
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
)

// lines keeps what is known of all device conductances and what the lines'
// resistance makes of them. A read shows
//
//	sneak + correction g / ((1 + r) (1 + c) (1 + g (Rr/(1 + r) + Rc/(1 + c))))
//
// where r and c are the loads of row and column by their other devices (see
// load), Rr and Rc the resistances to the two terminals, sneak the current that
// gets to the column through three other devices, as if it were conductance,
// and correction makes the formula exact at the last solution of the array.
type lines struct {
	resistance array.Resistance
	rows, cols int
	g          []float64 // S, of the devices
	rowSum     []float64
	colSum     []float64
	sneak      []float64 // S
	correction []float64
	perRow     float64 // Ω of a row as one lump
	perCol     float64
	most       float64 // S, of a device that can be aimed for
}

// newLines knows of no conducting device yet. highest is the highest target.
func newLines(r array.Resistance, rows, cols int, highest instrument.Siemens) *lines {
	l := &lines{resistance: r, rows: rows, cols: cols, most: mostAim * float64(highest), g: make([]float64, rows*cols),
		rowSum: make([]float64, rows), colSum: make([]float64, cols),
		sneak: make([]float64, rows*cols), correction: slices.Repeat([]float64{1}, rows*cols)}
	// On average a device is half a line away from the terminal.
	l.perRow = float64(r.Contact) + float64(r.RowSegment)*float64(cols+1)/2
	l.perCol = float64(r.Contact) + float64(r.ColSegment)*float64(rows+1)/2
	return l
}

// assume sets all device conductances at once and solves the array exactly.
func (l *lines) assume(g []float64) {
	copy(l.g, g)
	l.refresh()
}

// refresh solves the array exactly for the present conductances.
func (l *lines) refresh() {
	clear(l.rowSum)
	clear(l.colSum)
	for k, g := range l.g {
		l.rowSum[k/l.cols] += g
		l.colSum[k%l.cols] += g
	}
	if l.resistance == (array.Resistance{}) {
		return
	}
	l.solveSneak()
	exact := l.resistance.Reads(l.rows, l.cols, l.g)
	for k, g := range l.g {
		direct := g * l.lumped(k)
		l.correction[k] = (exact[k] - l.sneak[k]) / direct
		if !(l.correction[k] > 1/mostCorrection && l.correction[k] < mostCorrection) {
			// The device hardly conducts: what the formula misses is the sneak's.
			l.correction[k], l.sneak[k] = 1, math.Max(exact[k]-direct, 0)
		}
	}
}

// mostCorrection is the factor beyond which the formula does not miss the
// device's share of the read but the sneak's.
const mostCorrection = 1.1

// solveSneak estimates the currents that flow from a driven row through another
// column, another row and into the read column: each line's potential is its
// current times its resistance, loaded by its own devices.
func (l *lines) solveSneak() {
	shared := make([]float64, l.rows*l.rows) // from row to row through all columns
	for a := range l.rows {
		for b := range l.rows {
			sum := 0.0
			for c := range l.cols {
				sum += l.g[a*l.cols+c] * l.g[b*l.cols+c] * l.perCol / (1 + l.perCol*l.colSum[c])
			}
			shared[a*l.rows+b] = sum
		}
	}
	for r := range l.rows {
		for c := range l.cols {
			sum := 0.0
			column := l.perCol / (1 + l.perCol*l.colSum[c])
			for via := range l.rows {
				if via == r {
					continue
				}
				through := shared[r*l.rows+via] - l.g[r*l.cols+c]*l.g[via*l.cols+c]*column
				sum += through * l.perRow / (1 + l.perRow*l.rowSum[via]) * l.g[via*l.cols+c]
			}
			l.sneak[r*l.cols+c] = sum / (1 + l.perRow*l.rowSum[r]) / (1 + l.perCol*l.colSum[c])
		}
	}
}

// load gives the product of resistance and conductance by which the other
// devices of a device's row and column load its path: each with the part of the
// line that both share.
func (l *lines) load(k int) (row, col float64) {
	r, c := k/l.cols, k%l.cols
	for j, g := range l.g[r*l.cols : (r+1)*l.cols] {
		if j != c {
			row += g * (float64(l.resistance.Contact) + float64(l.resistance.RowSegment)*float64(min(c, j)+1))
		}
	}
	for i := range l.rows {
		if i != r {
			col += l.g[i*l.cols+c] * (float64(l.resistance.Contact) + float64(l.resistance.ColSegment)*float64(l.rows-max(r, i)))
		}
	}
	return row, col
}

// path gives the resistances between a device and its two terminals.
func (l *lines) path(k int) (row, col float64) {
	r, c := k/l.cols, k%l.cols
	return float64(l.resistance.Contact) + float64(l.resistance.RowSegment)*float64(c+1),
		float64(l.resistance.Contact) + float64(l.resistance.ColSegment)*float64(l.rows-r)
}

// lumped is what a read shows of a device's conductance, as a factor, before
// sneak and correction.
func (l *lines) lumped(k int) float64 {
	row, col := l.load(k)
	pr, pc := l.path(k)
	return 1 / ((1 + row) * (1 + col) * (1 + l.g[k]*(pr/(1+row)+pc/(1+col))))
}

// set takes a new conductance of one device.
func (l *lines) set(k int, g float64) {
	change := g - l.g[k]
	l.g[k] = g
	l.rowSum[k/l.cols] += change
	l.colSum[k%l.cols] += change
}

// device gives the device's conductance for what a read of it shows now. More
// than the lines can pass is taken as a very good conductor, less than the sneak
// as none.
func (l *lines) device(k int, read float64) float64 {
	row, col := l.load(k)
	pr, pc := l.path(k)
	m := (read - l.sneak[k]) / l.correction[k] * (1 + row) * (1 + col)
	if m <= 0 {
		return 0
	}
	const least = 0.01
	return m / math.Max(1-m*(pr/(1+row)+pc/(1+col)), least)
}

// sag estimates which part of a pulse's voltage the lines keep: the current of
// the half-selected devices of both lines and the device's own.
func (l *lines) sag(k int, scheme array.Scheme) float64 {
	half := float64(scheme.HalfSelected(1))
	columnHalf := half
	if scheme == array.Grounded {
		columnHalf = 0
	}
	r, c := k/l.cols, k%l.cols
	own := l.g[k]
	x := l.perRow*(own+half*(l.rowSum[r]-own)) + l.perCol*(own+columnHalf*(l.colSum[c]-own))
	return x / (1 + x)
}

// mostAim is the conductance of a device, in highest targets accepted, beyond
// which aiming is no use: so far no device of the array goes.
const mostAim = 2

package mlp

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
)

// Series is conduction through devices of any law with a resistance in series
// with every line: contact and driver, and half of the line itself. On the
// 20 x 20 arrays most of the line resistance is contact (Merrikh Bayat et al.
// 2018: 800 ohm from pad to pad), so lumping it is a good picture of them. The
// column is driven through its resistance, the row reaches virtual ground
// through its own. Lines outside the layer's block are taken as not loading it.
type Series struct {
	Rows    []instrument.Ohms // of every row of the block, >= 0; nil = none
	Columns []instrument.Ohms // of every column of the block, >= 0; nil = none
	Law     Law               // nil = Ohmic
}

// UniformSeries gives all lines of a block the same two resistances.
func UniformSeries(rows, columns int, row, column instrument.Ohms, law Law) Series {
	return Series{Rows: slices.Repeat([]instrument.Ohms{row}, rows),
		Columns: slices.Repeat([]instrument.Ohms{column}, columns), Law: law}
}

// BlockSeries is the series resistances of a block of rows x columns devices
// in an array whose line resistance was measured. Rows are fed at column 0 and
// columns at the last row (array.Resistance); a line's segments count half from
// its first crosspoint of the block to its last, because the devices' currents
// flow through half of them on average.
func BlockSeries(r array.Resistance, size ArraySize, b Block, rows, columns int, law Law) Series {
	row := float64(r.Contact) + float64(r.RowSegment)*(float64(b.Column+1)+float64(columns-1)/2)
	behind := size.Rows - b.Row - rows // rows between the block and the feed
	column := float64(r.Contact) + float64(r.ColSegment)*(float64(behind+1)+float64(rows-1)/2)
	return UniformSeries(rows, columns, instrument.Ohms(row), instrument.Ohms(column), law)
}

// Newton's method needs 3 to 5 steps for the published devices; a law that
// needs more than this does not rise steadily with the voltage.
const newtonSteps = 60

// seriesFlow keeps the operating point of every sample. The unknowns are the
// potentials of the columns and then of the rows next to the devices.
type seriesFlow struct {
	g          *mat.Dense
	r          []float64 // series resistance by unknown: columns, then rows
	law        Law
	currents   *mat.Dense // samples x rows, A out of each
	potentials *mat.Dense // samples x unknowns, V
	// shared is the factorised Jacobian of all samples when the law is ohmic,
	// nil when it depends on the operating point.
	shared *mat.LU
}

// Conduct solves for the potential of every line. It fails when the
// resistances do not fit the block or the law has no solution.
func (s Series) Conduct(g, v *mat.Dense) (Flow, error) {
	rows, columns := g.Dims()
	samples, _ := v.Dims()
	r, err := s.resistances(rows, columns)
	if err != nil {
		return nil, err
	}
	f := &seriesFlow{g: g, r: r, law: s.Law,
		currents:   mat.NewDense(samples, rows, nil),
		potentials: mat.NewDense(samples, rows+columns, nil)}
	if f.law == nil {
		f.law = Ohmic{}
	}
	if _, ohmic := f.law.(Ohmic); ohmic {
		f.shared = f.factorise(f.potentials.RawRowView(0))
	}
	for k := range samples {
		if err := f.solve(v.RawRowView(k), f.potentials.RawRowView(k)); err != nil {
			return nil, fmt.Errorf("sample %d: %w", k, err)
		}
		f.lineCurrents(f.potentials.RawRowView(k), nil, f.currents.RawRowView(k))
	}
	return f, nil
}

func (s Series) resistances(rows, columns int) ([]float64, error) {
	r := make([]float64, columns+rows)
	for _, part := range []struct {
		name  string
		given []instrument.Ohms
		into  []float64
	}{{"columns", s.Columns, r[:columns]}, {"rows", s.Rows, r[columns:]}} {
		if part.given != nil && len(part.given) != len(part.into) {
			return nil, fmt.Errorf("line resistances of %d %s were given, the block has %d", len(part.given), part.name,
				len(part.into))
		}
		for i, x := range part.given {
			if !(x >= 0) || math.IsInf(float64(x), 0) {
				return nil, fmt.Errorf("line resistance %d of the %s is %s: it must be finite and not negative", i, part.name,
					x.Exact())
			}
			part.into[i] = float64(x)
		}
	}
	return r, nil
}

// lineCurrents sums the device currents at potentials y over the rows of every
// column and over the columns of every row. Either may be nil.
func (f *seriesFlow) lineCurrents(y, column, row []float64) {
	rows, columns := f.g.Dims()
	clear(column)
	clear(row)
	for j := range rows {
		for i, g := range f.g.RawRowView(j) {
			current, _, _ := f.law.Current(g, y[i]-y[columns+j])
			if column != nil {
				column[i] += current
			}
			if row != nil {
				row[j] += current
			}
		}
	}
}

// solve finds potentials y at which every line's drop is its resistance times
// its current: u + R I = V for a column, w - R I = 0 for a row.
func (f *seriesFlow) solve(v, y []float64) error {
	rows, columns := f.g.Dims()
	copy(y, v)
	clear(y[columns:])
	residual := mat.NewVecDense(rows+columns, nil)
	sums := make([]float64, rows+columns)
	var step mat.VecDense
	for range newtonSteps {
		f.lineCurrents(y, sums[:columns], sums[columns:])
		worst, scale := 0.0, 1e-12
		for i := range y {
			drive, sign := 0.0, -1.0
			if i < columns {
				drive, sign = v[i], 1
				scale = max(scale, math.Abs(drive))
			}
			x := y[i] + sign*f.r[i]*sums[i] - drive
			residual.SetVec(i, x)
			worst = max(worst, math.Abs(x))
		}
		if worst <= 1e-13*scale {
			return nil
		}
		lu := f.shared
		if lu == nil {
			lu = f.factorise(y)
		}
		if err := lu.SolveVecTo(&step, false, residual); err != nil {
			return fmt.Errorf("line potentials: %w", err)
		}
		largest := 0.0
		for i := range y {
			y[i] -= step.AtVec(i)
			largest = max(largest, math.Abs(step.AtVec(i)))
		}
		if largest <= 1e-15*scale {
			return nil // as close as float64 allows
		}
		if math.IsNaN(largest) {
			break
		}
	}
	return fmt.Errorf("no operating point found in %d steps: the device law must rise steadily with the voltage",
		newtonSteps)
}

// factorise is the Jacobian of solve's equations at potentials y.
func (f *seriesFlow) factorise(y []float64) *mat.LU {
	rows, columns := f.g.Dims()
	jacobian := mat.NewDense(rows+columns, rows+columns, nil)
	for i := range rows + columns {
		jacobian.Set(i, i, 1)
	}
	for j := range rows {
		for i, g := range f.g.RawRowView(j) {
			_, _, dv := f.law.Current(g, y[i]-y[columns+j])
			u, w := i, columns+j
			jacobian.Set(u, u, jacobian.At(u, u)+f.r[u]*dv)
			jacobian.Set(w, w, jacobian.At(w, w)+f.r[w]*dv)
			jacobian.Set(u, w, -f.r[u]*dv)
			jacobian.Set(w, u, -f.r[w]*dv)
		}
	}
	lu := new(mat.LU)
	lu.Factorize(jacobian)
	return lu
}

func (f *seriesFlow) Differences() *mat.Dense {
	samples, rows := f.currents.Dims()
	d := mat.NewDense(samples, rows/2, nil)
	for k := range samples {
		row := d.RawRowView(k)
		i := f.currents.RawRowView(k)
		for j := range row {
			row[j] = i[2*j] - i[2*j+1]
		}
	}
	return d
}

// Pull uses the adjoint of the line equations F(y, G, V) = 0: with
// transposed(dF/dy) a = dL/dy, the total derivative by G is the direct one less
// a dF/dG, and the one by V is a itself.
func (f *seriesFlow) Pull(differences *mat.Dense) (dG, dV *mat.Dense, err error) {
	rows, columns := f.g.Dims()
	samples, neurons := differences.Dims()
	dG, dV = mat.NewDense(rows, columns, nil), mat.NewDense(samples, columns, nil)
	var adjoint mat.VecDense
	d := make([]float64, rows) // dL/dI of one sample's lines
	for k := range samples {
		y := f.potentials.RawRowView(k)
		for j, x := range differences.RawRowView(k)[:neurons] {
			d[2*j], d[2*j+1] = x, -x
		}
		byPotential := mat.NewVecDense(rows+columns, nil)
		for j := range rows {
			for i, g := range f.g.RawRowView(j) {
				_, _, dv := f.law.Current(g, y[i]-y[columns+j])
				byPotential.SetVec(i, byPotential.AtVec(i)+d[j]*dv)
				byPotential.SetVec(columns+j, byPotential.AtVec(columns+j)-d[j]*dv)
			}
		}
		lu := f.shared
		if lu == nil {
			lu = f.factorise(y)
		}
		if err := lu.SolveVecTo(&adjoint, true, byPotential); err != nil {
			return nil, nil, fmt.Errorf("sample %d: gradient through the line resistances: %w", k, err)
		}
		for i := range columns {
			dV.Set(k, i, adjoint.AtVec(i))
		}
		for j := range rows {
			w := columns + j
			reach := d[j] + adjoint.AtVec(w)*f.r[w]
			target := dG.RawRowView(j)
			for i, g := range f.g.RawRowView(j) {
				_, dg, _ := f.law.Current(g, y[i]-y[w])
				target[i] += dg * (reach - adjoint.AtVec(i)*f.r[i])
			}
		}
	}
	return dG, dV, nil
}

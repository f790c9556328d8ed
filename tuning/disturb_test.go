package tuning

import (
	"math"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
)

// Devices on the lines of a pulse see it, by its scheme; no others do.
func TestDisturbAccount(t *testing.T) {
	d := newDisturb(newResponse(16, priorOf(nil)), 4, 4)
	at := func(r, c int) array.Cell { return array.Cell{Row: r, Col: c} }
	index := func(c array.Cell) int { return 4*c.Row + c.Col }
	const g = 30e-6
	here, sameRow, sameCol, elsewhere := at(1, 2), at(1, 0), at(3, 2), at(0, 0)
	begin := map[array.Cell]mark{}
	for _, c := range []array.Cell{sameRow, sameCol, elsewhere} {
		begin[c] = d.mark(c)
	}
	received := func(c array.Cell) [2]float64 { return d.received(index(c), c, g, begin[c]) }

	d.pulse(here, 1.4, array.HalfVoltage, 0)
	up := received(sameRow)
	if !(up[raising] > 0) || up[lowering] != 0 || up != received(sameCol) {
		t.Errorf("row %v, column %v", up, received(sameCol))
	}
	if other := received(elsewhere); other != [2]float64{} {
		t.Errorf("a device on other lines received %v", other)
	}
	d.pulse(here, -1.6, array.HalfVoltage, 0)
	if both := received(sameRow); both[raising] != up[raising] || !(both[lowering] > 0) {
		t.Errorf("after a pulse of either sign %v, after the first %v", both, up)
	}
	if since := d.received(index(sameRow), sameRow, g, d.mark(sameRow)); since != [2]float64{} {
		t.Errorf("%v since the last pulse", since)
	}

	// A third does less than a half, a loss in the lines takes a part of that, and
	// a grounded column sees nothing.
	one := func(scheme array.Scheme, sag float64) (row, col float64) {
		d := newDisturb(newResponse(16, priorOf(nil)), 4, 4)
		d.pulse(here, 1.4, scheme, sag)
		return d.received(index(sameRow), sameRow, g, mark{})[raising],
			d.received(index(sameCol), sameCol, g, mark{})[raising]
	}
	half, _ := one(array.HalfVoltage, 0)
	third, _ := one(array.ThirdVoltage, 0)
	less, _ := one(array.HalfVoltage, 0.1)
	row, col := one(array.Grounded, 0)
	if !(third < half/5) || !(less < half && less > third) || !(row > half) || col != 0 {
		t.Errorf("half %v, third %v, half with a loss %v, grounded %v and %v", half, third, less, row, col)
	}
	if none := d.moved(0, 0, exposure{up: true, volts: 1}); none != 0 {
		t.Errorf("a device that does not conduct is moved by %v", none)
	}
}

// What is to come grows with the visits that are left on a device's lines, has
// their sign and is believed up to a limit.
func TestDisturbToCome(t *testing.T) {
	d := newDisturb(newResponse(16, priorOf(nil)), 4, 4)
	var list []*device
	for _, c := range array.AllCells(4, 4) {
		list = append(list, &device{Record: Record{Cell: c}, index: 4*c.Row + c.Col})
	}
	d.begin(list)
	if sum := d.toCome(5, list[5].Cell, 30e-6, 0.1); sum != 0 {
		t.Errorf("%v before the first pulse", sum)
	}
	d.pulse(list[0].Cell, -1.7, array.HalfVoltage, 0)
	d.visited(list[0].Cell)
	if d.waiting[0] || !d.waiting[1] {
		t.Error("the first device was visited, the second was not")
	}
	fewer := d.toCome(5, list[5].Cell, 30e-6, 1)
	if !(fewer < 0) {
		t.Errorf("%v to come of pulses that lower", fewer)
	}
	if limited := d.toCome(5, list[5].Cell, 30e-6, -fewer/2); math.Abs(limited/fewer-0.5) > 1e-9 {
		t.Errorf("%v where %v is the limit", limited, fewer/2)
	}
	for _, v := range list[1:] {
		d.visited(v.Cell)
	}
	if last := d.toCome(5, list[5].Cell, 30e-6, 1); last != 0 {
		t.Errorf("%v when no visit is left", last)
	}
	d.drift = 0.001
	if last := d.toCome(5, list[5].Cell, 30e-6, 1); last != 0.001 {
		t.Errorf("%v with a drift of 0.001", last)
	}
	if !(d.exposed(5, 30e-6) > 0) {
		t.Error("pulses that lower do not count for the order")
	}
	d.begin(nil)
	if d.exposed(5, 30e-6) != 0 {
		t.Error("a new pass begins with the pulses of the last")
	}
}

// Re-reads tell how far the law may be extended downwards, and what drifts.
func TestDisturbLearns(t *testing.T) {
	const noise = 0.004
	list := func(n int, change, up, down float64) (l []reread) {
		for range n {
			l = append(l, reread{change: change, predicted: [2]float64{raising: up, lowering: down}})
		}
		return l
	}
	for _, c := range []struct {
		name        string
		list        []reread
		settled     bool
		up, down    float64
		drift       float64
		driftWithin float64
	}{
		{"as predicted", list(20, 0.02, 0.02, 0), false, math.Sqrt(math.Log(1.02) / 0.02), 1, 0, 0},
		{"four times", list(20, -0.05, 0, 0.0125), false, 1, math.Sqrt(-math.Log(0.95) / 0.0125), 0, 0},
		{"not more than ten times", list(20, 0.9, 0.01, 0), false, math.Sqrt(10), 1, 0, 0},
		{"the other way", list(20, -0.02, 0.02, 0), false, math.Sqrt(0.1), 1, 0, 0},
		{"too few", list(fewest-1, 0.05, 0.0125, 0), false, 1, 1, 0, 0},
		{"within the noise", list(20, 0.05, noise/2, 0), false, 1, 1, 0, 0},
		{"mixed", list(20, 0.05, 0.01, 0.01), false, 1, 1, 0, 0},
		{"drift", list(20, 0.002, 0, 0), true, 1, 1, 0.001, 1e-12},
		{"drift while the coarse pass disturbs", list(20, 0.002, 0, 0), false, 1, 1, 0, 0},
		{"more drift than is believed", list(20, -0.2, 0, 0), true, 1, 1, -mostDrift, 0},
	} {
		d := newDisturb(newResponse(1, priorOf(nil)), 1, 1)
		d.learn(c.list, noise, c.settled)
		if math.Abs(d.scale[raising]-c.up) > 1e-9 || math.Abs(d.scale[lowering]-c.down) > 1e-9 ||
			math.Abs(d.drift-c.drift) > c.driftWithin {
			t.Errorf("%s: scales %v, drift %v", c.name, d.scale, d.drift)
		}
	}
}

// A sum of exponentials is followed between the three points of its table.
func TestHarmTable(t *testing.T) {
	for _, up := range []bool{true, false} {
		of := func(v instrument.Volts) float64 {
			if v > 0 != up {
				t.Errorf("up %v: asked at %v", up, v)
			}
			m := math.Abs(float64(v))
			return 1e-5*math.Exp(6*m) + 1e-6*math.Exp(9*m)
		}
		h := newHarm(up, 0.8, 1.5, of)
		for m := 0.8; m <= 1.5; m += 0.05 {
			if got, want := h.at(m), of(signed(m, up)); math.Abs(got/want-1) > 0.02 {
				t.Errorf("up %v: %v at %.2f V, want %v", up, got, m, want)
			}
		}
	}
	if h := newHarm(true, 1, 1, func(instrument.Volts) float64 { return 3 }); math.Abs(h.at(1)-3) > 1e-9 {
		t.Errorf("a single amplitude: %v", h.at(1))
	}
}

package array

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"xlab/instrument"
)

// busNone is no bus: lines on it float.
const busNone Bus = "none"

// place is where the lines of one number are.
type place struct {
	name   string               // of them, for messages
	n      int                  // how many they are
	units  []instrument.Channel // the sources that they are on, each once
	ground bool                 // some are at ground
	open   bool                 // some are on nothing
	bus    Bus                  // on which a board puts them, "" = the usual one
}

// sourced tells whether there are such lines and all are on sources.
func (p place) sourced() bool { return p.n > 0 && len(p.units) > 0 && !p.ground && !p.open }

// put takes note of one more thing that the lines are on.
func (p *place) put(f Feed) {
	switch {
	case f == Ground:
		p.ground = true
	case f == Open:
		p.open = true
	case !slices.Contains(p.units, instrument.Channel(f)):
		p.units = append(p.units, instrument.Channel(f))
	}
}

// places are where the lines of each number are in a selection. A board puts lines
// whose bus is open at ground, if it can.
func (w *Wiring) places(s Selection) (list [OtherCols + 1]place) {
	for _, side := range []struct {
		one, others    instrument.Channel
		chosen, ground Lines
		n              int
		feeds          []Feed
	}{{Row, OtherRows, s.Rows, s.GroundRows, w.Rows, w.RowFeed},
		{Column, OtherCols, s.Cols, s.GroundCols, w.Cols, w.ColFeed}} {
		chosen, _ := side.chosen.Indices() // checked when the step was lowered
		grounded, _ := side.ground.Indices()
		for line := range side.n {
			number := side.others
			if slices.Contains(chosen, line) {
				number = side.one
			} else if slices.Contains(grounded, line) {
				continue
			}
			list[number].n++
			if w.ByHand() {
				list[number].put(side.feeds[line])
			}
		}
		for _, number := range []instrument.Channel{side.one, side.others} {
			p := &list[number]
			if p.name = buses[number].Lines(); w.ByHand() {
				continue
			}
			p.name = string(buses[number])
			p.put(w.SMU[buses[number]])
			if p.open && w.Switch[BusGround] != 0 {
				p.open, p.ground, p.bus = false, true, BusGround
			}
		}
	}
	return list
}

// bound is a part as the bench performs it.
type bound struct {
	lines Selection       // and the buses that they are on
	step  instrument.Step // its channels are those of sources

	unit  float64 // by which the levels of the swept source have to be divided; 0 = by nothing
	picks []pick  // what the part's readings are of; nil = those of the step
}

// pick is where a reading of a part comes from.
type pick struct {
	of     []int // readings of the step: their sum, 0 where there are none
	column bool  // the column is at ground: it is the row's reading, turned round
	forced bool  // and the row's current is the one that is forced
}

// needs is the error of a part that the bench cannot perform: what is missing.
type needs struct{ text string }

func (n *needs) Error() string { return n.text }

// cannot says of a step what its bench lacks, and for another scheme what there is instead.
func (w *Wiring) cannot(step Step, scheme Scheme, err error) error {
	if missing := (*needs)(nil); !errors.As(err, &missing) {
		return err
	}
	if scheme == "" {
		return fmt.Errorf("a %s %w", step.Name(), err)
	}
	text := "this bench can do none"
	list := w.Schemes()
	if slices.Contains(list, scheme) {
		return fmt.Errorf("%s on these lines %w", scheme, err) // with others it can
	}
	if len(list) > 0 {
		text = "this bench can do " + strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", ")
	}
	return fmt.Errorf("%s %w; %s", scheme, err, text)
}

// bind puts the array's sources in the place of the lines that they drive. Potentials
// matter only against each other: where lines are at ground that are to be at another
// one, all potentials are shifted, if that is enough. Lines that are to be at the column's
// potential and cannot be held there float instead where no current of the device can
// go astray by it. The current of a column at ground is measured where it comes from,
// at the row.
func (w *Wiring) bind(p Part) (bound, error) {
	at := w.places(p.Lines)
	v := wanted(p.Step)
	if err := w.reach(p.Lines, &at); err != nil {
		return bound{}, err
	}
	if p.Lines.OthersFloat {
		for _, number := range []instrument.Channel{OtherRows, OtherCols} {
			if q := &at[number]; w.ByHand() && (len(q.units) > 0 || q.ground) {
				return bound{}, &needs{fmt.Sprintf("needs %s open, which are wired to something", q.name)}
			}
			at[number].n = 0 // as if there were none
		}
	}
	if err := w.loosen(&at, v); err != nil {
		return bound{}, err
	}
	if s, ok := p.Step.(instrument.Spot); ok && slices.Equal(s.Measure, []instrument.Channel{Column}) &&
		at[Column].n > 0 && !at[Column].sourced() &&
		(at[Row].n == 0 || at[OtherRows].n > 0 && v[OtherRows].driven && v[OtherRows].v != v[Column].v) {
		return bound{}, errNoMeter // into the column flows what other rows give
	}
	shift, err := shift(&at, v, p.Lines.GroundRows != "" || p.Lines.GroundCols != "")
	if err != nil {
		return bound{}, err
	}
	for number := Row; number <= OtherCols; number++ {
		v[number].v -= shift
	}
	if err := apart(&at, v); err != nil {
		return bound{}, err
	}
	b := bound{lines: p.Lines}
	for number := Row; number <= OtherCols; number++ {
		if !w.ByHand() {
			b.lines.on[number] = at[number].bus
		}
	}
	return b, b.replace(p.Step, &at, v)
}

// wanted are the potentials that a step wants, per volt of the swept source where one is
// swept, and 0 V for those that it does not drive.
func wanted(step instrument.Step) potentials {
	if s, ok := step.(instrument.Sweep); ok {
		s.Start, s.Stop = 1, 1
		step = s
	}
	b := biasOf(step)
	if len(b.moments) == 0 {
		return potentials{} // no analyzer performs it
	}
	return b.moments[0]
}

// reach refuses selected lines that nothing can be told apart on.
func (w *Wiring) reach(s Selection, at *[OtherCols + 1]place) error {
	if !w.ByHand() {
		return nil
	}
	for _, side := range []struct {
		what   string
		number instrument.Channel
		chosen Lines
		feeds  []Feed
	}{{"row", Row, s.Rows, w.RowFeed}, {"column", Column, s.Cols, w.ColFeed}} {
		chosen, _ := side.chosen.Indices()
		for _, line := range chosen {
			feed := side.feeds[line]
			switch {
			case feed == Open:
				return fmt.Errorf("%s %d is open: its devices cannot be reached", side.what, line)
			case feed == Ground && side.number == Row:
				return fmt.Errorf("row %d is on ground: its devices cannot be reached", line)
			}
			for _, others := range []instrument.Channel{OtherRows, OtherCols} {
				if feed > 0 && slices.Contains(at[others].units, instrument.Channel(feed)) {
					return fmt.Errorf("%s %d is on SMU %d with other lines: its devices cannot be told from theirs", side.what,
						line, feed)
				}
			}
		}
	}
	return nil
}

var errNoMeter = errors.New("the column is on ground, where nothing measures, and the row's source gives the " +
	"current of other devices too: the column needs a source")

// loosen has lines float that are to be at the column's potential, where they have to.
func (w *Wiring) loosen(at *[OtherCols + 1]place, v potentials) error {
	rows, cols := &at[OtherRows], &at[OtherCols]
	like := func(number instrument.Channel) bool {
		return at[number].n > 0 && v[number].driven && v[Column].driven && v[number].v == v[Column].v
	}
	if !like(OtherRows) && !like(OtherCols) {
		return nil
	}
	if at[Column].n > 0 && !at[Column].sourced() && like(OtherCols) {
		// The row's source gives what flows into all columns that are held.
		if rows.n > 0 || w.ByHand() && (len(cols.units) > 0 || cols.ground) {
			return errNoMeter
		}
		cols.n, cols.bus = 0, busNone
	}
	if rows.open && cols.open && rows.n > 0 && cols.n > 0 {
		return &needs{fmt.Sprintf("needs %s or %s held: with both open, current goes round the device through three others",
			rows.name, cols.name)}
	}
	for _, number := range []instrument.Channel{OtherRows, OtherCols} {
		if q := &at[number]; q.open && like(number) {
			if q.open = false; len(q.units) == 0 && !q.ground {
				q.n, q.bus = 0, busNone
			}
		}
	}
	return nil
}

// shift is what has to be taken off all potentials so that what is at ground is at 0 V;
// grounded tells whether the part itself puts lines there.
func shift(at *[OtherCols + 1]place, v potentials, grounded bool) (by float64, err error) {
	var missing, open []string
	possible, first := true, !grounded
	for number := Row; number <= OtherCols; number++ {
		q := at[number]
		switch {
		case q.n == 0 || !v[number].driven:
			continue
		case q.open:
			open = append(open, q.name)
		case q.ground && first:
			by, first = v[number].v, false
		case q.ground:
			possible = possible && v[number].v == by
		}
		if q.ground && v[number].v != 0 {
			missing = append(missing, q.name)
		}
	}
	var texts []string
	if len(open) > 0 {
		texts = append(texts, join(open)+", which "+are(open)+" open")
	}
	if !possible {
		texts = append(texts, join(missing)+", which "+are(missing)+" on ground")
	}
	if texts != nil {
		return 0, &needs{"needs sources on " + strings.Join(texts, ", and on ")}
	}
	return by, nil
}

func are(list []string) string {
	if len(list) == 1 && !strings.HasPrefix(list[0], "the other") {
		return "is"
	}
	return "are"
}

func join(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// apart refuses a source that would have to be at two potentials.
func apart(at *[OtherCols + 1]place, v potentials) error {
	for a := Row; a <= OtherCols; a++ {
		for b := a + 1; b <= OtherCols; b++ {
			if at[a].n == 0 || at[b].n == 0 || !v[a].driven || !v[b].driven || v[a].v == v[b].v {
				continue
			}
			for _, unit := range at[a].units {
				if slices.Contains(at[b].units, unit) {
					return &needs{fmt.Sprintf("needs %s and %s on sources of their own, not both on SMU %d", at[a].name,
						at[b].name, unit)}
				}
			}
		}
	}
	return nil
}

// replace makes the instrument's step of the part's, with potentials v.
func (b *bound) replace(step instrument.Step, at *[OtherCols + 1]place, v potentials) error {
	var stranger instrument.Channel
	units := func(number instrument.Channel) []instrument.Channel {
		if number < Row || number > OtherCols {
			stranger = number
			return nil
		}
		return at[number].units
	}
	drives := func(list []instrument.Drive) (out []instrument.Drive) {
		for _, d := range list {
			for _, unit := range units(d.Channel) { // lines on one source are at one potential
				if !slices.ContainsFunc(out, func(o instrument.Drive) bool { return o.Channel == unit }) {
					out = append(out, instrument.Drive{Channel: unit, Voltage: instrument.Volts(v[d.Channel].v),
						Compliance: d.Compliance})
				}
			}
		}
		return out
	}
	switch s := step.(type) {
	case instrument.Spot:
		s.Drives, s.Measure = drives(s.Drives), b.measure(s.Measure, units, false)
		b.step = s
	case instrument.Pulse:
		s.Drives, s.Measure = drives(s.Drives), b.measure(s.Measure, units, false)
		b.step = s
	case instrument.Sweep:
		forced := s.Kind == instrument.SweepCurrent
		s.Drives, s.Measure = drives(s.Drives), b.measure(s.Measure, units, forced)
		if len(units(s.Source)) != 1 {
			return errors.New("a sweep needs one source on its row")
		}
		if s.Source = units(s.Source)[0]; !forced && v[Row].v != 1 {
			b.unit = v[Row].v
			s.Start, s.Stop = s.Start*b.unit, s.Stop*b.unit
		}
		var follow []instrument.Follow
		for _, f := range s.Follow {
			ratio := f.Ratio
			if b.unit != 0 {
				ratio = v[f.Channel].v / b.unit
			}
			for _, unit := range units(f.Channel) {
				if !slices.ContainsFunc(follow, func(o instrument.Follow) bool { return o.Channel == unit }) {
					follow = append(follow, instrument.Follow{Channel: unit, Ratio: ratio, Compliance: f.Compliance})
				}
			}
		}
		s.Follow = follow
		b.step = s
	default:
		return fmt.Errorf("no analyzer performs a %T", step)
	}
	if stranger != 0 {
		return fmt.Errorf("the array has no source for lines %d of a step", stranger)
	}
	return nil
}

// measure asks for the readings of the lines that are on sources, and notes where those
// that the part wants come from.
func (b *bound) measure(wanted []instrument.Channel, units func(number instrument.Channel) []instrument.Channel,
	forced bool) (list []instrument.Channel) {
	ask := func(number instrument.Channel) (of []int) {
		for _, unit := range units(number) {
			i := slices.Index(list, unit)
			if i < 0 {
				i, list = len(list), append(list, unit)
			}
			of = append(of, i)
		}
		return of
	}
	same := true
	for _, number := range wanted {
		p := pick{of: ask(number)}
		same = same && len(p.of) == 1 && p.of[0] == len(b.picks)
		b.picks = append(b.picks, p)
	}
	if same {
		b.picks = nil
	}
	for i := range b.picks {
		if p := &b.picks[i]; wanted[i] == Column && len(p.of) == 0 {
			*p = pick{of: ask(Row), column: true, forced: forced}
		}
	}
	return list
}

// raise gives an instrument's result the levels and the readings of the part.
func (b bound) raise(raw instrument.Result) instrument.Result {
	if b.unit == 0 && b.picks == nil {
		return raw
	}
	points := make([]instrument.Point, len(raw.Points))
	for i, p := range raw.Points {
		points[i] = p
		if b.unit != 0 {
			points[i].Source = p.Source / b.unit
		}
		if b.picks != nil {
			points[i].Readings = b.readings(p)
		}
	}
	raw.Points = points
	return raw
}

func (b bound) readings(p instrument.Point) []instrument.Reading {
	list := make([]instrument.Reading, 0, len(b.picks))
	for _, pick := range b.picks {
		var sum instrument.Reading
		for _, i := range pick.of {
			if i >= len(p.Readings) {
				return list // what was not measured is not 0 A
			}
			sum.Value, sum.Status = sum.Value+p.Readings[i].Value, sum.Status|p.Readings[i].Status
		}
		if pick.column {
			if sum.Value = -sum.Value; pick.forced {
				sum.Value = -p.Source
			}
			// It is the row's source that was at its compliance.
			if sum.Status&instrument.StatusCompliance != 0 {
				sum.Status = sum.Status&^instrument.StatusCompliance | instrument.StatusOtherCompliance
			}
		}
		list = append(list, sum)
	}
	return list
}

package figure

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Maps shows several maps in one figure, such as target, result and error.
// Maps of the same label, unit and kind of scale whose range is left to the
// data share one range over all their values, so that their colours can be
// compared; neighbours with the same scale share one colour bar.
type Maps struct {
	Title, Subtitle string
	Panels          []Map // the Title of each stands above it; a Subtitle is not shown

	Columns int // maps beside each other; 0: up to three
}

// mostPanels bounds a figure that can still be read.
const mostPanels = 400

// Draw lays the figure out.
func (m Maps) Draw() (_ *Drawing, err error) {
	defer about(&err, "maps %q", m.Title)
	return m.draw()
}

func (m Maps) draw() (*Drawing, error) {
	if len(m.Panels) == 0 {
		return nil, fmt.Errorf("no maps: %w", ErrNoData)
	}
	if len(m.Panels) > mostPanels || m.Columns < 0 {
		return nil, fmt.Errorf("%d maps in %d columns: at most %d maps can be drawn in one figure", len(m.Panels), m.Columns,
			mostPanels)
	}
	for i, p := range m.Panels {
		if err := p.check(); err != nil {
			return nil, m.of(i, err)
		}
	}
	sheet := sheet{Maps: m}
	if err := sheet.settleScales(); err != nil {
		return nil, err
	}
	sheet.placeBars()
	if err := sheet.layOut(); err != nil {
		return nil, err
	}
	if err := sheet.checkNumbers(); err != nil {
		return nil, err
	}
	return newDrawing(clean(m.Title), sheet.width, sheet.height, sheet.draw)
}

// of says which of several panels an error is about.
func (m Maps) of(i int, err error) error {
	if len(m.Panels) == 1 {
		return err
	}
	return fmt.Errorf("map %d (%q): %w", i, m.Panels[i].Title, err)
}

// sheet is a figure of maps being laid out.
type sheet struct {
	Maps
	panels  []panel
	columns int
	legend  legend
	head    heading

	width, height vg.Length
	rowHeights    []vg.Length
}

// panel is one map with what its drawing needs.
type panel struct {
	Map
	scale  ruler
	valued bool // there is a scale: given, or from some value
	colors *colorMap
	bar    *colorBar // right of this panel; nil where a later one has it

	plot                 *plot.Plot
	left, below, above   vg.Length // what axes and title need around the cells
	right, barHigh       vg.Length // what the colour bar needs
	cellsWide, cellsHigh vg.Length
}

// kind is what two maps must have in common to share a scale.
type kind struct {
	label, unit    string
	log, diverging bool
}

func (m Map) kind() kind { return kind{m.Label, m.Unit, m.Scale.Log, m.Scale.Diverging} }

// settleScales finds the common ranges.
func (s *sheet) settleScales() error {
	values := make(map[kind][][]float64)
	for _, p := range s.Panels {
		if !p.Scale.given() {
			values[p.kind()] = append(values[p.kind()], p.Values)
		}
	}
	up := sequential()
	both, err := diverging()
	if err != nil {
		return err
	}
	for i, m := range s.Panels {
		p := panel{Map: m, colors: up, valued: true}
		p.RowLabel, p.ColLabel = named(m.RowLabel, "row"), named(m.ColLabel, "column")
		if m.Scale.Diverging {
			p.colors = both
		}
		scale := m.Scale
		if !scale.given() {
			if scale, err = scale.Over(values[m.kind()]...); err != nil {
				if slices.ContainsFunc(m.Values, func(v float64) bool { return !math.IsNaN(v) }) {
					return s.of(i, err)
				}
				p.valued = false // nothing was measured: the cells are hatched
			}
		}
		if p.valued {
			if p.scale, err = scale.ruler(m.Label, m.Unit); err != nil {
				return s.of(i, err)
			}
		}
		s.panels = append(s.panels, p)
	}
	return nil
}

// placeBars settles the number of columns and decides which panels have a
// colour bar.
func (s *sheet) placeBars() {
	s.columns = min(cmp.Or(s.Columns, 3), len(s.panels))
	for i := len(s.panels) - 1; i > 0; i-- {
		// What is said at the left of a row of maps is not said again.
		if i%s.columns != 0 && s.panels[i].RowLabel == s.panels[i-1].RowLabel {
			s.panels[i].RowLabel = ""
		}
	}
	for i := 0; i < len(s.panels); {
		end := i + 1
		for end < len(s.panels) && end%s.columns != 0 && s.panels[end].shares(&s.panels[i]) {
			end++
		}
		if s.panels[i].valued {
			s.panels[end-1].bar = newColorBar(s.panels[i:end])
		}
		i = end
	}
}

func (p *panel) shares(q *panel) bool {
	return p.valued == q.valued && p.kind() == q.kind() && p.scale.min == q.scale.min && p.scale.max == q.scale.max
}

// Widths of figures of maps in points, and gaps. One map is for a column of a
// paper, as charts are, several are for two. A wide figure has fewer pixels to the
// point in its PNG.
const (
	oneMapWide   = chartWidth
	manyMapsWide = 640
	mapsHigh     = 380 // cells of one map, at most
	largestCell  = 75
	leastBar     = 110
	leastCells   = 40 // height or width of the cells of a map, at least
	panelGap     = 22
	panelTitle   = 20
	blockGap     = 6 // below the heading, above the legend
)

// rows calls do with each row of maps.
func (s *sheet) rows(do func(row []panel)) {
	for first := 0; first < len(s.panels); first += s.columns {
		do(s.panels[first:min(first+s.columns, len(s.panels))])
	}
}

// layOut chooses the size of the cells, which is the same in all maps and as
// large as the width allows, and with it the size of the figure.
func (s *sheet) layOut() error {
	s.width = oneMapWide
	if len(s.panels) > 1 {
		s.width = manyMapsWide
	}
	inner := s.width - 2*sheetMargin
	for i := range s.panels {
		s.panels[i].surroundings(mapsHigh, mapsHigh)
	}
	cell := vg.Length(largestCell)
	s.rows(func(row []panel) {
		free, cols, rows := inner-vg.Length(len(row)-1)*panelGap, 0, 0
		for _, p := range row {
			free -= p.left + p.right
			cols += p.Cols
			rows = max(rows, p.Rows)
		}
		cell = min(cell, free/vg.Length(cols), mapsHigh/vg.Length(rows))
	})
	s.head = newHeading(s.Title, s.Subtitle, inner)
	s.legend = newLegend(s.signs(), inner)
	s.height = s.head.height() + 2*sheetMargin
	if s.head.height() > 0 {
		s.height += blockGap
	}
	if len(s.legend.lines) > 0 {
		s.height += s.legend.height() + blockGap
	}
	widest := vg.Length(0)
	s.rows(func(row []panel) {
		high, wide := vg.Length(0), vg.Length(len(row)-1)*panelGap
		for i := range row {
			p := &row[i]
			p.cellsWide = max(cell*vg.Length(p.Cols), leastCells)
			p.cellsHigh = max(cell*vg.Length(p.Rows), leastCells)
			p.surroundings(p.cellsWide/vg.Length(p.Cols), p.cellsHigh/vg.Length(p.Rows))
			high = max(high, p.above+p.cellsHigh+p.below)
			if p.bar != nil {
				p.barHigh = max(p.cellsHigh, leastBar) // legible beside a small map, too
				high = max(high, p.above+p.barHigh)
			}
			wide += p.left + p.cellsWide + p.right
		}
		s.rowHeights = append(s.rowHeights, high)
		s.height += high
		widest = max(widest, wide)
	})
	if widest > inner+1 {
		return fmt.Errorf("%d maps beside each other do not fit: give fewer Columns", s.columns)
	}
	s.height += vg.Length(len(s.rowHeights)-1) * panelGap
	return nil
}

// surroundings measures what stands around the cells, which are wide and high
// each.
func (p *panel) surroundings(wide, high vg.Length) {
	p.above, p.left, p.below, p.right = 0, 0, 0, 0
	if p.Title != "" {
		p.above = panelTitle
	}
	x, y := cellRuler(p.ColNames, p.Cols, wide, false), cellRuler(p.RowNames, p.Rows, high, true)
	p.plot = newPlot(x, y)
	// The plot library lays axes out around data of any size; a large
	// canvas shows how much they need.
	large := draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{X: 2000, Y: 2000}}}
	cells := p.plot.DataCanvas(large)
	p.left, p.below = cells.Min.X+nameRoom(p.RowLabel), cells.Min.Y+nameRoom(p.ColLabel)
	if p.bar != nil {
		p.right = p.bar.width()
	}
}

// cellRuler is an axis of whole numbers or names through the middles of the
// cells, which are cell points apart. Rows are counted from the top, so that row r stands at -r.
func cellRuler(names []string, n int, cell vg.Length, downwards bool) ruler {
	r := ruler{min: -0.5, max: float64(n) - 0.5}
	step := 1
	if names == nil {
		// Room for the largest number and as much space again, and for a line.
		room := max(2*textWidth(plain(tickSize), fmt.Sprint(n-1)), 1.3*tickSize)
		for _, step = range []int{1, 2, 5, 10, 20, 50, 100, 200} {
			if cell*vg.Length(step) >= room {
				break
			}
		}
	}
	for i := 0; i < n; i += step {
		text := fmt.Sprint(i)
		if names != nil {
			room := cell - 4
			if downwards {
				room = 120
			}
			text = shorten(plain(tickSize), clean(names[i]), room)
		}
		at := float64(i)
		if downwards {
			at = -at
		}
		r.ticks = append(r.ticks, plot.Tick{Value: at, Label: text})
	}
	if downwards {
		r.min, r.max = -r.max, 0.5
	}
	return r
}

// signs are the legend: all named marks, and the hatching if there is any.
func (s *sheet) signs() []entry {
	var entries []entry
	var seen []string
	hollow := false
	for _, p := range s.panels {
		hollow = hollow || p.hollow() || !p.valued
		for _, k := range p.Marks {
			if k.Name == "" || len(k.Cells) == 0 || slices.Contains(seen, k.Name) {
				continue
			}
			seen = append(seen, k.Name)
			entries = append(entries, entry{clean(k.Name), func(c draw.Canvas, box vg.Rectangle) {
				drawSymbol(c, k.Symbol, middle(box), 14, ink)
			}})
		}
	}
	if hollow {
		entries = append(entries, entry{"no value", func(c draw.Canvas, box vg.Rectangle) {
			hatch(c, []vg.Rectangle{box})
			c.SetLineStyle(draw.LineStyle{Color: muted, Width: 0.5})
			c.Stroke(box.Path())
		}})
	}
	return entries
}

// draw draws the figure from the top down, each row of maps in the middle.
func (s *sheet) draw(c draw.Canvas) {
	left, top := c.Min.X+sheetMargin, c.Max.Y-sheetMargin
	s.head.draw(c, left, top)
	if s.head.height() > 0 {
		top -= s.head.height() + blockGap
	}
	for row, high := range s.rowHeights {
		panels := s.panels[row*s.columns : min((row+1)*s.columns, len(s.panels))]
		wide := vg.Length(0)
		for _, p := range s.panels[:s.columns] { // the last row begins where the others do
			wide += p.left + p.cellsWide + p.right + panelGap
		}
		x := c.Min.X + (c.Max.X-c.Min.X-wide+panelGap)/2
		for i := range panels {
			p := &panels[i]
			corner := vg.Point{X: x + p.left, Y: top - p.above}
			p.draw(c, corner)
			x += p.left + p.cellsWide + p.right + panelGap
		}
		top -= high + panelGap
	}
	if len(s.legend.lines) > 0 {
		s.legend.draw(c, left, c.Min.Y+sheetMargin+s.legend.height())
	}
}

// draw draws title, axes, cells and colour bar; corner is the upper left
// corner of the cells.
func (p *panel) draw(c draw.Canvas, corner vg.Point) {
	cells := vg.Rectangle{
		Min: vg.Point{X: corner.X, Y: corner.Y - p.cellsHigh},
		Max: vg.Point{X: corner.X + p.cellsWide, Y: corner.Y},
	}
	if p.Title != "" {
		width := p.cellsWide + p.right
		title := shorten(bold(labelSize), clean(p.Title), width)
		write(c, bold(labelSize), ink, corner.X, corner.Y+7, 0, title)
	}
	place := vg.Rectangle{Min: vg.Point{X: cells.Min.X - p.left, Y: cells.Min.Y - p.below}, Max: cells.Max}
	axes := draw.Canvas{Canvas: c.Canvas, Rectangle: place}
	axes.Min = axes.Min.Add(vg.Point{X: nameRoom(p.RowLabel), Y: nameRoom(p.ColLabel)})
	// The plot library keeps room at the far ends for labels that reach
	// beyond the axes. Here they may: the cells keep their size.
	axes.Max = axes.Max.Add(cells.Size().Sub(p.plot.DataCanvas(axes).Size()))
	p.plot.Draw(axes)
	cells = p.plot.DataCanvas(axes).Rectangle
	nameAxes(c, place, cells, p.ColLabel, p.RowLabel)
	p.drawCells(c, cells)
	if p.bar != nil {
		at := vg.Rectangle{Min: vg.Point{X: cells.Max.X, Y: corner.Y - p.barHigh},
			Max: vg.Point{X: cells.Max.X + p.right, Y: corner.Y}}
		p.bar.draw(c, at)
	}
}

// checkNumbers refuses numbers that would not be legible.
func (s *sheet) checkNumbers() error {
	for i := range s.panels {
		p := &s.panels[i]
		if p.Numbers && p.valued && p.numberSize() < leastNumber {
			return s.of(i, fmt.Errorf("the cells are too small for numbers (%.0f points wide): set Numbers to false",
				math.Floor(p.cellsWide.Points()/float64(p.Cols))))
		}
	}
	return nil
}

package screen

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
)

// Align says where the text of a cell stands.
type Align bool

const (
	Left  Align = false
	Right Align = true
)

const (
	gap      = 2  // blanks between columns
	readable = 16 // columns that a cell of words is not made narrower than
)

// Table lines text up in columns. Cells end with a tab, rows with a newline; it
// is written by Flush, and may be used again after that. Where the screen has too
// little room, cells with words are broken into lines, and if that is not enough
// the table is cut into pieces that stand below each other, each with the first
// column.
type Table struct {
	to    io.Writer
	align Align
	text  bytes.Buffer
}

// NewTable makes a table that Flush writes to w, a Screen or anything else.
func NewTable(w io.Writer, align Align) *Table { return &Table{to: w, align: align} }

// Write takes text in.
func (t *Table) Write(p []byte) (int, error) { return t.text.Write(p) }

// Flush writes the table.
func (t *Table) Flush() error {
	width := 0
	letters := func(s string) string { return s }
	if s, ok := t.to.(*Screen); ok {
		// A cell is as wide as what is shown of it.
		width, letters = s.Width(), func(text string) string { return s.spelt(Visible(text)) }
	}
	var rows [][]string
	if t.text.Len() == 0 {
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(letters(t.text.String()), "\n"), "\n") {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\t"), "\t"))
	}
	t.text.Reset()
	var b strings.Builder
	write(&b, rows, t.align, width)
	if s, ok := t.to.(*Screen); ok {
		return s.Styled(b.String())
	}
	_, err := io.WriteString(t.to, b.String())
	return err
}

// write lays rows out for a screen of so many columns; 0 = as many as needed.
func write(b *strings.Builder, rows [][]string, align Align, width int) {
	widths := fit(rows, width)
	for i, piece := range pieces(widths, width) {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, row := range rows {
			writeRow(b, row, align, widths, piece)
		}
	}
}

// writeRow writes the columns of a piece of one row, on as many lines as it needs.
func writeRow(b *strings.Builder, row []string, align Align, widths, piece []int) {
	var cells [][]string
	lines := 1
	for _, k := range piece {
		var cell []string
		if k < len(row) {
			cell = fold(row[k], widths[k])
		}
		cells = append(cells, cell)
		lines = max(lines, len(cell))
	}
	for line := range lines {
		var out strings.Builder
		for i, k := range piece {
			text := ""
			if line < len(cells[i]) {
				text = cells[i][line]
			}
			blanks := strings.Repeat(" ", max(0, widths[k]-Width(text)))
			if align == Right {
				out.WriteString(strings.Repeat(" ", gap) + blanks + text)
				continue
			}
			out.WriteString(text + blanks + strings.Repeat(" ", gap))
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
}

// fit gives the columns' widths: their own, or less where breaking words makes the
// whole as narrow as the screen. Where it does not, only columns give way that are
// too wide beside the first one.
func fit(rows [][]string, width int) []int {
	var own, least []int
	for _, row := range rows {
		for k, cell := range row {
			if k == len(own) {
				own, least = append(own, 0), append(least, 0)
			}
			if own[k] = max(own[k], Width(cell)); k == len(row)-1 && k > 0 {
				continue // nothing stands beside it: a long word there does no harm
			}
			for word := range strings.FieldsSeq(cell) {
				least[k] = max(least[k], Width(word))
			}
		}
	}
	if width == 0 {
		return own
	}
	narrowest := make([]int, len(own))
	for k := range own {
		narrowest[k] = min(own[k], max(least[k], readable))
	}
	if gap+sum(narrowest) > width {
		for k := 1; k < len(own); k++ {
			own[k] = max(narrowest[k], min(own[k], width-own[0]-2*gap))
		}
		return own
	}
	for over := gap + sum(own) - width; over > 0; {
		// The widest column gives way first, down to the next one.
		k := widest(own, narrowest)
		step := min(over, own[k]-narrowest[k])
		for other := range own {
			if other != k && own[other] < own[k] {
				step = min(step, max(1, own[k]-own[other]))
			}
		}
		own[k] -= step
		over -= step
	}
	return own
}

// widest is the widest column that can give way; -1 for none.
func widest(own, narrowest []int) int {
	best := -1
	for k := range own {
		if own[k] > narrowest[k] && (best < 0 || own[k] > own[best]) {
			best = k
		}
	}
	return best
}

func sum(widths []int) int {
	n := -gap
	for _, w := range widths {
		n += w + gap
	}
	return n
}

// pieces are the columns that stand beside each other.
func pieces(widths []int, width int) [][]int {
	var list [][]int
	var piece []int
	for k := range widths {
		if piece = append(piece, k); width == 0 || len(piece) <= 2 || gap+sum(at(widths, piece)) <= width {
			continue
		}
		list = append(list, slices.Clone(piece[:len(piece)-1]))
		piece = []int{0, k}
	}
	return append(list, piece)
}

func at(widths, columns []int) []int {
	list := make([]int, len(columns))
	for i, k := range columns {
		list[i] = widths[k]
	}
	return list
}

// fold breaks a cell into lines of at most width columns, between words. A word
// that is longer, such as the name of a file, stays whole.
func fold(text string, width int) []string {
	if Width(text) <= width {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, cmp.Or(line, text))
}

// Reflow fills paragraphs of text, in the page's letters, to lines of at most width
// columns; 0 leaves everything as it is. Lines that begin with a blank stay as they are.
func (s *Screen) Reflow(text string, width int) string {
	text = s.spelt(text)
	if width == 0 {
		return text
	}
	var out []string
	var words []string
	flush := func() {
		if len(words) > 0 {
			out = append(out, fold(strings.Join(words, " "), width)...)
			words = nil
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			flush()
			out = append(out, line)
			continue
		}
		words = append(words, line)
	}
	flush()
	return strings.Join(out, "\n")
}

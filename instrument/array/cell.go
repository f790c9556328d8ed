package array

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Cell is a crosspoint, counted from zero.
type Cell struct{ Row, Col int }

// Whole stands for no cell: steps with whole lines are performed at it.
var Whole = Cell{-1, -1}

// String writes the cell as "r3c7".
func (c Cell) String() string {
	if c == Whole {
		return "the whole array"
	}
	return "r" + strconv.Itoa(c.Row) + "c" + strconv.Itoa(c.Col)
}

// Within says that the cell is not one of a rows x cols array; nil where it is.
func (c Cell) Within(rows, cols int) error {
	if c.Row < 0 || c.Row >= rows || c.Col < 0 || c.Col >= cols {
		return fmt.Errorf("device %s is outside the %d x %d array", c, rows, cols)
	}
	return nil
}

// Devices are the cell, or all of a rows x cols array for Whole.
func (c Cell) Devices(rows, cols int) []Cell {
	if c == Whole {
		return AllCells(rows, cols)
	}
	return []Cell{c}
}

// MarshalJSON writes [row, col], and null for Whole.
func (c Cell) MarshalJSON() ([]byte, error) {
	if c == Whole {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "[%d,%d]", c.Row, c.Col), nil
}

// UnmarshalJSON reads what MarshalJSON has written.
func (c *Cell) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*c = Whole
		return nil
	}
	var pair []int
	if err := json.Unmarshal(b, &pair); err != nil {
		return fmt.Errorf("a cell is written [row, col] in whole numbers, not %s", b)
	}
	if len(pair) != 2 {
		return fmt.Errorf("a cell is written [row, col], not with %d numbers", len(pair))
	}
	c.Row, c.Col = pair[0], pair[1]
	return nil
}

// AllCells lists every cell of an array row by row.
func AllCells(rows, cols int) []Cell {
	cells := make([]Cell, 0, rows*cols)
	for r := range rows {
		for c := range cols {
			cells = append(cells, Cell{r, c})
		}
	}
	return cells
}

// ParseCells reads a list of devices such as "r3c7, r0-4c2, r5c*, 7.12": rows and
// columns are single numbers, ranges or *, items are separated by commas or
// spaces, and "3.7" is short for r3c7. Cells come in the order written, each
// once. An empty text or "all" means all cells; separators alone are an error,
// because a list that was meant to name devices must not become all of them.
func ParseCells(text string, rows, cols int) ([]Cell, error) {
	cells, err := parseCells(text, rows, cols)
	if err == nil {
		return cells, nil
	}
	meant := nearlyCells(text)
	if _, wrong := parseCells(meant, rows, cols); meant != "" && wrong == nil {
		err = fmt.Errorf("%w; did you mean %s?", err, meant)
	}
	return nil, err
}

// Ways in which people write the device r3c7, and lines.
var (
	pairOfNumbers = regexp.MustCompile(`^[(\[]? *(\d+) *[,;:/x ] *(\d+) *[)\]]?$`)
	rowAndColumn  = regexp.MustCompile(`^(?:r|row|r_|row )?(\d+)[ ,;_-]*c(?:ol|olumn)?[ _]?(\d+)$`)
	columnAndRow  = regexp.MustCompile(`^c(?:ol|olumn)?[ _]?(\d+)[ ,;_-]*r(?:ow)?[ _]?(\d+)$`)
	wholeRow      = regexp.MustCompile(`^r(?:ow)?[ _]?(\d+)$`)
	wholeColumn   = regexp.MustCompile(`^c(?:ol|olumn)?[ _]?(\d+)$`)
)

// nearlyCells gives the right form of what is nearly right, "" for what is not.
func nearlyCells(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, form := range []struct {
		pattern *regexp.Regexp
		right   string
	}{{pairOfNumbers, "r${1}c${2}"}, {rowAndColumn, "r${1}c${2}"}, {columnAndRow, "r${2}c${1}"}, {wholeRow, "r${1}c*"},
		{wholeColumn, "r*c${1}"}} {
		if form.pattern.MatchString(text) {
			return form.pattern.ReplaceAllString(text, form.right)
		}
	}
	return ""
}

func parseCells(text string, rows, cols int) ([]Cell, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	if strings.TrimSpace(text) == "" || len(fields) == 1 && strings.EqualFold(fields[0], "all") {
		return AllCells(rows, cols), nil
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("the list of devices %q names none; write them like r3c7, r0-4c2 or r5c*", text)
	}
	var cells []Cell
	seen := make(map[Cell]bool)
	for _, field := range fields {
		row, col, ok := splitCell(field)
		if !ok {
			return nil, fmt.Errorf("device %q is not written like r3c7, r0-4c2 or r5c* (rows and columns count from 0)", field)
		}
		rowList, err := parseRange(row, rows, "row")
		if err != nil {
			return nil, fmt.Errorf("device %q: %w", field, err)
		}
		colList, err := parseRange(col, cols, "column")
		if err != nil {
			return nil, fmt.Errorf("device %q: %w", field, err)
		}
		for _, r := range rowList {
			for _, c := range colList {
				if cell := (Cell{r, c}); !seen[cell] {
					seen[cell] = true
					cells = append(cells, cell)
				}
			}
		}
	}
	return cells, nil
}

func splitCell(field string) (row, col string, ok bool) {
	if row, col, ok = strings.Cut(field, "."); ok {
		return row, col, true
	}
	lower := strings.ToLower(field)
	if !strings.HasPrefix(lower, "r") {
		return "", "", false
	}
	return strings.Cut(lower[1:], "c")
}

// parseRange reads "3", "0-4" or "*" as line numbers below n.
func parseRange(text string, n int, what string) ([]int, error) {
	if text == "*" {
		text = "0-" + strconv.Itoa(n-1)
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	// Unsigned, so that "+3" is not a line; what is too large for it is no line
	// of any array either.
	first, err1 := strconv.ParseUint(low, 10, 31)
	last, err2 := strconv.ParseUint(high, 10, 31)
	switch {
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("%s %q is not a number, a range like 0-4, or *", what, text)
	case first > last:
		return nil, fmt.Errorf("%s range %s runs backwards; write the lower end first", what, text)
	case last >= uint64(n):
		return nil, fmt.Errorf("%s %s is outside 0-%d", what, text, n-1)
	}
	list := make([]int, 0, last-first+1)
	for i := first; i <= last; i++ {
		list = append(list, int(i))
	}
	return list, nil
}

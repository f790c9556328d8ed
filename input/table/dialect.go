package table

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"xlab/input"
)

// separators in the order in which they are believed: cells often hold commas
// and blanks, seldom semicolons, never tabs.
var separators = []rune{'\t', ';', ',', ' '}

var (
	pointNumber = regexp.MustCompile(`^[-+]?[0-9]*\.[0-9]`)
	commaNumber = regexp.MustCompile(`^[-+]?[0-9]*,[0-9]`)
	thousands   = regexp.MustCompile(`^[-+]?[1-9][0-9]{0,2},[0-9]{3}$`)
	both        = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]{3})+,[0-9]|^[-+]?[0-9]+(,[0-9]{3})+\.[0-9]`)
)

// findDialect looks at the first lines.
func (t *Reader) findDialect(text string) error {
	lines, err := t.split(text)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return fmt.Errorf("%s: the file is empty: a table has at least one line of values", t.o.Name)
	}
	if err := t.findComma(lines); err != nil {
		return err
	}
	if err := t.findHeader(lines); err != nil {
		return err
	}
	if t.Sample = lines; t.Header {
		t.Sample = lines[1:]
	}
	return nil
}

// split finds the separator and takes the text apart with it.
func (t *Reader) split(text string) ([][]string, error) {
	candidates := separators
	if t.o.Separator != 0 {
		candidates = []rune{t.o.Separator}
	}
	var best, blanks parted
	var failed error
	often := -1 // how often the separator of that failure is there
	for _, separator := range candidates {
		lines, err := t.lines(text, separator)
		if err != nil {
			if n := strings.Count(text, string(separator)); n > often {
				failed, often = err, n
			}
			continue
		}
		p := parted{separator: separator, width: commonWidth(lines, t.o.Ragged && separator != ' '), lines: lines}
		for i := range lines {
			if lines[i] = fit(lines[i], p.width); len(lines[i]) == p.width && p.width > 1 {
				p.fitting++
			}
		}
		if best.lines == nil || p.fitting > best.fitting {
			best = p
		}
		if separator == ' ' {
			blanks = p
		}
	}
	separates := func(cell string) bool { return strings.Contains(cell, ",") && !commaNumber.MatchString(cell) }
	if best.separator == ',' && blanks.fitting == len(best.lines) &&
		!slices.ContainsFunc(blanks.lines, func(cells []string) bool { return slices.ContainsFunc(cells, separates) }) {
		best = blanks // every comma is inside of a number
	}
	t.Separator, t.Width = best.separator, best.width
	if best.lines == nil {
		return nil, failed
	}
	return best.lines, nil
}

// parted is a text taken apart with one separator.
type parted struct {
	separator rune
	lines     [][]string
	width     int
	fitting   int // lines with as many cells, if they are more than one
}

// lines takes a text apart.
func (t *Reader) lines(text string, separator rune) ([][]string, error) {
	r := &Reader{o: t.o, csv: newCSV(strings.NewReader(text), separator)}
	var lines [][]string
	for {
		cells, err := read(r.csv)
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, r.failed(err)
		}
		if t.o.Ragged || slices.ContainsFunc(cells, func(c string) bool { return c != "" }) {
			lines = append(lines, slices.Clone(cells))
		}
	}
}

// commonWidth is the number of cells that most lines have. Unless the table may
// be ragged, an empty cell at the end of a line counts only where others have
// something in its place.
func commonWidth(lines [][]string, ragged bool) int {
	count := make(map[int]int)
	widest := 0
	for _, cells := range lines {
		n := len(cells)
		count[n]++
		if cells[n-1] == "" {
			n--
			count[n]++
		}
		widest = max(widest, n)
	}
	if ragged {
		clear(count)
		for _, cells := range lines {
			count[len(cells)]++
		}
	}
	if count[widest] == len(lines) {
		return widest
	}
	best := 0
	for n := range count {
		if count[n] > count[best] || count[n] == count[best] && n > best {
			best = n
		}
	}
	return best
}

// findComma finds out whether numbers have a decimal comma.
func (t *Reader) findComma(lines [][]string) error {
	if t.o.Comma != Unknown {
		t.Comma = t.o.Comma == Yes
		return nil
	}
	var point, comma, grouped string
	certain := false
	for _, cells := range lines {
		for _, cell := range cells {
			switch {
			case both.MatchString(cell):
				grouped = cell
			case pointNumber.MatchString(cell):
				point = cell
			case commaNumber.MatchString(cell):
				comma = cell
				certain = certain || !thousands.MatchString(cell)
			}
		}
	}
	switch {
	case grouped != "":
		return fmt.Errorf("%s: the number %q has separators between its thousands: write it without them", t.o.Name, grouped)
	case comma == "":
		return nil
	case point != "":
		return fmt.Errorf("%s: there are numbers like %q and like %q: "+
			"say --decimal comma or --decimal point, or write them in one way", t.o.Name, comma, point)
	case !certain:
		return fmt.Errorf("%s: the comma of %q may be a decimal comma or stand between thousands: "+
			"say --decimal comma, or write numbers without it", t.o.Name, comma)
	}
	t.Comma = true
	return nil
}

// findHeader finds out whether the first line names the columns.
func (t *Reader) findHeader(lines [][]string) error {
	if t.o.Header != Unknown {
		t.Header = t.o.Header == Yes
		return nil
	}
	first, rest := lines[0], lines[1:]
	var words, values, numbers []string // of the first line: what stands above values and is none; what is a value
	for i, cell := range first {
		is := t.value(cell)
		if is {
			numbers = append(numbers, cell)
		}
		above, others := t.column(rest, i)
		switch {
		case nothing(cell):
		case len(rest) > 0 && (above == 0 || others > above): // above words, anything may stand
		case is:
			values = append(values, cell)
		default:
			words = append(words, cell)
		}
	}
	columnNumbers := running(numbers)
	switch {
	case first[0] == "" && columnNumbers: // what pandas writes of a matrix
		t.Header = true
		return nil
	case len(words) == 0 && (len(rest) == 0 || !columnNumbers || len(numbers) < 3):
		return nil
	case len(words) == 0 || len(rest) == 0 && len(numbers) > 0 && len(words) > 1:
	case len(values) == 0 || columnNumbers:
		t.Header = true
		return nil
	case len(rest) == 0:
		return nil // a single sample with its class
	}
	return fmt.Errorf("%s: the first line (%s) may be a heading or values: say --header yes or --header no",
		t.o.Name, shorten(first))
}

// column counts the values of a column and the words in it.
func (t *Reader) column(lines [][]string, i int) (values, words int) {
	for _, cells := range lines {
		switch {
		case i >= len(cells) || nothing(cells[i]):
		case t.value(cells[i]):
			values++
		default:
			words++
		}
	}
	return values, words
}

// Words tells whether a column of the sample holds words. Gaps and slips of the
// pen do not matter to that.
func (t *Reader) Words(column int) bool {
	values, words := t.column(t.Sample, column)
	return words > values
}

// nothing tells whether a cell stands for a value that is not there.
func nothing(cell string) bool {
	return slices.Contains([]string{"", "-", "?", "na", "n/a", "nan", "null", "none"}, strings.ToLower(cell))
}

func (t *Reader) value(cell string) bool { return t.o.Number(t.Plain(cell)) }

// running tells whether cells count up by one, as the numbers of columns do.
func running(cells []string) bool {
	for i, cell := range cells {
		n, err := strconv.Atoi(cell)
		if first, firstErr := strconv.Atoi(cells[0]); err != nil || firstErr != nil || n != first+i ||
			first != 0 && first != 1 {
			return false
		}
	}
	return len(cells) > 0
}

func shorten(cells []string) string {
	const most = 5
	if len(cells) > most {
		return strings.Join(cells[:most], ", ") + ", ..."
	}
	return strings.Join(cells, ", ")
}

// Plain writes a cell's decimal comma as a point.
func (d Dialect) Plain(cell string) string {
	if d.Comma && commaNumber.MatchString(cell) {
		return strings.Replace(cell, ",", ".", 1)
	}
	return cell
}

// Number reads a cell as a finite number.
func (d Dialect) Number(cell string) (float64, error) {
	if d.Comma && pointNumber.MatchString(cell) {
		return 0, fmt.Errorf("%q has a decimal point, and the numbers above have a comma: "+
			"say --decimal point if the commas above are not decimal commas", cell)
	}
	x, err := input.Float(d.Plain(cell))
	if err != nil {
		err = fmt.Errorf("%q is not a finite number", cell)
		if commaNumber.MatchString(cell) {
			err = fmt.Errorf("%q has a decimal comma, and no number above has one: "+
				"say --decimal comma if all are written so", cell)
		}
	}
	return x, err
}

func isNumber(cell string) bool {
	_, err := input.Float(cell)
	return err == nil
}

package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"xlab/input"
	"xlab/input/table"
)

// TableOptions say how a table is to be understood, as far as it does not say so
// itself.
type TableOptions struct {
	table.Options
	// Label is the column that holds the class: its name in the heading, or its
	// index from 0. Empty has it found out: the only column of words, one that is
	// called label or class, else the last if it can be one and the first cannot.
	Label string
	// Classes are the classes in the order of the labels; another one in the
	// file is an error. nil = all that occur, sorted.
	Classes []string
	// Ignore are columns, by name or index, that are no features. nil leaves out
	// what plainly numbers the samples.
	Ignore []string

	most int // values; 0 = MaxTable
}

// Reading is how a table was understood.
type Reading struct {
	table.Dialect
	Between string   `json:"separator"` // of cells
	Lines   int      `json:"samples"`
	Label   string   `json:"label"`              // column of the class
	Column  string   `json:"-"`                  // the same as TableOptions.Label takes it
	LeftOut []string `json:"left_out,omitempty"` // columns that are no features, with the reason
	Notable string   `json:"notable,omitempty"`  // what should be said even to those who did not ask; "" = nothing
}

// String describes it in words.
func (r *Reading) String() string {
	text := fmt.Sprintf("%d rows, %s; class in %s", r.Lines, r.Dialect, r.Label)
	for _, column := range r.LeftOut {
		text += "; left out: " + column
	}
	return text
}

// OpenTable reads the file at path.
func OpenTable(path string, o TableOptions) (*Set, error) {
	f, err := input.Open(path, input.Data)
	if err != nil {
		return nil, err
	}
	o.Name = cmp.Or(o.Name, filepath.Base(path))
	s, err := ReadTable(f, o)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return s, nil
}

// Bounds of the features of all samples of a set together. No table of words
// and numbers with as many columns as a crossbar has lines comes near the first;
// the images of the MNIST training set, which are made smaller before they are
// used, have 47 million pixels.
const (
	MaxTable  = 1 << 24
	MaxPixels = 1 << 26
)

// ReadTable reads a table: one sample per line, one column with its class, all
// others numbers. Everything that is not as expected is an error with name, line
// and column (counted from 1, the column in bytes).
func ReadTable(r io.Reader, o TableOptions) (*Set, error) {
	o.Name = cmp.Or(o.Name, "table")
	in, err := table.NewReader(r, o.Options)
	if err != nil {
		return nil, err
	}
	t := &samples{o: o, Reader: in, label: -1}
	if err := t.columns(); err != nil {
		return nil, err
	}
	for {
		cells, err := t.Next()
		if errors.Is(err, io.EOF) {
			return t.set()
		}
		if err != nil {
			return nil, err
		}
		if err := t.sample(cells); err != nil {
			return nil, err
		}
	}
}

// samples is a data set being read.
type samples struct {
	*table.Reader
	o       TableOptions
	label   int
	notable string
	leftOut []string
	feature []int // columns that are features
	values  []float64
	classes []string // of every sample
}

// name is what a column is called in messages.
func (t *samples) name(column int) string {
	if t.Names == nil || t.Names[column] == "" {
		return fmt.Sprintf("column %d", column)
	}
	return fmt.Sprintf("column %d (%s)", column, t.Names[column])
}

// column names a column as find takes it.
func (t *samples) column(i int) string {
	if t.Names == nil || t.Names[i] == "" {
		return strconv.Itoa(i)
	}
	return t.Names[i]
}

// at is an error at a cell of the line read last.
func (t *samples) at(column int, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", t.o.Name, t.Line, t.Column(column), fmt.Errorf(format, args...))
}

// columns finds out what each column is.
func (t *samples) columns() (err error) {
	for i, name := range t.Names {
		if name != "" && slices.Contains(t.Names[:i], name) {
			return t.at(i, "column name %q is there twice", name)
		}
	}
	if t.Width < 2 {
		return fmt.Errorf("%s: there is a single column: a sample has a class and at least one feature "+
			"(--separator says what stands between cells)", t.o.Name)
	}
	if len(t.Sample) == 0 {
		return fmt.Errorf("%s: there is no sample below the heading", t.o.Name)
	}
	ignored := make(map[int]bool)
	for _, name := range t.o.Ignore {
		i, err := t.find(name)
		if err != nil {
			return fmt.Errorf("%s: to ignore: %w", t.o.Name, err)
		}
		ignored[i] = true
		t.leftOut = append(t.leftOut, t.name(i)+", as told")
	}
	if t.o.Label != "" {
		if t.label, err = t.find(t.o.Label); err != nil {
			return fmt.Errorf("%s: the class: %w", t.o.Name, err)
		}
	}
	for i := range t.Width {
		if t.o.Ignore == nil && i != t.label && t.numbersSamples(i) {
			ignored[i] = true
			t.leftOut = append(t.leftOut, t.name(i)+", which numbers the samples (--ignore none keeps it)")
		}
		if i == 0 && t.o.Ignore == nil && i != t.label && !ignored[i] && t.identifies(i) {
			return fmt.Errorf("%s: %s holds a different whole number in every line, as identifiers do: "+
				"say --ignore %d, or --ignore none if it is a feature", t.o.Name, t.name(i), i)
		}
	}
	if t.label < 0 {
		if t.label, err = t.class(ignored); err != nil {
			return fmt.Errorf("%s: %w", t.o.Name, err)
		}
	}
	for i := range t.Width {
		if i != t.label && !ignored[i] {
			if t.Names != nil && t.Names[i] == "" {
				return t.at(i, "column %d has no name in the heading: name it, or leave it out with --ignore %d", i, i)
			}
			t.feature = append(t.feature, i)
		}
	}
	if len(t.feature) == 0 {
		return fmt.Errorf("%s: no column is left for features beside the class in %s (%s)",
			t.o.Name, t.name(t.label), t.Dialect)
	}
	return nil
}

// find finds a column by its name or index. A name that looks like a number is
// still a name.
func (t *samples) find(column string) (int, error) {
	if i := slices.Index(t.Names, column); i >= 0 {
		return i, nil
	}
	i, err := strconv.Atoi(column)
	switch {
	case err == nil && i >= 0 && i < t.Width:
		return i, nil
	case err == nil:
		return 0, fmt.Errorf("there is no column %d: there are %d, counted from 0", i, t.Width)
	case t.Names == nil:
		return 0, fmt.Errorf("there is no column %q: the table has no heading, so name an index from 0 to %d "+
			"(or say --header yes)", column, t.Width-1)
	}
	return 0, fmt.Errorf("there is no column %q: the heading has %q", column, t.Names)
}

// Names, in small letters, of columns that say which sample it is, and of those
// that do where no two samples have the same there.
var (
	identifiers = []string{"", "id", "index", "unnamed: 0"}
	numbers     = []string{"no", "no.", "nr", "nr.", "#", "row"}
)

// numbersSamples tells whether a column identifies samples by its name, and so is
// no feature.
func (t *samples) numbersSamples(i int) bool {
	if t.Names == nil || t.Names[i] == "" && i > 0 {
		return false
	}
	name := strings.ToLower(t.Names[i])
	identifier := slices.Contains(identifiers, name)
	if !identifier && !slices.Contains(numbers, name) {
		return false
	}
	seen := make(map[string]bool)
	for _, cells := range t.Sample {
		if len(cells) <= i || !identifier && seen[cells[i]] {
			return false
		}
		if x, err := t.Number(cells[i]); err == nil && x != math.Trunc(x) {
			return false
		}
		seen[cells[i]] = true
	}
	return true
}

// identifies tells whether a column of the sample holds whole numbers of which
// none comes again. Of many samples no feature has that, and numbers of patients
// and lots do.
func (t *samples) identifies(i int) bool {
	const many = 30
	different, whole := t.wholes(i)
	return whole && different == len(t.Sample) && different >= many
}

// wholes counts the different values of a column that holds whole numbers alone.
func (t *samples) wholes(i int) (different int, whole bool) {
	seen := make(map[string]bool)
	for _, cells := range t.Sample {
		if len(cells) <= i {
			return 0, false
		}
		if x, err := t.Number(cells[i]); err != nil || x != math.Trunc(x) {
			return 0, false
		}
		seen[cells[i]] = true
	}
	return len(seen), true
}

// classNames are the names, in small letters, of columns that hold the class.
var classNames = []string{"label", "labels", "class", "classes", "target", "species"}

// class finds the column of the class.
func (t *samples) class(ignored map[int]bool) (int, error) {
	var words, named, choices []int
	for i := range t.Width {
		if ignored[i] {
			continue
		}
		if t.Words(i) {
			words = append(words, i)
		}
		if t.Names != nil && slices.Contains(classNames, strings.ToLower(t.Names[i])) {
			named = append(named, i)
		}
	}
	last := t.Width - 1
	for i := range t.Width {
		if !ignored[i] && (i == 0 || i == last) && t.few(i) {
			choices = append(choices, i)
		}
	}
	found := -1
	switch {
	case len(words) == 1:
		found = words[0]
	case len(words) == 0 && len(named) == 1:
		found = named[0]
	case len(words) == 0 && len(named) == 0 && len(choices) == 1 && choices[0] == last:
		found = last
	}
	switch {
	case found < 0 && len(words) > 1:
		return 0, fmt.Errorf("%s and %s hold words: say with --label which one is the class, "+
			"and with --ignore which to leave out", t.name(words[0]), t.name(words[1]))
	case found < 0:
		return 0, fmt.Errorf("any column may be the class, all are numbers: "+
			"say --label %d if it is the first one, %s, or --label %d for the last, %s",
			0, t.looks(0), last, t.looks(last))
	case len(named) == 1 && named[0] != found:
		return 0, fmt.Errorf("%s holds words and %s is called so: say with --label which one is the class",
			t.name(found), t.name(named[0]))
	}
	if found != last {
		t.notable = fmt.Sprintf("the class was taken from %s; --label names another one", t.name(found))
	}
	return found, nil
}

// few tells whether a column of the sample holds few different whole numbers, as
// classes are.
func (t *samples) few(i int) bool {
	different, whole := t.wholes(i)
	return whole && different <= max(2, len(t.Sample)/2) && different <= 256
}

// looks describes the values of a column.
func (t *samples) looks(i int) string {
	var values []string
	for _, cells := range t.Sample {
		if len(cells) > i && !slices.Contains(values, cells[i]) {
			values = append(values, cells[i])
		}
		if len(values) > 3 {
			break
		}
	}
	text := strings.Join(values[:min(len(values), 3)], ", ")
	if len(values) > 3 {
		text += ", ..."
	}
	if t.Names != nil && t.Names[i] != "" {
		return fmt.Sprintf("called %s (%s)", t.Names[i], text)
	}
	return "(" + text + ")"
}

func (t *samples) sample(cells []string) error {
	class := cells[t.label]
	switch {
	case class == "":
		return t.at(t.label, "the class in %s is missing", t.name(t.label))
	case t.o.Classes != nil && !slices.Contains(t.o.Classes, class):
		return t.at(t.label, "class %q in %s is not one of %q", class, t.name(t.label), t.o.Classes)
	}
	t.classes = append(t.classes, class)
	if most := cmp.Or(t.o.most, MaxTable); len(t.values)+len(t.feature) > most {
		return t.at(0, "the table has more than %d values, which is the most that is read: leave lines or columns out", most)
	}
	for _, f := range t.feature {
		text := cells[f]
		if text == "" {
			return t.at(f, "the value in %s is missing", t.name(f))
		}
		x, err := t.Number(text)
		if err != nil {
			return t.at(f, "%s: %w (the class is taken from %s; --label names another column, --ignore leaves one out)",
				t.name(f), err, t.name(t.label))
		}
		t.values = append(t.values, x)
	}
	return nil
}

// counting gives a feature that counts the samples: it knows their order, which
// is often that of the classes, and nothing else.
func (t *samples) counting() (column int, found bool) {
	const enough = 10 // fewer may count by chance
	width := len(t.feature)
	if len(t.classes) < enough {
		return 0, false
	}
	for k, column := range t.feature {
		counts := true
		for i := width + k; i < len(t.values) && counts; i += width {
			counts = t.values[i] == t.values[i-width]+1
		}
		if counts {
			return column, true
		}
	}
	return 0, false
}

func (t *samples) set() (*Set, error) {
	if column, found := t.counting(); found && t.o.Ignore == nil {
		return nil, fmt.Errorf("%s: %s counts the samples, which is no feature: say --ignore %d, or --ignore none to keep it",
			t.o.Name, t.name(column), column)
	}
	s := &Set{Name: t.o.Name, Classes: t.o.Classes}
	if s.Classes == nil {
		s.Classes = slices.Compact(slices.Sorted(slices.Values(t.classes)))
	}
	if t.Names != nil {
		for _, f := range t.feature {
			s.Features = append(s.Features, t.Names[f])
		}
	}
	for _, c := range t.classes {
		s.Labels = append(s.Labels, slices.Index(s.Classes, c))
	}
	s.X = mat.NewDense(len(t.classes), len(t.feature), t.values)
	s.Reading = &Reading{Dialect: t.Dialect, Between: string(t.Separator), Lines: len(t.classes), Label: t.name(t.label),
		Column: t.column(t.label), LeftOut: t.leftOut, Notable: t.notable}
	return s, s.Validate()
}

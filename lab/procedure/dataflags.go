package procedure

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/run"
)

// DataFlags say which data set is used.
type DataFlags struct {
	file, labels, label, testFile, testLabels, pool string
	share                                           float64
	seed                                            uint64
	first                                           int
	ternary                                         bool
	classes                                         []string // only these, in this order; empty = all
	ignore                                          []string // columns that are no features; nil = found out
	table                                           TableFlags
}

// Register adds the flags.
func (d *DataFlags) Register(f *pflag.FlagSet) {
	f.StringVar(&d.file, "file", "", "data set instead of the letters: a table (CSV in any dialect), "+
		"or an IDX file of images")
	f.StringVar(&d.labels, "labels", "", "IDX file of the labels that go with --file")
	f.StringVar(&d.label, "label", "", "column of a table that holds the class: its name, "+
		"or its index from 0 (default: found out)")
	f.StringSliceVar(&d.ignore, "ignore", nil, "columns of a table that are no features: names or indices, "+
		"or none (default: those that number the samples)")
	d.table.Register(f)
	f.StringVar(&d.testFile, "test-file", "", "test set of the same kind (default: a part of --file)")
	f.StringVar(&d.testLabels, "test-labels", "", "labels that go with --test-file")
	f.Float64Var(&d.share, "test-share", 0.3, "part of --file that is kept for testing, drawn by class")
	f.Uint64Var(&d.seed, "split-seed", 1, "of that draw")
	f.StringVar(&d.pool, "pool", "", "shrink images to so many rows and columns, such as 4x4")
	f.IntVar(&d.first, "images", 0, "use only the first so many images of an IDX file; 0 = all")
	f.StringSliceVar(&d.classes, "only", nil, "only these classes, in this order, such as A,T,X (default: those that "+
		"the network knows)")
	f.BoolVar(&d.ternary, "ternary", false, "round features to -1, 0 and 1, which is what the switch boards can apply")
}

// loadFor reads the data sets for a network: scaled as its own were and, of the
// letters, those that it tells apart.
func (d *DataFlags) loadFor(f *mlp.File) (*NetworkData, error) {
	known := f.Provenance.Data.Classes
	letters := dataset.Letters().Classes
	isLetter := func(class string) bool { return slices.Contains(letters, class) }
	if d.file == "" && len(d.classes) == 0 && !slices.Equal(known, letters) &&
		!slices.ContainsFunc(known, func(class string) bool { return !isLetter(class) }) {
		d.classes = known
	}
	return d.Load(scalingOf(f))
}

// Load reads the data sets. known is the scaling that a network was trained
// with; nil fits one to the training set where features need it.
func (d *DataFlags) Load(known *dataset.Scaling) (*NetworkData, error) {
	data, err := d.read(known)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("data set: %w", err))
	}
	for _, s := range []*dataset.Set{data.Train, data.Test} {
		if s == nil {
			continue
		}
		if d.ternary {
			s.X.Apply(func(_, _ int, x float64) float64 { return math.Round(min(max(x, -1), 1)) }, s.X)
		}
		if err := s.Validate(); err != nil {
			return nil, run.Usage(fmt.Errorf("data set: %w", err))
		}
		// The flipped letters are known to meet letters of another class.
		if s == data.Train || d.file != "" {
			data.Warnings = append(data.Warnings, s.Warnings()...)
		}
	}
	return data, nil
}

func (d *DataFlags) read(known *dataset.Scaling) (*NetworkData, error) {
	if d.file == "" {
		if d.labels != "" || d.testFile != "" || d.label != "" {
			return nil, errors.New("--labels, --label and --test-file go with --file")
		}
		letters, err := d.only(dataset.Letters())
		if err != nil {
			return nil, err
		}
		test, err := dataset.Flip(letters)
		return &NetworkData{Train: letters, Test: test}, err
	}
	whole, err := d.open(d.file, d.labels, nil)
	if err != nil {
		return nil, err
	}
	all, err := d.only(whole)
	if err != nil {
		return nil, err
	}
	data := &NetworkData{Train: all}
	if whole.Reading != nil {
		data.Reading = whole.Reading
		if whole.Reading.Notable != "" {
			data.Warnings = append(data.Warnings, whole.Name+": "+whole.Reading.Notable)
		}
		for _, column := range whole.Reading.LeftOut {
			data.Warnings = append(data.Warnings, fmt.Sprintf("%s: left out: %s", whole.Name, column))
		}
	}
	if d.testFile != "" {
		data.Test, err = d.openTest(whole)
	} else if d.share > 0 {
		if data.Test, data.Train, err = all.Split(d.share, d.seed); err != nil {
			return nil, fmt.Errorf("%w; --test-share 0 keeps none for testing", err)
		}
		data.Test.Name += " (kept for testing)"
	}
	if err != nil {
		return nil, err
	}
	return data, data.scale(known, d.labels != "")
}

// openTest reads the test set that goes with a training set, in the same way.
func (d *DataFlags) openTest(whole *dataset.Set) (*dataset.Set, error) {
	same := *d
	if whole.Reading != nil {
		same.label = whole.Reading.Column
	}
	test, err := same.open(d.testFile, d.testLabels, whole.Classes)
	if err != nil {
		return nil, err
	}
	if test.Features != nil && whole.Features != nil && !slices.Equal(test.Features, whole.Features) {
		return nil, fmt.Errorf("the columns of %s are %q, those of %s are %q", test.Name, test.Features, whole.Name,
			whole.Features)
	}
	return d.only(test)
}

// only is the part of a set with the classes asked for.
func (d *DataFlags) only(s *dataset.Set) (*dataset.Set, error) {
	if len(d.classes) == 0 {
		return s, nil
	}
	part, err := s.Only(d.classes...)
	if err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	return part, nil
}

// open reads one set. classes are those of the training set, for a test set.
func (d *DataFlags) open(file, labels string, classes []string) (*dataset.Set, error) {
	if labels == "" {
		o := dataset.TableOptions{Label: d.label, Classes: classes, Ignore: d.ignore}
		if slices.Equal(o.Ignore, []string{"none"}) {
			o.Ignore = []string{}
		}
		var err error
		if o.Options, err = d.table.Options(filepath.Base(file)); err != nil {
			return nil, err
		}
		s, err := dataset.OpenTable(file, o)
		if name := strings.ToLower(filepath.Base(file)); err != nil &&
			(strings.Contains(name, "idx") || strings.HasSuffix(name, "ubyte") || strings.HasSuffix(name, ".gz")) {
			err = fmt.Errorf("%w; an IDX file of images needs --labels with the file of its labels", err)
		}
		return s, err
	}
	s, err := dataset.OpenIDX(file, labels, dataset.IDXOptions{Classes: len(classes), First: d.first})
	if err != nil || d.pool == "" {
		return s, err
	}
	var rows, columns int
	if n, err := fmt.Sscanf(d.pool, "%dx%d", &rows, &columns); n != 2 || err != nil {
		return nil, fmt.Errorf("--pool %q is not written like 4x4", d.pool)
	}
	return dataset.Pool(s, rows, columns)
}

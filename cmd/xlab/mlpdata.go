package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/draw"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/screen"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gonum.org/v1/gonum/mat"
)

// keptSet is a data set inside of a run's specification.
type keptSet struct {
	Name    string        `json:"name"`
	Classes []string      `json:"classes"`
	X       [][]float64   `json:"features"`
	Labels  []int         `json:"labels"`
	Image   dataset.Image `json:"image"`
}

func keepSet(s *dataset.Set) *keptSet {
	if s == nil {
		return nil
	}
	k := &keptSet{Name: s.Name, Classes: s.Classes, Labels: s.Labels, Image: s.Image}
	for i := range s.Len() {
		k.X = append(k.X, s.X.RawRowView(i))
	}
	return k
}

// set is the data set again; nil for none.
func (k *keptSet) set() (*dataset.Set, error) {
	if k == nil {
		return nil, nil
	}
	if len(k.X) == 0 {
		return nil, run.Usage(fmt.Errorf("data set %s has no samples", k.Name))
	}
	s := &dataset.Set{Name: k.Name, Classes: k.Classes, Labels: k.Labels, Image: k.Image,
		X: mat.NewDense(len(k.X), len(k.X[0]), nil)}
	for i, row := range k.X {
		if len(row) != len(k.X[0]) {
			return nil, run.Usage(fmt.Errorf("data set %s: sample %d has %d features, the first has %d", k.Name, i, len(row),
				len(k.X[0])))
		}
		s.X.SetRow(i, row)
	}
	return s, s.Validate()
}

// mlpData is what a network learns and is tested with.
type mlpData struct {
	train, test *dataset.Set     // test may be nil
	scaling     *dataset.Scaling // nil = features are as they were
	warnings    []string
	reading     *dataset.Reading // how the table of --file was understood; nil = it is none
}

// dataFlags say which data set is used.
type dataFlags struct {
	file, labels, label, testFile, testLabels, pool string
	share                                           float64
	seed                                            uint64
	first                                           int
	ternary                                         bool
	classes                                         []string // only these, in this order; empty = all
	ignore                                          []string // columns that are no features; nil = found out
	table                                           procedure.TableFlags
}

func (d *dataFlags) register(f *pflag.FlagSet) {
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
func (d *dataFlags) loadFor(f *mlp.File) (*mlpData, error) {
	known := f.Provenance.Data.Classes
	letters := dataset.Letters().Classes
	isLetter := func(class string) bool { return slices.Contains(letters, class) }
	if d.file == "" && len(d.classes) == 0 && !slices.Equal(known, letters) &&
		!slices.ContainsFunc(known, func(class string) bool { return !isLetter(class) }) {
		d.classes = known
	}
	return d.load(scalingOf(f))
}

// load reads the data sets. known is the scaling that a network was trained
// with; nil fits one to the training set where features need it.
func (d *dataFlags) load(known *dataset.Scaling) (*mlpData, error) {
	data, err := d.read(known)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("data set: %w", err))
	}
	for _, s := range []*dataset.Set{data.train, data.test} {
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
		if s == data.train || d.file != "" {
			data.warnings = append(data.warnings, s.Warnings()...)
		}
	}
	return data, nil
}

func (d *dataFlags) read(known *dataset.Scaling) (*mlpData, error) {
	if d.file == "" {
		if d.labels != "" || d.testFile != "" || d.label != "" {
			return nil, errors.New("--labels, --label and --test-file go with --file")
		}
		letters, err := d.only(dataset.Letters())
		if err != nil {
			return nil, err
		}
		test, err := dataset.Flip(letters)
		return &mlpData{train: letters, test: test}, err
	}
	whole, err := d.open(d.file, d.labels, nil)
	if err != nil {
		return nil, err
	}
	all, err := d.only(whole)
	if err != nil {
		return nil, err
	}
	data := &mlpData{train: all}
	if whole.Reading != nil {
		data.reading = whole.Reading
		if whole.Reading.Notable != "" {
			data.warnings = append(data.warnings, whole.Name+": "+whole.Reading.Notable)
		}
		for _, column := range whole.Reading.LeftOut {
			data.warnings = append(data.warnings, fmt.Sprintf("%s: left out: %s", whole.Name, column))
		}
	}
	if d.testFile != "" {
		data.test, err = d.openTest(whole)
	} else if d.share > 0 {
		if data.test, data.train, err = all.Split(d.share, d.seed); err != nil {
			return nil, fmt.Errorf("%w; --test-share 0 keeps none for testing", err)
		}
		data.test.Name += " (kept for testing)"
	}
	if err != nil {
		return nil, err
	}
	return data, data.scale(known, d.labels != "")
}

// openTest reads the test set that goes with a training set, in the same way.
func (d *dataFlags) openTest(whole *dataset.Set) (*dataset.Set, error) {
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
func (d *dataFlags) only(s *dataset.Set) (*dataset.Set, error) {
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
func (d *dataFlags) open(file, labels string, classes []string) (*dataset.Set, error) {
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

// scale brings features to -1 to 1: grey images by their 0 to 255, others by
// what occurs in the training set.
func (d *mlpData) scale(known *dataset.Scaling, grey bool) (err error) {
	s := dataset.FitRange(d.train)
	switch {
	case known != nil:
		s = *known
	case grey:
		s = dataset.GreyScaling(d.train.Width())
	}
	d.scaling = &s
	for _, set := range []**dataset.Set{&d.train, &d.test} {
		if *set == nil {
			continue
		}
		name := (*set).Name
		var limited int
		if *set, limited, err = s.Apply(*set); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if limited > 0 {
			d.warnings = append(d.warnings, fmt.Sprintf("%s: %d values lie beyond what the scaling was fitted to and were "+
				"set to its bounds", name, limited))
		}
	}
	return nil
}

// scalingOf is the scaling that a network was trained with.
func scalingOf(f *mlp.File) *dataset.Scaling {
	if len(f.Provenance.Data.Offset) == 0 {
		return nil
	}
	return &dataset.Scaling{Offset: f.Provenance.Data.Offset, Scale: f.Provenance.Data.Scale}
}

// fits tells whether a network can classify the data.
func (d *mlpData) fits(f *mlp.File) error {
	design := f.Network.Design
	for _, s := range []*dataset.Set{d.train, d.test} {
		switch {
		case s == nil:
		case s.Width() != design.Sizes[0]:
			return run.Usage(fmt.Errorf("data set %s has %d features, the network %s has %d inputs; %s", s.Name, s.Width(),
				procedure.SizesText(design), design.Sizes[0], otherData(f)))
		case len(s.Classes) != design.Sizes[design.Layers()]:
			return run.Usage(fmt.Errorf("data set %s has %d classes, the network %s has %d outputs; %s", s.Name, len(s.Classes),
				procedure.SizesText(design), design.Sizes[design.Layers()], otherData(f)))
		}
	}
	if f.Provenance.Data.Digest != "" && f.Provenance.Data.Digest != d.train.Digest() {
		text := fmt.Sprintf("the network was trained on another data set (%s) than %s", f.Provenance.Data.Name, d.train.Name)
		if f.Provenance.Data.Name == d.train.Name {
			text = fmt.Sprintf("the network was trained on other values of %s: another part of it, or scaled or rounded in "+
				"another way", d.train.Name)
		}
		d.warnings = append(d.warnings, text)
	}
	return nil
}

// otherData says what to do about data that does not go with a network.
func otherData(f *mlp.File) string {
	name := f.Provenance.Data.Name
	if name == "" {
		name = "other data"
	}
	return fmt.Sprintf("it was trained on %s: name its data with --file, or another network with --network", name)
}

// setResult is what `xlab mlp data --json` prints of one set.
type setResult struct {
	Name    string   `json:"name"`
	Samples int      `json:"samples"`
	Width   int      `json:"features"`
	Classes []string `json:"classes"`
	Counts  []int    `json:"counts"` // samples of every class
	Digest  string   `json:"digest"`
}

func describeSet(s *dataset.Set) *setResult {
	if s == nil {
		return nil
	}
	return &setResult{Name: s.Name, Samples: s.Len(), Width: s.Width(), Classes: s.Classes, Counts: s.Counts(),
		Digest: s.Digest()}
}

func (a *app) mlpDataCommand() *cobra.Command {
	var d dataFlags
	var output string
	var test bool
	c := &cobra.Command{
		Use:   "data",
		Short: "Show the patterns that a network learns and is tested with",
		Long: `Shows the training patterns as text: # is black and . is white. --test shows
the test patterns, --output draws a figure. --file reads other data: a table with
one sample per line and one column with the class, or IDX images (with --labels).

Tables are read as spreadsheets and programs write them: commas, semicolons, tabs or
blanks, decimal comma, with or without a heading, UTF-8 or UTF-16. What was understood
is printed; where there is a doubt, a flag settles it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := d.load(nil)
			if err != nil {
				return err
			}
			shown := data.train
			if test {
				if shown = data.test; shown == nil {
					return run.Usage(errors.New("there is no test set: --test-share or --test-file makes one"))
				}
			}
			for _, w := range data.warnings {
				fmt.Fprintln(a.Messages, "warning: "+w)
			}
			if output != "" {
				if err := drawPatterns(shown, output); err != nil {
					return err
				}
			}
			if a.json {
				warnings := append([]string{}, data.warnings...)
				return a.writeJSON(map[string]any{"train": describeSet(data.train), "test": describeSet(data.test),
					"table": data.reading, "warnings": warnings})
			}
			return a.printData(data, shown)
		},
	}
	d.register(c.Flags())
	c.Flags().StringVarP(&output, "output", "o", "", "draw the patterns into this .svg or .png file")
	c.Flags().BoolVar(&test, "test", false, "show the test patterns")
	return c
}

func drawPatterns(s *dataset.Set, file string) error {
	if s.Image.Pixels() == 0 {
		return run.Usage(fmt.Errorf("--output: the samples of %s are no images", s.Name))
	}
	sheet, err := draw.Patterns(s)
	if err != nil {
		return err
	}
	return writeDrawing(sheet, file)
}

// writeDrawing writes a figure into the file that --output names.
func writeDrawing(d interface {
	WriteSVG(w io.Writer) error
	WritePNG(w io.Writer) error
}, file string) (err error) {
	var b bytes.Buffer
	switch strings.ToLower(filepath.Ext(file)) {
	case ".svg":
		err = d.WriteSVG(&b)
	case ".png":
		err = d.WritePNG(&b)
	case ".pdf":
		p, ok := d.(interface{ WritePDF(w io.Writer) error })
		if !ok {
			return run.Usage(fmt.Errorf("--output %s: this figure is written as .svg or .png", file))
		}
		err = p.WritePDF(&b)
	default:
		return run.Usage(fmt.Errorf("--output %s: figures are written as .svg, .png or .pdf", file))
	}
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(file, atomicfile.Shared, b.Bytes()); err != nil {
		return run.Usage(err)
	}
	return nil
}

func (a *app) printData(data *mlpData, shown *dataset.Set) error {
	if shown.Image.Pixels() > 0 {
		if err := shown.Sheet(a.out, 10); err != nil {
			return err
		}
		fmt.Fprintln(a.out)
	}
	if data.reading != nil {
		fmt.Fprintf(a.out, "read as %s\n", data.reading)
	}
	for _, s := range []*dataset.Set{data.train, data.test} {
		if s == nil {
			continue
		}
		var words []string
		for k, n := range s.Counts() {
			words = append(words, fmt.Sprintf("%s %d", s.Classes[k], n))
		}
		if _, err := fmt.Fprintf(a.out, "%s: %s of %s; %s\n", s.Name, screen.Count(s.Len(), "sample"), screen.Count(s.Width(), "feature"),
			strings.Join(words, ", ")); err != nil {
			return err
		}
	}
	return nil
}

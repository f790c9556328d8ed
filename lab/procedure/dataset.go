package procedure

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/run"
)

// KeptSet is a data set inside of a run's specification.
type KeptSet struct {
	Name    string        `json:"name"`
	Classes []string      `json:"classes"`
	X       [][]float64   `json:"features"`
	Labels  []int         `json:"labels"`
	Image   dataset.Image `json:"image"`
}

// KeepSet is the set as a specification holds it; nil for none.
func KeepSet(s *dataset.Set) *KeptSet {
	if s == nil {
		return nil
	}
	k := &KeptSet{Name: s.Name, Classes: s.Classes, Labels: s.Labels, Image: s.Image}
	for i := range s.Len() {
		k.X = append(k.X, s.X.RawRowView(i))
	}
	return k
}

// Set is the data set again; nil for none.
func (k *KeptSet) Set() (*dataset.Set, error) {
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

// NetworkData is what a network learns and is tested with.
type NetworkData struct {
	Train    *dataset.Set
	Test     *dataset.Set     // nil = none
	Scaling  *dataset.Scaling // nil = features are as they were
	Warnings []string
	Reading  *dataset.Reading // how the table of --file was understood; nil = it is none
}

// scale brings features to -1 to 1: grey images by their 0 to 255, others by
// what occurs in the training set.
func (d *NetworkData) scale(known *dataset.Scaling, grey bool) (err error) {
	s := dataset.FitRange(d.Train)
	switch {
	case known != nil:
		s = *known
	case grey:
		s = dataset.GreyScaling(d.Train.Width())
	}
	d.Scaling = &s
	for _, set := range []**dataset.Set{&d.Train, &d.Test} {
		if *set == nil {
			continue
		}
		name := (*set).Name
		var limited int
		if *set, limited, err = s.Apply(*set); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if limited > 0 {
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s: %d values lie beyond what the scaling was fitted to and were "+
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
func (d *NetworkData) fits(f *mlp.File) error {
	design := f.Network.Design
	for _, s := range []*dataset.Set{d.Train, d.Test} {
		switch {
		case s == nil:
		case s.Width() != design.Sizes[0]:
			return run.Usage(fmt.Errorf("data set %s has %d features, the network %s has %d inputs; %s", s.Name, s.Width(),
				SizesText(design), design.Sizes[0], otherData(f)))
		case len(s.Classes) != design.Sizes[design.Layers()]:
			return run.Usage(fmt.Errorf("data set %s has %d classes, the network %s has %d outputs; %s", s.Name, len(s.Classes),
				SizesText(design), design.Sizes[design.Layers()], otherData(f)))
		}
	}
	if f.Provenance.Data.Digest != "" && f.Provenance.Data.Digest != d.Train.Digest() {
		text := fmt.Sprintf("the network was trained on another data set (%s) than %s", f.Provenance.Data.Name, d.Train.Name)
		if f.Provenance.Data.Name == d.Train.Name {
			text = fmt.Sprintf("the network was trained on other values of %s: another part of it, or scaled or rounded in "+
				"another way", d.Train.Name)
		}
		d.Warnings = append(d.Warnings, text)
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

// SetSummary describes a data set as JSON.
type SetSummary struct {
	Name    string   `json:"name"`
	Samples int      `json:"samples"`
	Width   int      `json:"features"`
	Classes []string `json:"classes"`
	Counts  []int    `json:"counts"` // samples of every class
	Digest  string   `json:"digest"`
}

// DescribeSet is the description of a set; nil for none.
func DescribeSet(s *dataset.Set) *SetSummary {
	if s == nil {
		return nil
	}
	return &SetSummary{Name: s.Name, Samples: s.Len(), Width: s.Width(), Classes: s.Classes, Counts: s.Counts(),
		Digest: s.Digest()}
}

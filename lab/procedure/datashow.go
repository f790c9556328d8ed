package procedure

import (
	"fmt"
	"io"
	"strings"

	"xlab/mlp/dataset"
	"xlab/mlp/draw"
	"xlab/run"
	"xlab/run/screen"
)

// DrawPatterns draws the samples of a set as images.
func DrawPatterns(s *dataset.Set) (*draw.Sheet, error) {
	if s.Image.Pixels() == 0 {
		return nil, run.Usage(fmt.Errorf("--output: the samples of %s are no images", s.Name))
	}
	return draw.Patterns(s)
}

// Print shows the samples of a set as text, if they are images, and says what the data
// are.
func (d *NetworkData) Print(w io.Writer, shown *dataset.Set) error {
	if shown.Image.Pixels() > 0 {
		if err := shown.Sheet(w, 10); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	if d.Reading != nil {
		fmt.Fprintf(w, "read as %s\n", d.Reading)
	}
	for _, s := range []*dataset.Set{d.Train, d.Test} {
		if s == nil {
			continue
		}
		var words []string
		for k, n := range s.Counts() {
			words = append(words, fmt.Sprintf("%s %d", s.Classes[k], n))
		}
		if _, err := fmt.Fprintf(w, "%s: %s of %s; %s\n", s.Name, screen.Count(s.Len(), "sample"),
			screen.Count(s.Width(), "feature"), strings.Join(words, ", ")); err != nil {
			return err
		}
	}
	return nil
}

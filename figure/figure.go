package figure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Figure is one of the figures that show what a run has found.
type Figure struct {
	Name    string // of its files, without ending
	Caption string // in whole sentences: what is shown, of how many, and what any bars and bands are
	Spec    Spec
}

// Spec says what a figure shows: Map, Maps, Histogram, Lines, Scatter.
type Spec interface{ Draw() (*Drawing, error) }

// about says in front of an error, where there is one, what it is of.
func about(err *error, format string, of ...any) {
	if *err != nil {
		*err = fmt.Errorf(format+": %w", append(of, *err)...)
	}
}

// caption is the figure's caption with what its kind has to say about its bars.
func (f Figure) caption() string {
	if n, ok := f.Spec.(interface{ note() string }); ok {
		return strings.TrimSpace(f.Caption + " " + n.note())
	}
	return f.Caption
}

// ListFile is the name of the file beside figures that names them in the order
// in which they are to be looked at.
const ListFile = "figures.json"

// Listed is one entry of that file.
type Listed struct {
	Name    string `json:"name"`
	Caption string `json:"caption"`
}

// WriteFiles draws the figures and puts each in the forms given, and the list of
// them, with the function given. Figures without anything to draw are left
// out: the run may have ended early. It gives the names of the files.
func WriteFiles(put func(name string, write func(io.Writer) error) error, in Formats,
	list ...Figure) ([]string, error) {
	type file struct {
		name string
		data []byte
	}
	files := make([][]file, len(list))
	// Drawing takes long, and the figures do not know each other.
	var group errgroup.Group
	for i, f := range list {
		group.Go(func() error {
			d, err := f.Spec.Draw()
			if errors.Is(err, ErrNoData) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("figure %s: %w", f.Name, err)
			}
			d.caption = f.caption()
			for _, x := range formats {
				if in&x.format == 0 {
					continue
				}
				var b bytes.Buffer
				if err := x.write(d, &b); err != nil {
					return err
				}
				files[i] = append(files[i], file{f.Name + "." + x.name, b.Bytes()})
			}
			return nil
		})
	}
	errs := []error{group.Wait()}
	var names []string
	listed := []Listed{}
	for i, f := range list {
		if files[i] == nil {
			continue
		}
		listed = append(listed, Listed{f.Name, f.caption()})
		for _, x := range files[i] {
			err := put(x.name, func(w io.Writer) error {
				_, err := w.Write(x.data)
				return err
			})
			errs, names = append(errs, err), append(names, x.name)
		}
	}
	if len(listed) > 0 {
		errs = append(errs, put(ListFile, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			return e.Encode(listed)
		}))
	}
	return names, errors.Join(errs...)
}

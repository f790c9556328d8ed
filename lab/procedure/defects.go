package procedure

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"xlab/input"
	"xlab/instrument/array"
	"xlab/run"
)

// DefectsFile is the defect map's name in a run directory.
const DefectsFile = "defects.json"

// defectMaps gives the defect maps of an array and of this bench's chip among the
// runs, the newest first. The sequence ends with the first error.
func defectMaps(l Lab, name string) (iter.Seq2[*array.DefectMap, error], error) {
	board, err := l.Wiring(name)
	if err != nil {
		return nil, err
	}
	chip, err := l.Chip()
	if err != nil {
		return nil, err
	}
	return func(yield func(*array.DefectMap, error) bool) {
		list, err := run.List(l.RunsDirectory())
		if err != nil {
			yield(nil, err)
			return
		}
		for _, r := range slices.Backward(list) {
			if r.Command != "form" || r.Array != board.Array {
				continue
			}
			file := filepath.Join(l.RunsDirectory(), r.ID, DefectsFile)
			f, err := input.Open(file, input.Record)
			if errors.Is(err, fs.ErrNotExist) {
				continue // ended before it had one
			}
			var m *array.DefectMap
			if err == nil {
				m, err = array.ReadDefectMap(f, file)
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if m.Chip == chip && !yield(m, nil) {
				return
			}
		}
	}, nil
}

// formedBefore gives the devices' conductances in S, row by row, after the newest
// forming of each; 0 where there is none. A directory of runs that cannot be read
// holds none: that is said by what wants to write there.
func formedBefore(l Lab, name string, w *array.Wiring) ([]float64, error) {
	g := make([]float64, w.Rows*w.Cols)
	maps, err := defectMaps(l, name)
	if err != nil {
		return nil, err
	}
	if _, err := os.ReadDir(l.RunsDirectory()); err != nil {
		return g, nil
	}
	for m, err := range maps {
		if err != nil {
			return nil, err
		}
		if m.Rows != w.Rows || m.Cols != w.Cols {
			continue
		}
		for k, d := range m.Devices {
			if g[k] == 0 && d.State != array.StateUntried {
				g[k] = float64(d.Conductance)
			}
		}
	}
	return g, nil
}

// NotMade is the error of a command that needs something which another command
// has not made yet.
type NotMade struct {
	error
	Arrays []string // whose defect maps, which forming makes; none = a network, which training makes
}

func (e NotMade) Unwrap() error { return e.error }

// lacking is the error of a command that cannot do without the defect maps of arrays,
// or without a network for none.
func lacking(err error, arrays ...string) error { return NotMade{err, arrays} }

// unformed is the error of a command that wants the defect maps of arrays that
// have none. The format has a place for the first one's name.
func unformed(arrays []string, format string) error {
	return lacking(run.Usage(fmt.Errorf(format, arrays[0])), arrays...)
}

// untrained is the error of a command that wants a network where there is none.
func untrained(text string) error { return lacking(run.Usage(errors.New(text))) }

// defectsOf finds the defect map to use: a file, none, or the newest one of
// this array and chip; nil for none.
func defectsOf(l Lab, name, file string) (*array.DefectMap, error) {
	if strings.EqualFold(file, "none") {
		return nil, nil
	}
	if file == "" {
		maps, err := defectMaps(l, name)
		if err != nil {
			return nil, err
		}
		for newest, err := range maps {
			return newest, err
		}
		return nil, nil
	}
	f, err := input.Open(file, input.Record)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("--defects: %w", err))
	}
	m, err := array.ReadDefectMap(input.Decode(f, file), file)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, run.Usage(err)
	}
	return m, nil
}

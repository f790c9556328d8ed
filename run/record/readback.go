package record

import (
	"context"

	"xlab/instrument/array"
)

// ReadBack reads devices of which it is not known whether they were stressed, and keeps
// what became of them by event (Resolve), which may be nil. name is the array's. It
// blocks until all are read; the first error ends it.
func ReadBack(ctx context.Context, bar array.Crossbar, name string, cells []array.Cell, read array.Read,
	event func(kind string, data any) error) error {
	for _, cell := range cells {
		reads := []array.Step{read}
		measured, err := bar.Do(ctx, cell, reads...)
		if err != nil {
			return err
		}
		if event == nil {
			continue
		}
		if err := event(Resolve, array.Done{Array: name, Cell: cell, Steps: reads, Results: measured}); err != nil {
			return err
		}
	}
	return nil
}

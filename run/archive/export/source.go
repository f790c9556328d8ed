package export

import (
	"errors"
	"fmt"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// Source is a run that is exported.
type Source struct {
	Provenance Provenance
	Damage     []run.Damage // of the journal; what is readable is exported
	Problems   []error      // of the record, where they were accepted
	Kinds      array.Kinds  // of steps; those of the package array unless set otherwise

	dir     string
	shapes  map[string]array.Shape
	last    uint64 // record up to which the journal is exported
	unknown []run.Unknown
}

// Open opens the run directory dir. A run whose record is damaged is refused (see
// run.Check), unless partial accepts what is there: then that is in Problems and
// in the provenance. A journal of a newer version is refused.
func Open(dir string, partial bool) (*Source, error) {
	s := &Source{dir: dir, Kinds: array.StepKinds(), shapes: make(map[string]array.Shape)}
	report, err := run.ScanJournal(dir, nil)
	if err != nil {
		return nil, err
	}
	if err := run.Check(dir, report); err != nil {
		if !partial {
			return nil, err
		}
		s.Problems = append(s.Problems, err)
	}
	if report.Header.ID == "" && !partial {
		return nil, &instrument.Error{Op: "read run", Channel: dir, Kind: instrument.KindUsage,
			Err:    errors.New("the journal's header, which says where the numbers come from, cannot be read"),
			Advice: "put the first segment back from a copy"}
	}
	for _, h := range report.Header.Arrays {
		s.shapes[h.Name] = array.Shape{Rows: h.Rows, Cols: h.Cols}
	}
	stored := run.Read(dir)
	if stored.Header.ID == "" {
		stored.Header = report.Header
	}
	for _, p := range s.Problems {
		stored.Problems = append(stored.Problems, p.Error())
	}
	s.Damage, s.last, s.unknown = report.Damage, report.LastSeq, report.Unknown
	s.Provenance = provenance(stored, report)
	return s, nil
}

// Tables lists the names of the tables.
func Tables() []string { return []string{"readings", "devices"} }

// Table finds a table by its name.
func (s *Source) Table(name string) (*Table, error) {
	switch name {
	case "readings":
		return s.readings(), nil
	case "devices":
		return s.devices(), nil
	}
	return nil, fmt.Errorf("there is no table %q; the tables are readings and devices", name)
}

// scan visits everything that was done to devices.
func (s *Source) scan(visit func(r run.Record, segment int64, d *record.Done, steps []array.Step) error) error {
	enough := errors.New("enough")
	segment, file := int64(0), ""
	_, err := run.ScanJournal(s.dir, func(r run.Record) error {
		if r.Seq > s.last {
			return enough
		}
		if r.File != file {
			file = r.File
			segment++
		}
		value, err := record.Of(r)
		if err != nil {
			return placed(r, err)
		}
		d, ok := value.(*record.Done)
		if !ok || r.Kind == record.Resolve {
			return nil
		}
		steps, err := d.List(s.Kinds)
		if err != nil {
			return placed(r, err)
		}
		if len(steps) == 0 {
			return nil
		}
		return visit(r, segment, d, steps)
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

// placed says where in the journal something is that cannot be understood.
func placed(r run.Record, err error) error {
	return &instrument.Error{Op: "export", Channel: fmt.Sprintf("%s:%d", r.File, r.Line), Kind: instrument.KindUsage,
		Err:    err,
		Advice: "the program that wrote it can export it"}
}

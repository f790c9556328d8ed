package run

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"xlab/instrument"
)

// Damage is a place of the journal that could not be read. Nothing is
// repaired; everything else is kept.
type Damage struct {
	File  string `json:"file"`           // segment, without directory
	Line  int    `json:"line"`           // first line, from 1
	Last  int    `json:"last,omitempty"` // last line where several in a row are damaged alike
	Torn  bool   `json:"torn,omitempty"` // the end of a segment, left unfinished by a crash: expected, and tolerated
	Cause string `json:"cause"`
}

// String writes the damage as file:line: cause.
func (d Damage) String() string {
	place := fmt.Sprintf("%s:%d", d.File, d.Line)
	if d.Last > d.Line {
		place += fmt.Sprintf("-%d", d.Last)
	}
	return place + ": " + d.Cause
}

// Unknown is an intent without a result: whether all of its stress happened is
// not known. It is resolved by reading the device, never by repeating.
type Unknown struct {
	Seq   uint64          `json:"seq"`
	Data  json.RawMessage `json:"data"`  // of the intent
	Parts int             `json:"parts"` // recorded parts, whose steps did happen
}

// End is the data of the end line.
type End struct {
	Outcome Outcome         `json:"outcome"`
	Cause   string          `json:"cause,omitempty"`
	Kind    instrument.Kind `json:"kind,omitempty"` // of the cause
	Wall    float64         `json:"wall_seconds"`   // from start to end of this segment's process
}

// Report says what a journal holds, apart from its records.
type Report struct {
	Header   Header             // of the first readable segment; Header.ID is "" where none is
	Version  int                // of the journal; 0 where no header could be read
	Segments int                // files
	Records  int                // readable lines
	LastSeq  uint64             // of the last readable line
	Damage   []Damage           // in the order of the files
	Unknown  []Unknown          // in the order of their intents
	End      *End               // nil where the run has not ended by itself; of the last segment
	Bench    instrument.Seconds // last bench time: of all segments, without what passed between them
	HasBench bool               // Bench is known
	CutOff   instrument.Seconds // part of Bench that passed in segments that were cut off since one ended by itself
	Wall     float64            // s that the processes took; of one that ended without a word up to its last line
	Written  time.Time          // when the last line was written, as the file system tells

	cutOff []uint64 // intents that were open where records are missing
}

// VersionError refuses a journal or result that was written by a newer program.
type VersionError struct {
	Path  string
	Found int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has version %d, this program knows versions up to %d: use the program that wrote it, or a "+
		"newer one", e.Path, e.Found, Version)
}

// ScanJournal reads all segments of the journal of the run directory dir,
// verifies checksums and sequence, and hands every readable record to visit
// (nil = to nobody), in order of seq. Record.Data is the visitor's to keep. Nothing is repaired:
// what is unreadable is reported with its place and everything else is kept.
// It is an error when there is no journal, when it cannot be read from disk,
// when visit returns one, and when the journal is newer than this program
// (*VersionError). A run that is still going on can be read as well; its last
// line may then be reported as torn.
func ScanJournal(dir string, visit func(Record) error) (*Report, error) {
	return scanSegments(dir, 0, visit)
}

// scanSegments is ScanJournal up to the segment with a number; 0 reads all.
func scanSegments(dir string, upTo int, visit func(Record) error) (*Report, error) {
	numbers, err := segments(dir)
	if err != nil {
		return nil, err
	}
	s := scanner{visit: visit, open: make(map[uint64]*Unknown)}
	previous := 0
	for _, n := range numbers {
		if upTo > 0 && n > upTo {
			break
		}
		if n != previous+1 {
			cause := fmt.Sprintf("the segment before it, %s, is missing", segmentName(n-1))
			if n > previous+2 {
				cause = fmt.Sprintf("the segments before it, %s to %s, are missing", segmentName(previous+1), segmentName(n-1))
			}
			s.damage(Damage{File: segmentName(n), Line: 1, Cause: cause})
			s.gap = true
		}
		if err := s.file(dir, n); err != nil {
			return nil, err
		}
		previous = n
	}
	return s.finish(), nil
}

type scanner struct {
	visit  func(Record) error
	report Report
	open   map[uint64]*Unknown

	name     string             // segment being read
	gap      bool               // records may be missing here for a reason that is reported already
	segBench instrument.Seconds // bench time at its beginning
	segBegan time.Time          // by its header
}

func (s *scanner) file(dir string, n int) (err error) {
	path := filepath.Join(dir, segmentName(n))
	f, err := os.Open(path)
	if err != nil {
		return notRun(dir, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := s.segment(f, path, n); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.report.Written = info.ModTime()
	switch {
	case s.report.End != nil:
		s.report.Wall += s.report.End.Wall
	case !s.segBegan.IsZero():
		s.report.Wall += max(info.ModTime().Sub(s.segBegan).Seconds(), 0)
	}
	return nil
}

// segment reads one segment from r.
func (s *scanner) segment(r io.Reader, path string, n int) error {
	s.name = filepath.Base(path)
	s.report.Segments++
	s.report.End = nil // an earlier segment's end is not the run's
	s.segBench, s.segBegan = s.report.Bench, time.Time{}
	in := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		text, whole, err := readLine(in)
		if err != nil && err != io.EOF {
			return &instrument.Error{Op: "read journal", Channel: fmt.Sprintf("%s:%d", path, number), Kind: instrument.KindUsage,
				Err: err, Advice: "check the disk"}
		}
		if len(text) == 0 && err == io.EOF {
			if number == 1 {
				s.damage(Damage{File: s.name, Line: 1, Torn: true, Cause: "the segment is empty: the process ended before it " +
					"wrote its first line"})
			}
			break
		}
		if verr := s.line(text, whole, number, path, n); verr != nil {
			return verr
		}
		if err == io.EOF {
			break
		}
	}
	if s.report.End != nil {
		s.report.CutOff = 0
	} else {
		s.report.CutOff += s.report.Bench - s.segBench
	}
	return nil
}

// line takes one line. whole is false for a line that has no line feed yet.
func (s *scanner) line(text []byte, whole bool, number int, path string, segment int) error {
	e, err := parseLine(text)
	if err != nil {
		d := Damage{File: s.name, Line: number, Torn: !whole, Cause: err.Error()}
		switch {
		case !whole:
			d.Cause = "torn: the process or the machine ended while it was written"
		case len(text) > maxLine:
			d.Cause = "longer than a journal line may be"
		}
		s.damage(d)
		s.gap = true
		return nil
	}
	if e.Type == TypeHeader && e.Version > Version {
		return &instrument.Error{Op: "read journal", Kind: instrument.KindUsage,
			Err: &VersionError{Path: path, Found: e.Version}}
	}
	record := e.record()
	record.File, record.Line = s.name, number
	last := s.report.LastSeq
	switch {
	case record.Seq <= last:
		s.damage(Damage{File: s.name, Line: number, Cause: fmt.Sprintf("record %d comes after record %d; it is left out",
			record.Seq, last)})
		return nil
	case record.Seq > last+1 && !s.gap:
		s.damage(Damage{File: s.name, Line: number, Cause: fmt.Sprintf("records %d to %d are missing before it", last+1,
			record.Seq-1)})
	}
	if record.Seq > last+1 {
		// Who runs the algorithm again over the record goes live in front of the
		// hole, maybe inside of an intent that was closed behind it.
		for seq := range s.open {
			if !slices.Contains(s.report.cutOff, seq) {
				s.report.cutOff = append(s.report.cutOff, seq)
			}
		}
	}
	s.gap = false
	if number == 1 && record.Type != TypeHeader {
		s.damage(Damage{File: s.name, Line: 1, Cause: "the first line is not a header"})
	}
	s.report.LastSeq = record.Seq
	s.report.Records++
	if record.HasBench {
		s.report.Bench, s.report.HasBench = record.Bench, true
	}
	s.account(record, e.Version, e.Segment, segment)
	if s.visit == nil {
		return nil
	}
	return s.visit(record)
}

// account keeps the report up to date with a readable record.
func (s *scanner) account(r Record, version, inSegment, segment int) {
	bad := func(cause string) { s.damage(Damage{File: r.File, Line: r.Line, Cause: cause}) }
	switch r.Type {
	case TypeHeader:
		if inSegment != segment {
			bad(fmt.Sprintf("the header is of segment %d: was the file renamed?", inSegment))
		}
		var began struct {
			Started time.Time
			Resumed *time.Time
		}
		// What cannot be understood in it is reported below, where it counts.
		if json.Unmarshal(r.Data, &began) == nil {
			if s.segBegan = began.Started; began.Resumed != nil {
				s.segBegan = *began.Resumed
			}
		}
		if s.report.Version == 0 {
			s.report.Version = version
			if err := json.Unmarshal(r.Data, &s.report.Header); err != nil {
				s.report.Header = Header{}
				bad("the header's data cannot be understood: " + err.Error())
			}
		}
	case TypeIntent:
		s.open[r.Seq] = &Unknown{Seq: r.Seq, Data: r.Data}
	case TypePart, TypeResult:
		u, ok := s.open[r.Of]
		switch {
		case !ok && len(s.report.Damage) == 0:
			bad(fmt.Sprintf("%s of intent %d, which is not open", r.Type, r.Of))
		case ok && r.Type == TypePart:
			u.Parts++
		case ok:
			delete(s.open, r.Of)
		}
	case TypeEnd:
		var e End
		if err := json.Unmarshal(r.Data, &e); err != nil {
			bad("the end line's data cannot be understood: " + err.Error())
			return
		}
		s.report.End = &e
	}
}

// damage adds d, joining lines in a row that are damaged alike so that a large
// file of garbage does not make a large report.
func (s *scanner) damage(d Damage) {
	if n := len(s.report.Damage); n > 0 && !d.Torn {
		p := &s.report.Damage[n-1]
		if p.File == d.File && !p.Torn && p.Cause == d.Cause && max(p.Line, p.Last)+1 == d.Line {
			p.Last = d.Line
			return
		}
	}
	s.report.Damage = append(s.report.Damage, d)
}

func (s *scanner) finish() *Report {
	for _, u := range s.open {
		s.report.Unknown = append(s.report.Unknown, *u)
	}
	slices.SortFunc(s.report.Unknown, func(a, b Unknown) int { return cmp.Compare(a.Seq, b.Seq) })
	return &s.report
}

// readLine reads up to a line feed, which is not returned. whole tells whether
// there was one. Of a line longer than any may be only the beginning is kept,
// one byte more than allowed.
func readLine(r *bufio.Reader) (text []byte, whole bool, err error) {
	for {
		chunk, err := r.ReadSlice('\n')
		text = append(text, chunk[:min(len(chunk), maxLine+1-len(text))]...)
		if err == nil {
			return bytes.TrimSuffix(text, []byte{'\n'}), true, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, false, err
		}
	}
}

// Records reads the journal of the run directory dir one record after the
// other. An error ends it and comes with a zero Record.
func Records(dir string) iter.Seq2[Record, error] { return records(dir, 0) }

func records(dir string, last int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		stop := errors.New("enough")
		_, err := scanSegments(dir, last, func(r Record) error {
			if !yield(r, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(Record{}, err)
		}
	}
}

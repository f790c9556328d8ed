package export

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"unicode/utf8"
)

// WriteNPZ writes a zip archive of NumPy arrays (format 1.0 of numpy.lib.format),
// one per column under its name, and the provenance as JSON text in the array
// "metadata":
//
//	data = numpy.load("readings.npz")
//	json.loads(str(data["metadata"]))
//
// Integers are <i8, reals <f8, texts <U of the longest one's length.
func WriteNPZ(w io.Writer, t *Table, p Provenance) (err error) {
	spools := make([]*spool, 0, len(t.Columns))
	defer func() {
		for _, s := range spools {
			err = errors.Join(err, s.close())
		}
	}()
	for _, c := range t.Columns {
		s, err := newSpool(c)
		if err != nil {
			return err
		}
		spools = append(spools, s)
	}
	rows := 0
	err = t.Rows(func(row []Value) error {
		rows++
		for i, s := range spools {
			if err := s.add(row[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	metadata, err := marshal(t.of(p))
	if err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	member := func(name, dtype, shape string) (io.Writer, error) {
		f, err := archive.Create(name + ".npy")
		if err != nil {
			return nil, err
		}
		_, err = f.Write(npyHeader(dtype, shape))
		return f, err
	}
	n := utf8.RuneCount(metadata)
	f, err := member("metadata", fmt.Sprintf("<U%d", n), "()")
	if err != nil {
		return err
	}
	if err := writeUCS4(f, string(metadata), n); err != nil {
		return err
	}
	for i, c := range t.Columns {
		f, err := member(c.Name, spools[i].dtype(), fmt.Sprintf("(%d,)", rows))
		if err != nil {
			return err
		}
		if err := spools[i].copyTo(f, rows); err != nil {
			return err
		}
	}
	return archive.Close()
}

// npyHeader is the beginning of an array file. Its length is a multiple of 64.
func npyHeader(dtype, shape string) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape)
	const before = 10 // magic, version, length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(head[8:], uint16(len(text)))
	return append(head, text...)
}

// spool keeps a column in a temporary file.
type spool struct {
	column Column
	file   scratch
	out    *bufio.Writer
	widest int // characters of the longest text
}

func newSpool(c Column) (*spool, error) {
	f, err := os.CreateTemp("", "xlab-export-*")
	if err != nil {
		return nil, spoiled(err)
	}
	s := &spool{column: c, file: scratch{f}}
	s.out = bufio.NewWriterSize(s.file, 32<<10)
	return s, nil
}

// scratch is a temporary file.
type scratch struct{ *os.File }

func (s scratch) Write(b []byte) (int, error) {
	n, err := s.File.Write(b)
	return n, spoiled(err)
}

func (s scratch) Read(b []byte) (int, error) {
	n, err := s.File.Read(b)
	return n, spoiled(err)
}

// spoiled says what is wrong with a temporary file, whose name tells nobody
// anything: its directory does.
func spoiled(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("a temporary file in %s (TMPDIR names another directory): %w", os.TempDir(), path.Err)
	}
	return err
}

func (s *spool) close() error {
	return errors.Join(spoiled(s.file.Close()), spoiled(os.Remove(s.file.Name())))
}

func (s *spool) dtype() string {
	switch s.column.Kind {
	case Integer:
		return "<i8"
	case Text:
		return fmt.Sprintf("<U%d", max(1, s.widest))
	}
	return "<f8"
}

func (s *spool) add(v Value) error {
	var b [binary.MaxVarintLen64]byte
	switch s.column.Kind {
	case Integer:
		binary.LittleEndian.PutUint64(b[:], uint64(v.Integer))
	case Text:
		s.widest = max(s.widest, utf8.RuneCountInString(v.Text))
		if _, err := s.out.Write(binary.AppendUvarint(b[:0], uint64(len(v.Text)))); err != nil {
			return err
		}
		_, err := s.out.WriteString(v.Text)
		return err
	default:
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v.Real))
	}
	_, err := s.out.Write(b[:8])
	return err
}

// copyTo writes the column as an array's contents.
func (s *spool) copyTo(w io.Writer, rows int) error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return spoiled(err)
	}
	in := bufio.NewReaderSize(s.file, 64<<10)
	if s.column.Kind != Text {
		_, err := io.Copy(w, in)
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	var text []byte
	for range rows {
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		text = append(text[:0], make([]byte, n)...)
		if _, err := io.ReadFull(in, text); err != nil {
			return err
		}
		if err := writeUCS4(out, string(text), max(1, s.widest)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// writeUCS4 writes text as NumPy keeps it: four bytes per character, filled up
// with zeros to a width.
func writeUCS4(w io.Writer, text string, width int) error {
	buffer := make([]byte, 0, 4*width)
	for _, r := range text {
		buffer = binary.LittleEndian.AppendUint32(buffer, uint32(r))
	}
	_, err := w.Write(append(buffer, make([]byte, max(0, 4*width-len(buffer)))...))
	return err
}

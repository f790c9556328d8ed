package shard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"xlab/instrument"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
)

// Writer writes a shard, chip by chip, into the file with the ending Part; the whole
// shard then gets its name.
type Writer struct {
	path string
	left Seeds
	file *os.File // nil: the shard is there already
}

// Begin begins a shard, or goes on with one that somebody has left unfinished. What is
// finished is left alone. A file of this name that is anything else is an error, and so
// is one that another process is writing, of instrument.KindBusy.
func Begin(path string, h *Head) (*Writer, error) {
	for {
		w := &Writer{path: path, left: h.Seeds}
		switch done, err := Read(path); {
		case err == nil:
			w.left = nil
			return w, done.belongs(h)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		moved, err := w.open(h)
		if err != nil && w.file != nil {
			err = errors.Join(err, w.file.Close())
		}
		if err != nil || !moved {
			return w, err
		}
	}
}

// belongs refuses a shard that is not the one of this head.
func (s *Shard) belongs(h *Head) error {
	if s.Head.Seeds.String() != h.Seeds.String() {
		return run.Usage(fmt.Errorf("%s is there already, with seeds %v and not %v: name another file", s.File,
			s.Head.Seeds, h.Seeds))
	}
	return s.Head.Agree(h, s.File, "what is asked for")
}

// open takes the unfinished file. It has moved where another process has just finished it.
func (w *Writer) open(h *Head) (moved bool, err error) {
	part := w.path + Part
	w.file, err = os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_APPEND, atomicfile.Shared)
	if err != nil {
		return false, run.Usage(err)
	}
	switch err := filelock.TryLock(w.file); {
	case errors.Is(err, filelock.ErrHeld):
		return false, &instrument.Error{Op: "study", Channel: part, Kind: instrument.KindBusy,
			Err: errors.New("another process is writing this shard"), Advice: "wait for its end, or stop it"}
	case err != nil && !errors.Is(err, filelock.ErrUnsupported): // two on such a disk write a file that is refused
		return false, err
	}
	mine, err := w.file.Stat()
	if err != nil {
		return false, err
	}
	if named, err := os.Stat(part); err != nil || !os.SameFile(mine, named) {
		return true, w.file.Close()
	}
	s, err := Read(part)
	if err != nil {
		return false, err
	}
	if s.Head != nil {
		if err := s.belongs(h); err != nil {
			return false, err
		}
		w.left = s.Left()
	}
	if err = w.file.Truncate(s.size); err == nil && s.Head == nil {
		err = w.append(h)
	}
	return false, err
}

// Left are the seeds of which there is no chip yet.
func (w *Writer) Left() Seeds { return w.left }

// Append puts the next chip on disk, and returns when it is there.
func (w *Writer) Append(c Chip) error {
	if len(w.left) == 0 || w.left[0] != c.Seed {
		return fmt.Errorf("shard %s: chip %d is not the next one of %v", w.path, c.Seed, w.left)
	}
	err := w.append(c)
	if err == nil {
		w.left = w.left[1:]
	}
	return err
}

func (w *Writer) append(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	text = append(run.AppendChecksum(text[:len(text)-1], 0), '\n')
	if _, err = w.file.Write(text); err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("the shard cannot be written: %w; free some space or check the disk: the same command goes on "+
			"with seeds %v", err, w.left)
	}
	return nil
}

// Close ends the writing. A shard that is whole gets its name and is found by it; any
// other stays as it is, for who goes on with it.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	if err != nil || len(w.left) > 0 {
		return err
	}
	err = atomicfile.Rename(w.path+Part, w.path)
	if errors.Is(err, fs.ErrNotExist) { // somebody has looked at it between the two, and found it whole
		_, err = os.Stat(w.path)
	}
	return err
}

package chip

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"xlab/mock/device"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
)

// enough is how much of the record waits in memory, in bytes.
const enough = 1 << 20

// ErrOwned tells that another process works on the chip.
var ErrOwned = errors.New("another process works on this simulated chip")

// File is a chip that this process owns. Its methods and those of the chip's
// arrays are called by one goroutine at a time.
type File struct {
	chip   *Chip
	path   string
	record *os.File // locked as long as the chip is owned

	now    func() float64 // bench time
	of     checksum       // of the chip file that the record goes on from
	end    int64          // of the record
	number uint64         // of the next frame
	frame  []byte         // being filled, its head left free
	stress bool           // there is some in it
	most   int64          // size at which the record is folded into the chip file
	err    error          // first failure of the record; nothing is recorded any more
}

// Open takes a chip for this process. What an owner that was killed has left in
// the record is folded into the file. The error is fs.ErrNotExist where there is
// no chip, and ErrOwned where another process has it.
func Open(path string) (*File, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	f, err := own(realPath(path))
	if err != nil {
		return nil, err
	}
	if f.chip, f.of, err = load(f.path); err == nil && f.chip.Recovered > 0 {
		f.of, err = f.chip.save(f.path)
	}
	return f.begin(err)
}

// Create puts a chip into a file, replacing one that is there, and owns it.
func Create(path string, c *Chip) (*File, error) {
	if err := makeDirectory(path); err != nil {
		return nil, err
	}
	f, err := own(realPath(path))
	if err != nil {
		return nil, err
	}
	f.chip = c
	f.of, err = c.save(f.path)
	return f.begin(err)
}

// own opens and locks the record.
func own(path string) (*File, error) {
	for {
		record, err := os.OpenFile(recordPath(path), os.O_RDWR|os.O_CREATE, atomicfile.Private)
		if err != nil {
			return nil, fmt.Errorf("simulated chip %s: its record: %w", path, err)
		}
		switch err := filelock.TryLock(record); {
		case err == nil, errors.Is(err, filelock.ErrUnsupported):
		case errors.Is(err, filelock.ErrHeld):
			return nil, errors.Join(fmt.Errorf("%s: %w; wait for it, or name another file as simulation.chip", path, ErrOwned),
				record.Close())
		default:
			return nil, errors.Join(fmt.Errorf("simulated chip %s: its record: %w", path, err), record.Close())
		}
		// Its last owner may have removed it between opening and locking.
		mine, err := record.Stat()
		if err != nil {
			return nil, errors.Join(err, record.Close())
		}
		if there, err := os.Stat(recordPath(path)); err == nil && os.SameFile(mine, there) {
			return &File{path: path, record: record, now: func() float64 { return 0 }}, nil
		}
		if err := record.Close(); err != nil {
			return nil, err
		}
	}
}

// begin starts the record, unless something has failed already.
func (f *File) begin(err error) (*File, error) {
	if err == nil {
		err = f.restart()
	}
	if err != nil {
		return nil, errors.Join(err, f.record.Close())
	}
	stress := 0
	for i, name := range f.chip.names() {
		a := f.chip.Arrays[name]
		stress += a.Len() * 16
		a.Witness(func(act device.Act) { f.witness(i, act) })
	}
	f.most = 32<<20 + 32*int64(stress)
	f.now = func() float64 { return f.chip.Time }
	return f, nil
}

// restart begins a record that goes on from the chip file as it is now.
func (f *File) restart() error {
	if _, err := f.record.WriteAt(header(f.of), 0); err != nil {
		return fmt.Errorf("the record of simulated chip %s cannot be kept: %w", f.path, err)
	}
	f.end, f.number, f.stress = int64(headerSize), 0, false
	f.frame = append(f.frame[:0], make([]byte, frameHead)...)
	return nil
}

// Chip is the chip.
func (f *File) Chip() *Chip { return f.chip }

// Clock tells where the bench's time is found, which is recorded with the acts.
func (f *File) Clock(now func() float64) { f.now = now }

// witness records an act.
func (f *File) witness(array int, act device.Act) {
	if f.err != nil {
		return
	}
	if f.end > f.most {
		// The frame begun is in the state of the arrays, and so in the new file.
		if f.err = f.fold(); f.err != nil {
			return
		}
	}
	f.frame = appendAct(f.frame, array, act, f.now())
	if lists(act.Kind) > 0 {
		f.stress = true
	}
	if len(f.frame) > enough {
		f.err = f.flush()
	}
}

// Flush puts what has been done into the record. It has to be called before
// anybody can hear of a stress. Acts without stress may wait for the next
// one: nothing is lost with them but time. A failure is kept for Err.
func (f *File) Flush() {
	if f.stress && f.err == nil {
		f.err = f.flush()
	}
}

func (f *File) flush() error {
	seal(f.frame, f.of, f.number)
	if _, err := f.record.WriteAt(f.frame, f.end); err != nil {
		return fmt.Errorf("the record of simulated chip %s cannot be kept: %w; what is done to the chip from here on "+
			"is lost unless the program ends by itself", f.path, err)
	}
	f.end += int64(len(f.frame))
	f.number++
	f.frame, f.stress = f.frame[:frameHead], false
	return nil
}

// fold writes the chip file anew and begins a record that goes on from it. A
// process that is killed in between leaves a record that belongs to the
// file before, which holds nothing that the new file does not.
func (f *File) fold() (err error) {
	f.chip.Time = f.now()
	if f.of, err = f.chip.save(f.path); err != nil {
		return err
	}
	return f.restart()
}

// Err is why acts are not recorded any more, nil while they are.
func (f *File) Err() error { return f.err }

// Close keeps the chip and gives it up. The record is removed: everything is in
// the chip file.
func (f *File) Close() error {
	for _, a := range f.chip.Arrays {
		a.Witness(nil)
	}
	f.stress = false // what the frame holds is in the arrays
	f.chip.Time = f.now()
	err := f.chip.Save(f.path)
	if err != nil {
		// The record still has what the file has not.
		return errors.Join(f.err, err, f.record.Close())
	}
	return errors.Join(f.err, remove(f.record))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

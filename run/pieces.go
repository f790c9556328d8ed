package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"xlab/instrument"
)

// Read reads the run directory dir as far as that goes. What cannot be
// understood is in Problems; it is no error.
func Read(dir string) *Stored { return read(dir) }

// Alive tells whether the process that writes the run in dir is still there. It
// is false with filelock.ErrUnsupported where the system or the file system knows
// no locks.
func Alive(dir string) (bool, error) { return isAlive(dir) }

// CheckPieces tells which pieces of the run directory dir are missing, and what
// to do about that: the journal, one of its segments, or the specification. The
// error is of kind instrument.KindUsage. Damaged lines are no missing piece;
// ScanJournal reports them.
func CheckPieces(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return notRun(dir, err)
	}
	numbers, err := segments(dir)
	if err != nil {
		return err
	}
	var missing []string
	next := 1
	for _, n := range numbers {
		for ; next < n; next++ {
			missing = append(missing, segmentName(next))
		}
		next = n + 1
	}
	if len(missing) > 0 {
		const shown = 5
		text := strings.Join(missing[:min(shown, len(missing))], ", ")
		if n := len(missing) - shown; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		return &instrument.Error{Op: "read run", Channel: dir, Kind: instrument.KindUsage,
			Err:    fmt.Errorf("of the journal's segments up to %s there are missing: %s", segmentName(numbers[len(numbers)-1]), text),
			Advice: "put them back from a copy; without them nobody knows what was done to the devices meanwhile"}
	}
	if _, err := os.Stat(filepath.Join(dir, specFile)); errors.Is(err, fs.ErrNotExist) {
		return &instrument.Error{Op: "read run", Channel: dir, Kind: instrument.KindUsage, Err: fmt.Errorf("%s is missing", specFile),
			Advice: "put it back from a copy, or write it anew from \"spec\" in the first line of " + firstSegment + ", which holds the same"}
	} else if err != nil {
		return notRun(dir, err)
	}
	return nil
}

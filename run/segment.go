package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"xlab/instrument"
)

const (
	firstSegment = "journal.jsonl"
	specFile     = "spec.json"
	resultFile   = "result.json"
)

// segmentName is the file of the n-th segment, from 1.
func segmentName(n int) string {
	if n == 1 {
		return firstSegment
	}
	return fmt.Sprintf("journal-%04d.jsonl", n)
}

// segmentNumber is the inverse of segmentName.
func segmentNumber(name string) (int, bool) {
	n := 1
	_, _ = fmt.Sscanf(name, "journal-%d.jsonl", &n) // a name of another form is not that of segment n
	return n, n > 0 && segmentName(n) == name
}

// segments lists the numbers of the segments in dir in order.
func segments(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, notRun(dir, err)
	}
	var numbers []int
	for _, e := range entries {
		if n, ok := segmentNumber(e.Name()); ok && e.Type().IsRegular() {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return nil, notRun(dir, &fs.PathError{Op: "open", Path: filepath.Join(dir, firstSegment), Err: fs.ErrNotExist})
	}
	slices.Sort(numbers)
	return numbers, nil
}

func notRun(dir string, cause error) error {
	advice := "the directory is not a run, or its journal was moved away: put journal.jsonl back, or remove the directory"
	if !errors.Is(cause, fs.ErrNotExist) {
		advice = "check the directory's permissions and its disk"
	}
	return &instrument.Error{Op: "read journal", Channel: dir, Kind: instrument.KindUsage, Err: cause, Advice: advice}
}

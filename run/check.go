package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"xlab/input"
	"xlab/instrument"
)

// Check says what is wrong with the record of the run in dir, which report is of:
// lines that are damaged, doubled, missing or out of order, segments that are
// missing or were renamed, and a specification that is missing. The error is of
// kind instrument.KindUsage and names every place. What a crash leaves at the end
// of a segment is nothing wrong.
//
// Whoever draws conclusions from a record (to go on with the run, to run it again,
// to hand its numbers on) checks it first, and goes on with a damaged one only
// where a person has said so.
func Check(dir string, report *Report) error {
	var faults []string
	for _, d := range report.Damage {
		if !d.Torn {
			faults = append(faults, d.String())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return notRun(dir, err)
	}
	for _, e := range entries {
		name := e.Name()
		if _, ok := segmentNumber(name); !ok && strings.HasPrefix(name, "journal") && strings.HasSuffix(name, ".jsonl") {
			faults = append(faults, name+": not the name of a segment: was the file renamed?")
		}
	}
	text, err := input.ReadFile(filepath.Join(dir, resultFile), input.Record)
	var result Result
	// A process that died as it took the run up leaves a result of fewer segments.
	if err == nil && json.Unmarshal(text, &result) == nil && result.Segments > report.Segments {
		faults = append(faults, fmt.Sprintf("%s: the run has %d segments, and the files of %d are there",
			resultFile, result.Segments, report.Segments))
	}
	if _, err := os.Stat(filepath.Join(dir, specFile)); errors.Is(err, fs.ErrNotExist) {
		faults = append(faults, fmt.Sprintf("%s is missing (\"spec\" in the first line of %s is the same)",
			specFile, firstSegment))
	}
	if len(faults) == 0 {
		return nil
	}
	const shown = 5
	list := strings.Join(faults[:min(shown, len(faults))], "; ")
	if n := len(faults) - shown; n > 0 {
		list += fmt.Sprintf("; and %d more", n)
	}
	return &instrument.Error{Op: "read run", Channel: filepath.Base(dir), Kind: instrument.KindUsage,
		Err: fmt.Errorf("its record is damaged: %s", list), Advice: "put the files back from a copy"}
}

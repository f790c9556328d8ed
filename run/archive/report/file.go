package report

import (
	"bytes"
	"fmt"
	"path/filepath"

	"xlab/run"
	"xlab/run/atomicfile"
)

// WriteFile writes a run's page into a file and gives its name: output, or "" for one in
// the run's directory. The runs are below root. A damaged record is refused, or with
// partial named on the page.
func WriteFile(s *run.Stored, root, output string, partial bool) (file string, err error) {
	record, err := run.ScanJournal(s.Dir, nil)
	if err == nil {
		err = run.Check(s.Dir, record)
	}
	if err != nil && !partial {
		return "", fmt.Errorf("%w; --partial reports what is there", err)
	} else if err != nil {
		s.Problems = append(s.Problems, err.Error())
	}
	perm := atomicfile.Shared
	if output == "" {
		output, perm = filepath.Join(s.Dir, File), atomicfile.Private
	}
	at, err := filepath.Abs(filepath.Dir(output))
	if err != nil {
		return "", err
	}
	page, err := OfRun(s, root, at)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := Write(&b, page); err != nil {
		return "", err
	}
	if err := atomicfile.WriteFile(output, perm, b.Bytes()); err != nil {
		return "", run.Usage(err)
	}
	return output, nil
}

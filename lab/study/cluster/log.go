package cluster

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"xlab/run/screen"
)

// lastWords is what a log says last behind its first bytes: of errors the last one, or
// the last line. "" = nothing.
func lastWords(name string, from int64) (string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return "", err
	}
	last, fault := "", ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if text := strings.TrimSpace(lines.Text()); strings.HasPrefix(text, "xlab: ") {
			fault = text
		} else if text != "" {
			last = text
		}
	}
	if fault != "" {
		last = fault
	}
	return screen.Brief(last, 300), lines.Err()
}

// logged is how long the log of a task is, in bytes.
func (s *Study) logged(task int) int64 {
	info, err := os.Stat(s.log(task))
	if err != nil {
		return 0 // there is none yet
	}
	return info.Size()
}

package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"

	"xlab/run/atomicfile"
)

// InstrumentFile is the lock file in dir of what a name stands for: a place where
// an instrument is reached, in the form that is the same however it is written
// (transport.Address.Endpoints), or an instrument's own serial number.
func InstrumentFile(dir, name string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, name)
	if len(readable) > 100 {
		readable = readable[len(readable)-100:]
	}
	// Names that differ only in what was replaced must differ here too.
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(dir, readable+"-"+hex.EncodeToString(sum[:4])+".lock")
}

// ChipFile is the lock file of a simulated chip: beside the chip, so that it
// reaches as far as the chip does.
func ChipFile(chip string) string {
	if real, err := atomicfile.Target(chip); err == nil {
		chip = real
	}
	return chip + ".lock"
}

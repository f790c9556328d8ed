package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"

	"xlab/run/atomicfile"
)

// InstrumentFile is the lock file in dir of the instrument at an address, such
// as serial:/dev/ttyUSB0 or tcp:192.168.1.20:1234. What names the same device
// gives the same file: options behind a question mark are left out, symbolic
// links such as those in /dev/serial/by-id are followed, and hosts are compared
// without case.
func InstrumentFile(dir, address string) string {
	address, _, _ = strings.Cut(strings.TrimSpace(address), "?")
	kind, rest, _ := strings.Cut(address, ":")
	kind = strings.ToLower(kind)
	switch {
	case kind == "tcp":
		rest = strings.ToLower(rest)
	case filepath.IsAbs(rest):
		if real, err := filepath.EvalSymlinks(rest); err == nil {
			rest = real
		} else {
			rest = filepath.Clean(rest) // unplugged: opening it will say so
		}
	}
	key := kind + ":" + rest
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, key)
	if len(readable) > 100 {
		readable = readable[len(readable)-100:]
	}
	// Addresses that differ only in what was replaced must differ here too.
	sum := sha256.Sum256([]byte(key))
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

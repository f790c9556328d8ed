package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Two open files of one process are two to the system.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	a, b, c := open(), open(), open()
	switch err := TryLock(a); {
	case errors.Is(err, ErrUnsupported):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	if err := TryLock(b); !errors.Is(err, ErrHeld) {
		t.Errorf("a second lock: %v", err)
	}
	if err := TryShare(b); !errors.Is(err, ErrHeld) {
		t.Errorf("sharing what somebody has alone: %v", err)
	}
	waited := make(chan error)
	go func() { waited <- Lock(b) }()
	if err := errors.Join(a.Close(), <-waited, b.Close()); err != nil {
		t.Fatal(err)
	}
	b = open()
	if err := errors.Join(TryShare(b), TryShare(c)); err != nil {
		t.Errorf("sharing: %v", err)
	}
	if err := TryLock(open()); !errors.Is(err, ErrHeld) {
		t.Errorf("alone what others share: %v", err)
	}
}

//go:build unix

package atomicfile

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPermissions(t *testing.T) {
	before := unix.Umask(0)
	t.Cleanup(func() { unix.Umask(before) })
	for _, c := range []struct {
		umask             int
		perm, there, want fs.FileMode // there 0 = no file
	}{
		{0, Private, 0, 0o600}, {0, Shared, 0, 0o644}, {0o022, Private, 0, 0o600},
		{0o027, Shared, 0, 0o640}, {0o077, Shared, 0, 0o600},
		{0, Private, 0o644, 0o600}, {0, Shared, 0o600, 0o600}, {0, Shared, 0o664, 0o644},
	} {
		path := filepath.Join(t.TempDir(), "file")
		unix.Umask(c.umask)
		if c.there != 0 {
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, os.Chmod(path, c.there))
		}
		must(t, WriteFile(path, c.perm, []byte("x")))
		info, err := os.Stat(path)
		must(t, err)
		if got := info.Mode().Perm(); got != c.want {
			t.Errorf("umask %03o, asked for %03o, there %03o: the file has %03o, want %03o",
				c.umask, c.perm, c.there, got, c.want)
		}
	}
}

// A pipe, as of process substitution in a shell, gets the contents and stays a
// pipe; so does a device, which root could replace.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	must(t, unix.Mkfifo(pipe, 0o600))
	got := make(chan string)
	go func() {
		text, err := os.ReadFile(pipe)
		if err != nil {
			text = []byte(err.Error())
		}
		got <- string(text)
	}()
	must(t, Write(pipe, Shared, func(w io.Writer) error {
		_, err := io.WriteString(w, "through")
		return err
	}))
	if text := <-got; text != "through" {
		t.Errorf("the reader got %q", text)
	}
	alone(t, dir, "pipe")
	must(t, WriteFile(os.DevNull, Shared, []byte("x")))
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Errorf("%s is no device any more: %v", os.DevNull, err)
	}
}

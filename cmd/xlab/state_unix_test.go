//go:build unix

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Runs, their index, the simulated chip and its lock are their user's alone,
// whatever the umask, and what an older version left open is closed.
func TestStateIsPrivate(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	xlab := func(line string) string {
		t.Helper()
		c := exec.Command("sh", "-c", "umask 0; exec xlab "+line)
		c.Dir, c.Env = t.TempDir(), append(os.Environ(), "XDG_STATE_HOME="+home)
		text, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("xlab %s: %v\n%s", line, err, text)
		}
		return string(text)
	}
	xlab("read --devices r0c0")
	xlab("report last")
	xlab("runs")
	looked := 0
	err := filepath.WalkDir(filepath.Join(home, "xlab"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		looked++
		return err
	})
	if err != nil || looked < 9 {
		t.Errorf("%d files and directories, %v", looked, err)
	}
	state := filepath.Join(home, "xlab")
	if err := os.Chmod(state, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if said := xlab("read --devices r0c0"); !strings.Contains(said, state+" was open to other users (dtrwxrwxrwx) and is yours alone now") {
		t.Errorf("nothing is said of it:\n%s", said)
	}
	if info, err := os.Stat(state); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("it is %v, %v", info.Mode(), err)
	}
}

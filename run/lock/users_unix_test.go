//go:build linux

package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"xlab/instrument"
)

// otherUser makes the process of hold that of another user, who keeps all for
// himself by his umask.
const otherUser = "LOCK_TEST_USER"

func becomeOther() {
	id, err := strconv.Atoi(os.Getenv(otherUser))
	if err != nil {
		return
	}
	syscall.Umask(0o077)
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// The locks of instruments exclude all users of the computer from each other,
// whoever made the directory and the files, and whatever their umasks.
func TestTwoUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("working as two users needs to be root")
	}
	open, err := os.MkdirTemp("", "lock-*") // unlike t.TempDir for others too
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(open) })
	must(t, os.Chmod(open, 0o777|os.ModeSticky))
	before := syscall.Umask(0o077)
	t.Cleanup(func() { syscall.Umask(before) })
	t.Setenv(otherUser, "65534")
	for _, first := range []string{"nobody", "root"} {
		dir := filepath.Join(open, first)
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		if first == "root" {
			l, err := Acquire(t.Context(), []string{a}, Options{Shared: true})
			must(t, err)
			must(t, l.Release())
		}
		process := hold(t, a, b)
		_, err := Acquire(t.Context(), []string{b}, Options{Shared: true})
		var held *HeldError
		if !errors.As(err, &held) || held.Owner == nil || held.Owner.PID != process.cmd.Process.Pid ||
			instrument.KindOf(err) != instrument.KindBusy {
			t.Errorf("made by %s: %v", first, err)
		}
		process.end(false)
		l, err := Acquire(t.Context(), []string{a, b}, Options{Shared: true})
		must(t, err)
		must(t, l.Release())
		permissions(t, dir, fs.ModeDir|fs.ModeSticky|0o777)
		permissions(t, a, 0o666)
		permissions(t, b, 0o666)
	}
}

// What is one user's alone is locked for him alone, and what older versions left
// open is closed.
func TestPrivate(t *testing.T) {
	before := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(before) })
	file := filepath.Join(t.TempDir(), "state", "xlab", "chip.json.lock")
	for range 2 {
		l, err := Acquire(t.Context(), []string{file}, Options{})
		must(t, err)
		must(t, l.Release())
		permissions(t, file, 0o600)
		permissions(t, filepath.Dir(file), fs.ModeDir|0o700)
		must(t, os.Chmod(file, 0o666))
	}
}

func permissions(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	if info.Mode() != want {
		t.Errorf("%s is %v, want %v", path, info.Mode(), want)
	}
}

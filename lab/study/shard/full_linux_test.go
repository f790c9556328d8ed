package shard_test

import (
	"bytes"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xlab/lab/study/shard"
)

// Where no more fits on the disk a study ends with what to do, and goes on behind the
// last whole line when there is room.
func TestFullDisk(t *testing.T) {
	dir, h := t.TempDir(), head(t, "1-9")
	whole, path := filepath.Join(dir, "whole"), filepath.Join(dir, "shard")
	write(t, whole, h, all)
	text := read(t, whole)
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	signal.Ignore(syscall.SIGXFSZ)
	for _, room := range []int{10, bytes.IndexByte(text, '\n') + 1, len(text) - 20} {
		must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(room), Max: before.Max}))
		w, err := shard.Begin(path, h)
		for err == nil && len(w.Left()) > 0 {
			err = w.Append(chip(w.Left()[0]))
		}
		if err == nil || !strings.Contains(err.Error(), "free some space") {
			t.Errorf("with room for %d bytes: %v", room, err)
		} else if w != nil {
			_ = w.Close() // after a failure of Begin it is closed already
		}
		must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
	}
	if left := write(t, path, h, all); left.String() != "9" || !bytes.Equal(read(t, path), text) {
		t.Errorf("seeds %v were left", left)
	}
}

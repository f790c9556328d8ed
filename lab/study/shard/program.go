package shard

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"xlab/run"
)

// Program names this program, so that no other one computes the same study: by its release
// and revision, and where it was built without a revision, or from files that are changed
// since, by a checksum of its own file too, because nothing else tells such builds apart.
var Program = sync.OnceValues(func() (string, error) {
	name := run.Program()
	info, ok := debug.ReadBuildInfo()
	if ok && strings.Contains(name, "+") &&
		!slices.Contains(info.Settings, debug.BuildSetting{Key: "vcs.modified", Value: "true"}) {
		return name, nil
	}
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	joint := "+"
	if strings.Contains(name, joint) {
		joint = "."
	}
	return fmt.Sprintf("%s%sfile-%.6x", name, joint, sum.Sum(nil)), nil
})

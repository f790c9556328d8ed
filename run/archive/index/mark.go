package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// marksBelow gives the marks of all runs below root, by ID.
func marksBelow(root string) (map[string]string, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	marks := make(map[string]string)
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		mark, err := markOf(filepath.Join(root, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			// It will be listed as broken, with this reason, and looked at again.
			mark = "unreadable"
		}
		marks[e.Name()] = mark
	}
	return marks, nil
}

// markOf is what a run directory looks like from outside.
func markOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir) // in the order of their names
	if err != nil {
		return "", err
	}
	var mark strings.Builder
	for _, e := range entries {
		name := e.Name()
		if name != "spec.json" && name != "result.json" && !(strings.HasPrefix(name, "journal") &&
			strings.HasSuffix(name, ".jsonl")) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&mark, "%s %d %d;", name, info.Size(), info.ModTime().UnixNano())
	}
	if mark.Len() == 0 {
		return "empty", nil
	}
	return mark.String(), nil
}

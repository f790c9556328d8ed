package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// alone fails where a directory holds anything else.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	if !slices.Equal(found, names) {
		t.Errorf("%s holds %v, want %v", dir, found, names)
	}
}

// The new contents are on disk before they have the name, and the name is before
// Write returns.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	must(t, WriteFile(path, Private, []byte("old")))
	var seen []string
	fsync = func(f *os.File) error {
		what := "file"
		if info, err := f.Stat(); err == nil && info.IsDir() {
			what = "directory"
		}
		seen = append(seen, what+" while the name has "+contents(t, path))
		return f.Sync()
	}
	t.Cleanup(func() { fsync = (*os.File).Sync })
	must(t, WriteFile(path, Private, []byte("new")))
	want := []string{"file while the name has old", "directory while the name has new"}
	if runtime.GOOS == "windows" {
		want = want[:1]
	}
	if !slices.Equal(seen, want) {
		t.Errorf("put on disk: %q, want %q", seen, want)
	}
	alone(t, dir, "file")
}

// Whatever fails, the old file stays, nothing is left beside it, and the error
// names the file that was asked for and no other.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	check := func(name, path string, err error, want error) {
		t.Helper()
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), path) ||
			strings.Contains(err.Error(), ".new-") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, old := range []string{"", "old"} {
		var names []string
		if old != "" {
			must(t, WriteFile(path, Private, []byte(old)))
			names = []string{"file"}
		}
		check("in the middle", path, Write(path, Private, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<20))
			return errors.Join(err, broken)
		}), broken)
		fsync = func(*os.File) error { return &fs.PathError{Op: "sync", Path: ".new-1", Err: broken} }
		check("not on disk", path, WriteFile(path, Private, []byte("new")), broken)
		fsync = (*os.File).Sync
		alone(t, dir, names...)
		if old != "" && contents(t, path) != old {
			t.Error("the old file has changed")
		}
	}
	must(t, os.Mkdir(filepath.Join(dir, "full"), 0o700))
	check("a directory", filepath.Join(dir, "full"), WriteFile(filepath.Join(dir, "full"), Private, nil), nil)
	missing := filepath.Join(dir, "missing", "file")
	check("no directory", missing, WriteFile(missing, Private, nil), fs.ErrNotExist)
	if runtime.GOOS != "windows" {
		below := filepath.Join(path, "file")
		check("below a file", below, WriteFile(below, Private, nil), nil)
		loop := filepath.Join(dir, "loop")
		must(t, os.Symlink(loop, loop))
		check("a loop of links", loop, WriteFile(loop, Private, nil), nil)
		alone(t, dir, "file", "full", "loop")
	}
}

// A link stays and what it leads to is replaced, be it there or not.
func TestLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a privilege")
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "deep", "er"), 0o700))
	must(t, os.Symlink(filepath.Join("deep", "er"), filepath.Join(dir, "short")))
	for _, c := range []struct{ link, to, real string }{
		{"absolute", filepath.Join(dir, "one"), "one"},
		{"relative", "two", "two"},
		{"short/up", "../three", "deep/three"}, // not beside "short"
		{"again", "relative", "two"},
	} {
		link := filepath.Join(dir, filepath.FromSlash(c.link))
		must(t, os.Symlink(c.to, link))
		for _, text := range []string{"first of " + c.link, "second of " + c.link} {
			must(t, WriteFile(link, Private, []byte(text)))
			if got := contents(t, filepath.Join(dir, filepath.FromSlash(c.real))); got != text {
				t.Errorf("%s: %q is in the file", c.link, got)
			}
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", c.link, err)
		}
	}
}

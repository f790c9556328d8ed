// Package atomicfile puts files on disk in one piece: who looks, also after a
// power cut, finds the old file or the new one, never a half. It knows nothing
// else of the project, so that the records of runs, the simulated chip, networks
// and exports can all be kept by it.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Permissions of what belongs to one user, and of what the user makes for others
// to read too. The umask may take some of them away.
const (
	Private    fs.FileMode = 0o600
	PrivateDir fs.FileMode = 0o700
	Shared     fs.FileMode = 0o644
)

// WriteFile is Write of contents that are there already.
func WriteFile(path string, perm fs.FileMode, contents []byte) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(contents)
		return err
	})
}

// Write makes the file at path, or replaces it, by what the function writes. When
// it returns without an error, the file and its name are on disk. After an error
// an older file is as it was and nothing is left beside it, unless the error is
// that of the last step, which puts the name of the complete new file on disk.
//
// The permissions are perm without the bits of the umask, and never more than
// those of the file that is replaced. A symbolic link stays, and what it leads to
// is replaced. What is no file but a device or a pipe cannot be replaced: it gets
// the contents as they are written. A directory is an error. The directory of path
// has to be there.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) error {
	if err := replace(path, perm, write); err != nil {
		return fmt.Errorf("%s was not written: %w", path, err)
	}
	return nil
}

func replace(path string, perm fs.FileMode, write func(io.Writer) error) error {
	old, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nameless(err)
	case old.IsDir():
		return errors.New("there is a directory of this name")
	case !old.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nameless(err)
		}
		return fill(f, write, func(*os.File) error { return nil })
	default:
		perm &= old.Mode().Perm()
	}
	if path, err = Target(path); err != nil {
		return err
	}
	f, err := create(filepath.Dir(path), perm)
	if err != nil {
		return err
	}
	err = fill(f, write, fsync)
	if err == nil {
		err = nameless(os.Rename(f.Name(), path))
	}
	if err != nil {
		return errors.Join(err, nameless(os.Remove(f.Name())))
	}
	return SyncDir(filepath.Dir(path))
}

// Rename gives a file that is whole, and on disk, the name that it is found by. A file
// of that name is replaced. When it returns without an error, the name is on disk.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// maxLinks is how many symbolic links are followed, as in Linux.
const maxLinks = 40

// Target is the name of a file behind symbolic links, those of its directories
// included. The file need not be there. A loop of links is an error.
func Target(path string) (string, error) {
	for range maxLinks {
		// In the real directory: what is above a linked one is something else.
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			path = filepath.Join(dir, filepath.Base(path))
		}
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link, or nothing there
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", errors.New("too many symbolic links")
}

// unfinished begins the names of files that are not whole yet.
const unfinished = ".new-"

// Unfinished tells whether a file of this name is what a process has left that
// ended while it wrote.
func Unfinished(name string) bool { return strings.HasPrefix(name, unfinished) }

// create makes a file of another name in dir. os.CreateTemp would leave the umask
// out.
func create(dir string, perm fs.FileMode) (*os.File, error) {
	for {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%s%016x", unfinished, rand.Uint64())),
			os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("directory %s: %w", dir, nameless(err))
		}
	}
}

// fsync returns when an open file or directory is on disk. Tests look into it.
var fsync = (*os.File).Sync

// fill writes and closes f. sync puts it on disk.
func fill(f *os.File, write func(io.Writer) error, sync func(*os.File) error) error {
	b := bufio.NewWriterSize(unnamed{f}, 64<<10)
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil {
		err = nameless(sync(f))
	}
	return errors.Join(err, nameless(f.Close()))
}

// unnamed is a file whose errors do not tell its name, which nobody knows.
type unnamed struct{ file *os.File }

func (u unnamed) Write(b []byte) (int, error) {
	n, err := u.file.Write(b)
	return n, nameless(err)
}

// nameless is what went wrong without the names of files.
func nameless(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"xlab/instrument"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
)

// pause is how often a process that waits looks whether the lock is free.
const pause = 100 * time.Millisecond

// Options say who takes a lock and how long that may wait.
type Options struct {
	Owner Owner // Fill completes what is empty
	// Shared locks are for all users of the computer: whatever the umask, everybody
	// may open the files and make others beside them. Others are their user's alone.
	Shared bool
	Wait   time.Duration // for a lock that another process holds; 0 = not at all
	// Waiting is called once, before the wait for a lock that is held; nil = nobody
	// is told.
	Waiting func(held *HeldError)
}

// Lock is held until Release or the end of the process. Its methods may be
// called by several goroutines.
type Lock struct {
	mu      sync.Mutex
	files   []*os.File
	options Options
}

// Acquire takes the locks of all files, or none. Their directories are made if
// necessary. The error is a *HeldError, in an *instrument.Error of kind
// instrument.KindBusy, where another process has one of them for longer than o.Wait,
// the cause of ctx where that ends before, and filelock.ErrUnsupported, with nothing
// held, where the file system has no locks.
func Acquire(ctx context.Context, files []string, o Options) (*Lock, error) {
	o.Owner = o.Owner.filled()
	l := &Lock{options: o}
	if err := l.Extend(ctx, files); err != nil {
		return nil, errors.Join(err, l.Release())
	}
	return l, nil
}

// Extend takes the locks of more files, as Acquire does, or none of them; what is
// held already stays. Extending nil does nothing: without a lock there is none to
// extend.
func (l *Lock) Extend(ctx context.Context, files []string) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Everybody takes them in the same order, so that two processes that share
	// two instruments cannot each wait for the other.
	before := len(l.files)
	o := l.options
	for _, file := range slices.Compact(slices.Sorted(slices.Values(files))) {
		if slices.ContainsFunc(l.files, func(f *os.File) bool { return f.Name() == file }) {
			continue // to the system this would be somebody else
		}
		f, err := acquire(ctx, file, &o)
		if err != nil {
			return errors.Join(err, l.drop(before))
		}
		l.files = append(l.files, f)
	}
	if err := l.write(); err != nil {
		return errors.Join(err, l.drop(before))
	}
	return nil
}

// acquire waits for one file. What is left of the time is for the next one.
func acquire(ctx context.Context, path string, o *Options) (*os.File, error) {
	f, err := open(path, o.Shared)
	if err != nil {
		return nil, &instrument.Error{Op: "bench lock", Channel: path, Kind: instrument.KindUsage, Err: err,
			Advice: o.advice()}
	}
	began := time.Now()
	var tick *time.Ticker
	for {
		err := filelock.TryLock(f)
		switch {
		case err == nil:
			o.Wait = max(0, o.Wait-time.Since(began))
			return f, nil
		case !errors.Is(err, filelock.ErrHeld):
			return nil, errors.Join(fmt.Errorf("bench lock %s: %w", path, err), f.Close())
		}
		held := &HeldError{File: path, Owner: readOwner(f), Waited: time.Since(began)}
		if held.Waited >= o.Wait {
			return nil, errors.Join(&instrument.Error{Op: "bench", Kind: instrument.KindBusy, Err: held, Advice: held.advice()},
				f.Close())
		}
		if tick == nil {
			if o.Waiting != nil {
				o.Waiting(held)
				o.Waiting = nil
			}
			tick = time.NewTicker(min(pause, o.Wait))
			defer tick.Stop()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for the bench: %w", context.Cause(ctx)), f.Close())
		case <-tick.C:
		}
	}
}

func (o *Options) advice() string {
	if o.Shared {
		return "make the file or its directory writable for everybody who works on this bench"
	}
	return "make its directory writable, or name another place"
}

// open opens a lock file, which is made if there is none.
func open(path string, shared bool) (*os.File, error) {
	perm := atomicfile.Private
	if shared {
		perm = 0o666
	}
	for {
		// Without O_CREATE first: in a directory that everybody may write to,
		// Linux refuses it for files of other users (fs.protected_regular).
		f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
		if err == nil && !shared {
			// Older versions made it for everybody. That of another user is theirs.
			if err := f.Chmod(perm); err != nil && !errors.Is(err, fs.ErrPermission) {
				return nil, errors.Join(err, f.Close())
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := makeDirectory(filepath.Dir(path), shared); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, perm)
		if errors.Is(err, fs.ErrExist) {
			continue // somebody was quicker
		}
		if err != nil {
			return nil, err
		}
		// The umask may have taken rights away that other users of the bench need.
		if err := f.Chmod(perm); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	}
}

// makeDirectory makes the directory of lock files, for one user or for all.
func makeDirectory(dir string, shared bool) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if !shared {
		return os.MkdirAll(dir, atomicfile.PrivateDir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	switch err := os.Mkdir(dir, 0o777); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return os.Chmod(dir, 0o777|os.ModeSticky)
}

// Working says in the lock files which run its owner is at.
func (l *Lock) Working(run string) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.options.Owner.Run = run
	return l.write()
}

func (l *Lock) write() error {
	text, err := l.options.Owner.encode()
	if err != nil {
		return err
	}
	for _, f := range l.files {
		// First the text, then the size: a reader in between finds the new text
		// with the end of an old one behind it, which is after its line feed.
		if _, err := f.WriteAt(text, 0); err != nil {
			return fmt.Errorf("bench lock: %w", err)
		}
		if err := f.Truncate(int64(len(text))); err != nil {
			return fmt.Errorf("bench lock: %w", err)
		}
	}
	return nil
}

// Release gives the bench up. Releasing again, or releasing nil, does nothing.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.drop(0)
}

// drop gives up all files but the first ones.
func (l *Lock) drop(keep int) error {
	var errs []error
	for _, f := range l.files[keep:] {
		errs = append(errs, f.Truncate(0), f.Close())
	}
	l.files = l.files[:keep]
	return errors.Join(errs...)
}

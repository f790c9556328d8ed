package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
)

// claim makes this watch the one that submits, unless another has the lock. Where the
// disk has no locks, or keeps those of a node to itself, two that begin in the same
// second could both submit; later ones find each other's tasks in the queue.
func (w *watch) claim() error {
	if w.lock != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(w.dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return run.Usage(fmt.Errorf("nothing can be submitted from here: %w", err))
	}
	switch err := filelock.TryLock(f); {
	case errors.Is(err, filelock.ErrHeld):
		if !w.told {
			w.told = true
			w.progress.Message("another process submits for this study; this one watches")
		}
		return f.Close()
	case errors.Is(err, filelock.ErrUnsupported):
		w.progress.Message(fmt.Sprintf("%v: let one process at a time submit for %s", err, w.dir))
	case err != nil:
		return errors.Join(err, f.Close())
	}
	w.lock = f
	return nil
}

// Cancel takes the study's tasks off the cluster and keeps whoever submits from
// submitting again. What is computed stays.
func (s *Study) Cancel(ctx context.Context) error {
	if err := atomicfile.WriteFile(filepath.Join(s.dir, cancelledName), atomicfile.Shared, nil); err != nil {
		return err
	}
	_, err := call(ctx, "scancel", "--name="+s.Job)
	return err
}

func (s *Study) cancelled() bool {
	_, err := os.Stat(filepath.Join(s.dir, cancelledName))
	return err == nil
}

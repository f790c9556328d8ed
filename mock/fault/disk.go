package fault

import (
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

// SyncFile is an open file whose contents can be put on disk.
type SyncFile interface {
	io.WriteCloser
	Sync() error
}

// Disk is a disk that can be slow, full or failing. Its pieces are the
// synchronisations. The zero value is a disk on which all goes well.
type Disk struct {
	mu     sync.Mutex
	engine *Engine
	name   string
	slow   time.Duration
	full   bool
	fails  bool // to write
	loses  bool // to synchronise
}

// Device is what can be done to the disk:
//
//	slow        every synchronisation takes longer (for)
//	full        there is no space left, and writing fails
//	no_space    there is no space left, writing still works
//	fail_sync   synchronising fails
//
// All of them can last for a number of pieces.
func (d *Disk) Device() Device {
	set := func(do func(f Fault, on bool)) Act {
		change := func(on bool) func(f Fault) error {
			return func(f Fault) error {
				d.mu.Lock()
				defer d.mu.Unlock()
				do(f, on)
				return nil
			}
		}
		return Act{Do: change(true), Undo: change(false)}
	}
	slow := set(func(f Fault, on bool) {
		d.slow = 0
		if on {
			d.slow = f.For
		}
	})
	slow.Needs = []string{"for"}
	return Device{Acts: map[string]Act{
		"slow":      slow,
		"full":      set(func(_ Fault, on bool) { d.full, d.fails = on, on }),
		"no_space":  set(func(_ Fault, on bool) { d.full = on }),
		"fail_sync": set(func(_ Fault, on bool) { d.loses = on }),
	}}
}

// Under has the disk's faults made by an engine, in which it has the given name.
func (d *Disk) Under(e *Engine, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.engine, d.name = e, name
}

// File puts the disk in front of a file.
func (d *Disk) File(f SyncFile) SyncFile { return &file{SyncFile: f, disk: d} }

// Full tells whether the disk says that no space is left.
func (d *Disk) Full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

type file struct {
	SyncFile
	disk *Disk
}

// Write writes half of what it is given when the disk is full.
func (f *file) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	fails := f.disk.fails
	f.disk.mu.Unlock()
	if !fails {
		return f.SyncFile.Write(p)
	}
	n, err := f.SyncFile.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	return n, fmt.Errorf("simulated disk: %w", syscall.ENOSPC)
}

// Sync is a piece.
func (f *file) Sync() error {
	d := f.disk
	d.mu.Lock()
	e, name := d.engine, d.name
	d.mu.Unlock()
	if e != nil {
		e.touch(name)
	}
	d.mu.Lock()
	slow, loses := d.slow, d.loses
	d.mu.Unlock()
	time.Sleep(slow)
	if loses {
		return fmt.Errorf("simulated disk: %w", syscall.EIO)
	}
	return f.SyncFile.Sync()
}

//go:build unix

package serving

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// openPTY makes a pseudo-terminal in raw mode and gives its near end and the
// name by which a client opens the far one. Closing the near end wakes a read
// that is under way. Until then the far end is open here as well, so that a
// client that comes and goes ends neither the terminal nor its raw mode.
func openPTY() (near io.ReadWriteCloser, name string, err error) {
	opened, far, err := pty.Open()
	if err != nil {
		return nil, "", err
	}
	master, err := wakeable(opened)
	if err == nil {
		_, err = term.MakeRaw(int(far.Fd()))
	}
	if err = errors.Join(err, opened.Close()); err != nil {
		if master != nil {
			err = errors.Join(err, master.Close())
		}
		return nil, "", errors.Join(err, far.Close())
	}
	return &ptyMaster{File: master, far: far}, far.Name(), nil
}

// wakeable gives a second descriptor of an open file that goes through the
// runtime's poller. The library leaves its own in blocking mode, in which
// closing it does not wake a reader.
func wakeable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	second := os.NewFile(uintptr(fd), f.Name())
	// Without the poller a reader would hold up the end of the program.
	if err := second.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(err, second.Close())
	}
	return second, nil
}

// ptyMaster is the near end of a pseudo-terminal.
type ptyMaster struct {
	*os.File
	far *os.File
}

func (p *ptyMaster) Close() error { return errors.Join(p.File.Close(), p.far.Close()) }

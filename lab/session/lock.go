package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
	"xlab/run/lock"
)

// LockBench makes the bench this process's, from before the first byte is sent
// to after it was left safe. reason says in words what it is held for.
func (o *Opener) LockBench(ctx context.Context, reason string) (*lock.Lock, error) {
	o.closeState()
	bench, files := "the simulated chip "+o.Config.Simulation.Chip, []string{lock.ChipFile(o.Config.Simulation.Chip)}
	if !o.Config.Simulated() {
		bench, files = o.Config.Bench, lockFiles(o.Config, o.endpoints(ctx)...)
	}
	held, err := lock.Acquire(ctx, files, lock.Options{
		Owner: lock.Owner{Command: strings.Join(append([]string{"xlab"}, run.RedactArguments(o.Arguments)...), " "),
			Reason: reason, Bench: bench},
		Shared: !o.Config.Simulated(),
		Wait:   o.Wait,
		Waiting: func(e *lock.HeldError) {
			fmt.Fprintf(o.Messages, "waiting for up to %s: %v\n", o.Wait, e)
		},
	})
	if errors.Is(err, filelock.ErrUnsupported) {
		// Refusing every bench on such a system would help nobody.
		fmt.Fprintf(o.Messages, "warning: %v: nothing keeps another process from using this bench at the same time\n", err)
		return nil, nil
	}
	return held, err
}

// lockFiles are the lock files of instruments, by the places where they are
// reached, or by their serial numbers.
func lockFiles(c *config.Config, names ...string) []string {
	dir := cmp.Or(c.Locks, lock.SharedDirectory())
	files := make([]string, len(names))
	for i, name := range names {
		files[i] = lock.InstrumentFile(dir, name)
	}
	return files
}

// endpoints are the places where this bench's instruments are reached.
func (o *Opener) endpoints(ctx context.Context) []string {
	names := boxes.Endpoints(ctx, o.Config.Analyzer.Address)
	for _, b := range o.Config.SwitchBoards() {
		if port, own, err := o.Known().Port(b.Address); err == nil { // else opening it will say so
			names = append(names, port.Endpoints(ctx, own)...)
		}
	}
	if o.Config.HasNeurons() {
		names = append(names, boxes.Endpoints(ctx, o.Config.Neurons.Address)...)
	}
	return names
}

// lockReached locks the place that a connection has led to, before a byte is sent: a
// host may have got another address, and an adapter another port, since its address
// was looked up.
func (s *Session) lockReached(ctx context.Context, conn transport.Conn) error {
	return s.Held.Extend(ctx, lockFiles(s.Config, transport.Reached(conn)))
}

// lockIdentity locks an instrument by its serial number, if it tells one: it may be
// reached by another way too. A B1500A's third field is 0, which is none.
func (s *Session) lockIdentity(ctx context.Context, i instrument.Identity) error {
	if s.Sim != nil || strings.Trim(i.Serial, "0 ") == "" {
		return nil
	}
	if err := s.Held.Extend(ctx, lockFiles(s.Config, "identity:"+i.Vendor+","+i.Model+","+i.Serial)); err != nil {
		return fmt.Errorf("%s %s with the serial number %s is reached by another address as well: %w", i.Vendor, i.Model,
			i.Serial, err)
	}
	return nil
}

// closeState takes the state directory from other users who can look into it, as
// older versions left it, and says so. One that is another user's stays as it is.
func (o *Opener) closeState() {
	dir, err := config.StateDir()
	inUse := func(path string) bool { return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator)) }
	if err != nil || runtime.GOOS == "windows" || !inUse(o.Config.Runs) && !inUse(o.Config.Simulation.Chip) {
		return // there is none, its permissions say nothing, or nothing is in it
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&^atomicfile.PrivateDir == 0 {
		return // whoever makes it makes it private
	}
	if err := os.Chmod(dir, atomicfile.PrivateDir); err != nil {
		fmt.Fprintf(o.Messages, "warning: %s is open to other users (%v) and cannot be closed: %v\n", dir, info.Mode(), err)
		return
	}
	fmt.Fprintf(o.Messages, "%s was open to other users (%v) and is yours alone now\n", dir, info.Mode())
}

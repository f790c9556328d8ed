//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
)

// standStill lets a process stand still; goOn lets it go on.
func standStill(t *testing.T, p *os.Process) { signalled(t, p, syscall.SIGSTOP) }

func goOn(t *testing.T, p *os.Process) { signalled(t, p, syscall.SIGCONT) }

func signalled(t *testing.T, p *os.Process, s syscall.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

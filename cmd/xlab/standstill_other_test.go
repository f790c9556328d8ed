//go:build !unix

package main

import (
	"os"
	"testing"
)

func standStill(*testing.T, *os.Process) {}

func goOn(*testing.T, *os.Process) {}

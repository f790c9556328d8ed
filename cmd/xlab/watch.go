package main

import (
	"xlab/run"
)

// kept is how the program keeps a run: with o, unless a test has it otherwise.
func (a *Lab) kept(o run.Options) run.Options {
	if a.Keep == nil {
		return o
	}
	return a.Keep(o)
}

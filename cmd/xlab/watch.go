package main

import (
	"xlab/run"
)

// options are how runs on this bench are kept.
func (s *session) options() run.Options {
	o := s.sim.Keeping()
	o.Reserve = uint64(s.config.Watch.DiskReserve) << 20
	return o
}

// kept is how the program keeps a run: with o, unless a test has it otherwise.
func (a *Lab) kept(o run.Options) run.Options {
	if a.Keep == nil {
		return o
	}
	return a.Keep(o)
}

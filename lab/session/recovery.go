package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/lab/boxes"
	"xlab/lab/transcript"
	"xlab/run"
	"xlab/run/recovery"
)

// connect opens a link and says how the same one is opened again.
func (s *Session) connect(ctx, serving context.Context, o *Opener, link, address string,
	on func() boxes.Server) (boxes.Line, error) {
	open, err := s.opening(serving, o, link, address, on)
	if err != nil {
		return boxes.Line{}, err
	}
	open = o.Transcript.Line(link, open)
	conn, err := open(ctx)
	return boxes.Line{Conn: conn, Reopen: open}, err
}

// opening is how a link is opened, at first and again: on hardware the port of the
// same adapter, under whatever name it has by then; in the simulated bench to the
// server that on gives.
func (s *Session) opening(serving context.Context, o *Opener, link, address string,
	on func() boxes.Server) (transcript.Open, error) {
	if o.Played != nil {
		return o.Played.Line(link), nil
	}
	if s.Sim != nil {
		again := false
		return func(context.Context) (transport.Conn, error) {
			if again {
				return s.Sim.Reconnect(serving, on())
			}
			again = true
			return s.Sim.Connect(serving, on()), nil
		}, nil
	}
	opener, err := transport.NewOpener(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (transport.Conn, error) {
		conn, err := opener.Open(ctx)
		if err == nil {
			if err = s.lockReached(ctx, conn); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
		}
		return conn, err
	}, nil
}

// Ladder is how this bench is brought back; journal and notify are those of the
// run.
func (s *Session) Ladder(journal func(kind string, data any) error, notify func(text string)) *recovery.Ladder {
	c := s.Config.Recovery
	o := recovery.Options{
		Restore: func(ctx context.Context, reopen bool) error {
			return run.AtBench(ctx, func(ctx context.Context) error { return s.restore(ctx, reopen) })
		},
		Check:   func(ctx context.Context) error { return run.AtBench(ctx, s.Analyzer.Check) },
		Read:    s.Config.Read.Step(),
		Retries: c.Retries, Timeout: time.Duration(c.ReopenTimeout), Hold: time.Duration(c.Hold),
		Journal: journal, Notify: notify,
	}
	if c.Retries == 0 {
		o.Retries = -1 // of a ladder 0 is the default
	}
	return recovery.New(o)
}

// GoOn makes the bench ready after the process stood still, for however long: the
// same analyzer has to answer, with nothing to complain of.
func (s *Session) GoOn(ctx context.Context, journal func(kind string, data any) error, notify func(text string)) error {
	s.stoodStill = true
	ladder := s.Ladder(journal, notify)
	return ladder.Repeat(ctx, "looking at the bench after the process stood still", func(ctx context.Context) error {
		now, err := s.Analyzer.Identify(ctx)
		if err != nil {
			return err
		}
		if before := s.Identity; !reflect.DeepEqual(now, before) {
			return &instrument.Error{Op: "looking at the bench", Channel: "analyzer", Kind: instrument.KindIdentity,
				Err:    fmt.Errorf("%+v answers where %+v was before the process stood still", now, before),
				Advice: "check what was plugged meanwhile, then take the run up again with `xlab resume`"}
		}
		if err := s.restore(ctx, false); err != nil {
			return err
		}
		return s.Analyzer.Check(ctx)
	})
}

// restoreNeurons brings the neuron board back. Its trims are made again by who
// needs them.
func (s *Session) restoreNeurons(ctx context.Context, reopen bool) error {
	if reopen {
		if err := s.Neurons.Reopen(ctx); err != nil {
			return err
		}
	}
	return s.Neurons.Resume(ctx)
}

// restore makes the bench safe, sources before switches, and then ready, as when
// it is opened: what answers behind a link that was lost may be another
// instrument. Every instrument gets its turn: one that cannot be reached must not
// keep the others from being made safe.
func (s *Session) restore(ctx context.Context, reopen bool) error {
	var errs []error
	if reopen {
		errs = append(errs, s.link.Reopen(ctx))
	}
	sources := s.Analyzer.TakeOver(ctx)
	if instrument.KindOf(sources) == instrument.KindIdentity {
		return errors.Join(append(errs, sources)...)
	}
	errs = append(errs, sources)
	for _, b := range s.Config.Boards {
		if chain := s.Boards[b.Name]; chain != nil {
			errs = append(errs, chain.Safe(ctx))
		}
	}
	for name := range s.Wirings {
		s.Turns.Forget(name)
	}
	if s.classifying {
		errs = append(errs, s.restoreNeurons(ctx, reopen))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.Analyzer.Open(ctx)
}

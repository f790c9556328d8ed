package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/session"
	"xlab/run"
	"xlab/run/atomicfile"

	"github.com/spf13/cobra"
)

// finding is one line of `xlab doctor`.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (a *app) doctorCommand() *cobra.Command {
	var on, route string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, instruments and switch boards without stressing anything",
		Long: `Reads the configuration, connects to every instrument, asks who it is and all
that a run asks before it begins (the space for its journal and the temperature
too), sends a test pattern through every switch chain with all sources at 0 V, and
leaves the bench safe. No voltage is applied to any device. What an earlier process
left behind is made safe: sources first, then switches. Another instrument in the
analyzer's place gets nothing but *IDN?.

--route r0=S1,c3=S5 closes exactly these switches of one board, for an ohmmeter:
the sources are at 0 V and disconnected, Enter or Ctrl-C opens everything again.
A bus may be named instead of a switch (c3=GND). Two buses on one line are
refused. Where a line is connected to a neuron, the neurons are read once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.load(); err != nil {
				return err
			}
			if cmd.Flags().Changed("route") {
				return a.routeByHand(cmd.Context(), on, route)
			}
			findings, err := a.diagnose(cmd.Context())
			if a.json {
				if err := a.writeJSON(findings); err != nil {
					return err
				}
				return err
			}
			for _, f := range findings {
				mark := "ok  "
				if !f.OK {
					mark = "FAIL"
				}
				fmt.Fprintf(a.out, "%s  %-22s %s\n", mark, f.Check, f.Detail)
			}
			return err
		},
	}
	c.Flags().StringVar(&route, "route", "", "close single switches, as in r0=S1,c3=S5, until Enter")
	c.Flags().StringVarP(&on, "array", "a", "A", "array whose switches --route closes")
	return c
}

// diagnose makes all checks that can be made and returns the first failure's
// error, which decides the exit code.
func (a *app) diagnose(ctx context.Context) (findings []finding, first error) {
	report := func(check string, err error, format string, args ...any) {
		f := finding{Check: check, OK: err == nil, Detail: fmt.Sprintf(format, args...)}
		if err != nil {
			f.Detail = strings.TrimSpace(err.Error())
			if first == nil || errors.Is(err, run.ErrUnsafe) && !errors.Is(first, run.ErrUnsafe) {
				first = fmt.Errorf("%s: %w", check, err)
			}
		}
		findings = append(findings, f)
	}
	report("configuration", nil, "%s", a.Config.Origin())
	l := a.Config.DeviceLimits()
	var limitsErr error
	if l.MaxVoltage <= 0 || l.MinVoltage >= 0 || l.MaxCurrent <= 0 || l.MaxWidth <= 0 {
		limitsErr = run.Usage(fmt.Errorf("a limit is 0, which allows nothing: set min_voltage, max_voltage, max_current "+
			"and max_width (%s)", l.Origin))
	}
	report("limits", limitsErr, "%v to %v, %v, %v", l.MinVoltage, l.MaxVoltage, l.MaxCurrent, l.MaxWidth)
	runs := writable(a.Config.Runs)
	if runs == nil {
		runs = session.New(a.Config, nil).Options().CheckSpace(a.Config.Runs)
	}
	report("runs directory", runs, "%s", a.Config.Runs)
	if sensor := a.Config.Sensor(); sensor != nil {
		err := sensor.Check(ctx)
		if err != nil {
			err = &instrument.Error{Op: "watch", Kind: instrument.KindTrip, Err: err,
				Advice: "a run would end before its first stress"}
		}
		report("watched conditions", err, "the temperature is within %s to %s", sensor.Min.Exact(), sensor.Max.Exact())
	}
	wirings := make(map[string]*array.Wiring)
	var channels []instrument.Channel
	for _, b := range a.Config.Boards {
		w, err := b.LoadWiring()
		if err != nil {
			report("wiring of "+b.Name, err, "")
			continue
		}
		report("wiring of "+b.Name, nil, "%s: %d rows, %d columns", b.Wiring, w.Rows, w.Cols)
		wirings[b.Name], channels = w, session.MergeChannels(channels, w.Channels())
	}
	if len(wirings) < len(a.Config.Boards) {
		return findings, first // which sources and switches there are is not known
	}
	if a.Config.Neurons.Address == "" {
		report("neuron board", nil, "none configured (neurons in bench.yaml): networks cannot be classified on this bench")
	} else {
		w, err := a.Config.NeuronWiring()
		if err != nil {
			report("wiring of neurons", err, "")
			return findings, first
		}
		report("wiring of neurons", nil, "%s: %s", a.Config.Neurons.Wiring, session.DescribeNeurons(w))
	}
	ctx, release := a.Interruptible(ctx)
	defer release()
	s := session.New(a.Config, nil)
	if a.Config.Simulated() {
		sim, err := a.Simulation(ctx)
		if err != nil {
			report("simulated chip", err, "")
			return findings, first
		}
		s.Sim = sim
		report("simulated chip", nil, "%s", sim.Describe())
	} else {
		held, err := a.LockBench(ctx, "checking the bench")
		if err != nil {
			report("bench lock", err, "")
			return findings, first
		}
		s.Held = held
	}
	defer func() {
		if err := s.Close(); err != nil {
			report("closing", err, "")
		}
	}()
	run.Steady(ctx)
	// Each is connected on its own, so that one that is missing does not hide
	// what is wrong with the others.
	serving := s.Start(ctx)
	lines := make(map[string]int)
	for name, w := range wirings {
		lines[name] = w.Lines()
	}
	s.TakeOver(ctx, serving, &a.Opener, channels, lines, func(name string, err error) { report(name, err, "") })
	if s.Analyzer == nil {
		for _, b := range a.Config.Boards {
			if s.Boards[b.Name] != nil {
				report("switch board "+b.Name, nil, "answers, all switches open; not tested, "+
					"because nobody knows what the sources do")
			}
		}
		return findings, first
	}
	if err := s.OpenAnalyzer(ctx); err != nil {
		report("analyzer", err, "")
		return findings, first
	}
	report("analyzer", nil, "%s %s, serial %s, firmware %s; units in slots: %s", s.Identity.Vendor, s.Identity.Model,
		s.Identity.Serial, s.Identity.Firmware, slots(s.Identity.Modules))
	err := run.Guard(ctx, run.GuardOptions{Safers: s.Safers(), Signals: a.Signals}, func(ctx context.Context) error {
		if s.Neurons != nil {
			// All switches are open: it shows nothing but its own offsets.
			i := s.NeuronIdentity
			offsets, err := session.TestNeurons(ctx, s.Neurons)
			report("neuron board", err, "%s %s, serial %s, firmware %s; %s", i.Vendor, i.Model, i.Serial, i.Firmware, offsets)
		}
		for _, b := range a.Config.Boards {
			if chain := s.Boards[b.Name]; chain != nil {
				report("switch board "+b.Name, testBoard(ctx, chain, wirings[b.Name]), "%d chips pass a pattern on and read back",
					chain.Lines())
			}
		}
		return nil
	})
	report("left safe", err, "sources at 0 V and disconnected, all switches open")
	return findings, first
}

// slots lists the modules of an analyzer by slot.
func slots(modules []string) string {
	var words []string
	for i, m := range modules {
		if m != "" {
			words = append(words, fmt.Sprintf("%d %s", i+1, m))
		}
	}
	return strings.Join(words, ", ")
}

// testBoard closes ground switches with all sources at zero, so that every chip
// has to pass a bit on, first on every second line, then on the others.
func testBoard(ctx context.Context, board instrument.Router, w *array.Wiring) error {
	ground := w.Switch[array.BusGround]
	if ground == 0 {
		return errors.New("the wiring map has no ground bus (GND), so no pattern can be sent without connecting a source")
	}
	lines := make([]instrument.Switches, w.Lines())
	for i := range lines {
		if i%2 == 0 {
			lines[i] = ground
		}
	}
	for range 2 {
		if err := board.Route(ctx, lines); err != nil {
			return err
		}
		for i := range lines {
			lines[i] ^= ground
		}
	}
	return nil
}

// writable checks that a directory can be made and written to.
func writable(dir string) error {
	if err := os.MkdirAll(dir, atomicfile.PrivateDir); err != nil {
		return run.Usage(err)
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return run.Usage(err)
	}
	err = errors.Join(f.Close(), os.Remove(f.Name()))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: a file that was just written is gone", filepath.Dir(f.Name()))
	}
	return err
}

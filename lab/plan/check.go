package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/input"
	"xlab/lab/config"
	"xlab/run"
)

// Load reads a plan's file and checks what only the program can: procedures, flags,
// arrays, keys and limits.
func (p Program) Load(file string) (*Plan, error) {
	text, err := input.ReadYAML(file)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("plan: %w", err))
	}
	plan, err := Read(text, file)
	if err != nil {
		return nil, run.Usage(err)
	}
	var faults []error
	for i := range plan.Steps {
		s := &plan.Steps[i]
		if err := p.check(s); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.Place, err))
		}
	}
	if len(faults) > 0 {
		return nil, run.Usage(errors.Join(faults...))
	}
	return plan, nil
}

// planned are the first words of commands that a plan may carry out: those that
// are procedures.
func (p Program) planned() []string {
	var words []string
	for _, x := range p.Procedures {
		if word, _, _ := strings.Cut(x.Name, " "); !x.Converses {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func (p Program) check(s *Step) error {
	if planned := p.planned(); !slices.Contains(planned, s.Command[0]) {
		return fmt.Errorf("%q cannot be a step; steps are %s", strings.Join(s.Command, " "), strings.Join(planned, ", "))
	}
	for i, name := range s.Arrays {
		board, err := p.Config.Board(name)
		if err != nil {
			return err
		}
		s.Arrays[i] = board.Name
	}
	for _, flag := range []string{"json", "config", "verbose", "dry-run", "notify", "wait", "help"} {
		if s.With[flag] != nil {
			return fmt.Errorf("with: %s cannot be given to a single step", flag)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Set)) {
		if err := config.CheckKey(key); err != nil {
			return err
		}
		if strings.HasPrefix(key, "notify.") {
			return fmt.Errorf("set: %s cannot be given to a single step: the plan tells people, "+
				"by notify in bench.yaml or --notify", key)
		}
	}
	task := Task{Step: s}
	if len(s.Arrays) > 0 {
		task.Array = s.Arrays[0]
	}
	if _, _, err := p.Commands.Flags(task.Arguments()); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(s.Command, " "), err)
	}
	return p.checkLimits(s)
}

// checkLimits refuses a step that widens the bench's limits: they are not for a
// plan to change, only to tighten.
func (p Program) checkLimits(s *Step) error {
	own, err := p.Commands.Lab(nil, s.overrides())
	if err != nil {
		return err
	}
	l, bench := own.Config.DeviceLimits(), p.Config.DeviceLimits()
	for _, x := range []struct {
		key   string
		wider bool
		has   fmt.Stringer
		may   fmt.Stringer
	}{
		{"max_voltage", l.MaxVoltage > bench.MaxVoltage, l.MaxVoltage, bench.MaxVoltage},
		{"min_voltage", l.MinVoltage < bench.MinVoltage, l.MinVoltage, bench.MinVoltage},
		{"max_current", l.MaxCurrent > bench.MaxCurrent, l.MaxCurrent, bench.MaxCurrent},
		{"max_width", l.MaxWidth > bench.MaxWidth, l.MaxWidth, bench.MaxWidth},
	} {
		if x.wider {
			return fmt.Errorf("limits: %s of %v is beyond the bench's %v (%s); a plan can only tighten limits", x.key, x.has,
				x.may, bench.Origin)
		}
	}
	return nil
}

// overrides are the keys that a step sets, as key=value.
func (s *Step) overrides() []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(s.Set)) {
		list = append(list, key+"="+s.Set[key])
	}
	return list
}

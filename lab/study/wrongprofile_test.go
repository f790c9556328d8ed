package study

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/profile"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/tuning"
)

// wrong is the default profile with voltages that are wrong by a factor: of the
// thresholds that are believed, or of the ranges of pulses.
func wrong(t *testing.T, prior, ranges float64) *profile.Profile {
	t.Helper()
	text := string(profile.Of(nil).Document())
	scale := func(pattern string, factor float64) {
		text = regexp.MustCompile(pattern).ReplaceAllStringFunc(text, func(m string) string {
			key, value, _ := strings.Cut(m, ": ")
			if before, after, ok := strings.Cut(value, "mean: "); ok {
				key, value = key+": "+before+"mean", after
			}
			var v instrument.Volts
			if err := v.UnmarshalText([]byte(value)); err != nil {
				t.Fatal(err)
			}
			return key + ": " + strconv.FormatFloat(factor*float64(v), 'g', -1, 64) + "V"
		})
	}
	scale(`middle: \{mean: [^,]+`, prior)
	scale(`(?m)^    (weakest|strongest|threshold|utmost): [^ \n]+`, ranges)
	file := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A prior that is wrong by 30 % is learnt away: the face is written as with the right
// one. Ranges that are too wide do as little harm; from ranges that are too low not
// all devices can be brought to their targets, and the tuning says which values do not
// fit and what was seen. The margin is 1 % of the devices that are not defective.
func TestWrongProfile(t *testing.T) {
	l := lab.New()
	if err := l.ReadConfig("", []string{"analyzer.address=sim", "simulation.chip=none", "runs=none"}); err != nil {
		t.Fatal(err)
	}
	chip, err := form(t.Context(), l, 1, []string{"A"})
	if err != nil {
		t.Fatal(err)
	}
	short := []string{"stopped short at the strongest set pulse, 1.05 V", "raise tuning.vset_max, which " +
		"pulses.set.strongest of the device profile pt-al2o3-tio2", "stopped short at the strongest reset pulse, -1.26 V"}
	for _, c := range []struct {
		prior, ranges float64
		says          []string // nil = the figures are reached
	}{
		{0.7, 1, nil}, {1.3, 1, nil}, {1.3, 1.3, nil}, {1, 0.7, short},
		{1.3, 0.7, append(short, "the mean set threshold is 9", "believes 1.33 V: change response.set.middle by -3",
			"believes -1.59 V: change response.reset.middle by -4")},
	} {
		t.Run(fmt.Sprintf("prior %g, ranges %g", c.prior, c.ranges), func(t *testing.T) {
			t.Parallel()
			spec := tuning.DefaultSpec(wrong(t, c.prior, c.ranges))
			var err error
			if spec.Targets, err = tuning.Face(20, 20); err != nil {
				t.Fatal(err)
			}
			j := procedure.NewTuning("A", spec, chip.Only())
			err = chip.Do(t.Context(), j)
			if ended := (*run.Ended)(nil); err != nil && !errors.As(err, &ended) {
				t.Fatal(err)
			}
			s := j.Outcome.Summary()
			t.Logf("%+v: %v", s, err)
			for _, words := range c.says {
				if err == nil || !strings.Contains(err.Error(), words) {
					t.Errorf("%v does not say %q", err, words)
				}
			}
			working := s.Devices - s.Defective
			if c.says == nil && (float64(s.InTolerance) < 0.99*float64(working) || s.MeanError > 0.02 || s.MedianPulses > 5) {
				t.Errorf("%d of %d in tolerance, mean error %.3g, median of %g pulses", s.InTolerance, working, s.MeanError,
					s.MedianPulses)
			}
		})
	}
}

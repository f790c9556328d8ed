package study_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/lab"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/mock/bench"
)

var long = flag.Bool("long", false, "measure more chips and larger arrays")

// TestMain keeps the configuration of whoever runs the tests away from them.
func TestMain(m *testing.M) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, config.EnvironmentPrefix+"_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(os.TempDir(), "no-such-directory"))
	m.Run()
}

// laboratory is one with a bench in memory around the pristine chip with this seed.
// Its configuration is that of file, "" for none.
func laboratory(t testing.TB, seed uint64, file string, set ...string) (*lab.Lab, *sim.Bench) {
	t.Helper()
	l, dir := lab.New(), t.TempDir()
	if err := l.ReadConfig(file, append(set, "runs="+dir, "simulation.chip="+filepath.Join(dir, "chip.json"),
		"figures=svg")); err != nil {
		t.Fatal(err)
	}
	chip, err := sim.NewChip(l.Config, seed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sim.New(l.Known(), l.Config, chip, "")
	if err != nil {
		t.Fatal(err)
	}
	l.NewBench = func(*config.Config) (*sim.Bench, bool, error) { return b, false, nil }
	return l, b
}

// checkSafe asks the simulated instruments themselves whether all outputs are off and
// all switches open.
func checkSafe(t testing.TB, b *sim.Bench) {
	t.Helper()
	b.Netlist.Do(func() {
		for i, o := range b.Netlist.Outputs() {
			if o.Mode != bench.Off {
				t.Errorf("unit %d is left at %+v", i+1, o)
			}
		}
		if n := b.Netlist.ClosedSwitches(); n != 0 {
			t.Errorf("%d switches are left closed", n)
		}
	})
}

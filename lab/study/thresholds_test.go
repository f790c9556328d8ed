package study_test

import (
	"math"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"xlab/characterize"
	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/lab/study"
	"xlab/lab/study/shard"
)

// measure measures the thresholds of devices on chips with these seeds.
func measure(t testing.TB, seeds shard.Seeds, devices string, set ...string) *characterize.Thresholds {
	t.Helper()
	l, _ := laboratory(t, seeds[0], "", set...)
	thresholds, _ := l.Procedures.Of("characterize-thresholds")
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	parse := thresholds.Flags(flags)
	if err := flags.Parse([]string{"--defects", "none", "--devices", devices}); err != nil {
		t.Fatal(err)
	}
	r, err := parse(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Thresholds(l, r.Job.(*procedure.Measurement))
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Run(t.Context(), seeds)
	if err != nil {
		t.Fatal(err)
	}
	return found.(*procedure.MeasurementResult).Measured.(*characterize.Thresholds)
}

// checkPopulation holds thresholds against the published ones: +1.0 / -1.2 V
// within 0.05 V, sigma 0.13 / 0.15 V within 0.03 V without edge devices, wider
// with them. slack is added in standard errors of the figures, for samples of the
// population.
func checkPopulation(t testing.TB, p *characterize.Thresholds, slack float64) {
	t.Helper()
	for _, c := range []struct {
		name        string
		got         characterize.ThresholdSummary
		mean, sigma float64
	}{{"SET", p.Set, 1.0, 0.13}, {"RESET", p.Reset, -1.2, 0.15}} {
		inner, all := c.got.WithoutEdges, c.got.All
		t.Logf("%s %+.3f V, sigma %.3f V of %d devices; with edges %+.3f V, sigma %.3f V of %d", c.name, inner.Mean,
			inner.Sigma, inner.N, all.Mean, all.Sigma, all.N)
		mean, sigma := float64(inner.Mean), float64(inner.Sigma)
		standardError := sigma / math.Sqrt(float64(inner.N))
		if math.Abs(mean-c.mean) > 0.05+slack*standardError {
			t.Errorf("%s: mean without edges %+.3f V, want %+.1f V +- 0.05", c.name, inner.Mean, c.mean)
		}
		if math.Abs(sigma-c.sigma) > 0.03+slack*standardError/math.Sqrt2 {
			t.Errorf("%s: sigma without edges %.3f V, want %.2f V +- 0.03", c.name, inner.Sigma, c.sigma)
		}
		if all.Sigma <= inner.Sigma || c.got.Edges.Sigma < 1.2*inner.Sigma {
			t.Errorf("%s: edge devices spread by %.3f V and make it %.3f V, want the long tails beside %.3f V", c.name,
				c.got.Edges.Sigma, all.Sigma, inner.Sigma)
		}
		if c.got.Missing > 0 {
			t.Errorf("%s: no threshold of %d devices", c.name, c.got.Missing)
		}
	}
}

var sevenChips = shard.Seeds{1, 2, 3, 4, 5, 6, 7}

// TestThresholdsOfSevenChips measures a quarter of the devices of each of seven
// chips through the whole bench, as the published figure does with seven arrays;
// of one chip without -long. All devices are formed, because they load the lines.
func TestThresholdsOfSevenChips(t *testing.T) {
	if testing.Short() {
		t.Skip("many times the same with other numbers")
	}
	seeds, slack, share := sevenChips[:1], 4.0, 0.9 // the first chip has five devices there that cannot be formed
	if *long {
		seeds, slack, share = sevenChips, 2, 0.97
	}
	var devices []string
	for i, cell := range array.AllCells(20, 20) {
		if i%4 == cell.Row%4 { // along the diagonals, edges among them
			devices = append(devices, cell.String())
		}
	}
	// A coarser staircase forms the same devices in less computing time.
	p := measure(t, seeds, strings.Join(devices, ","), "forming.levels=8")
	if want := len(seeds) * len(devices); float64(len(p.Devices)) < share*float64(want) {
		t.Errorf("%d devices were measured, want nearly %d", len(p.Devices), want)
	}
	checkPopulation(t, p, slack)
}

// BenchmarkThresholdsOfSevenChips measures every device of the seven chips, which
// is what hwdocs/device-model.md quotes.
func BenchmarkThresholdsOfSevenChips(b *testing.B) {
	for b.Loop() {
		p := measure(b, sevenChips, "")
		checkPopulation(b, p, 0)
		b.ReportMetric(float64(p.Set.WithoutEdges.Mean), "V-set")
		b.ReportMetric(float64(p.Set.WithoutEdges.Sigma), "V-set-sigma")
		b.ReportMetric(float64(p.Reset.WithoutEdges.Mean), "V-reset")
		b.ReportMetric(float64(p.Reset.WithoutEdges.Sigma), "V-reset-sigma")
	}
}

package procedure

import (
	"fmt"

	"xlab/instrument"
	"xlab/run"
)

// Figures are the key figures that every run that touches devices has.
type Figures struct {
	Run          string  `json:"run"`
	BenchSeconds float64 `json:"bench_seconds"`
	WallSeconds  float64 `json:"wall_seconds"`
	BusySeconds  float64 `json:"instrument_seconds"` // what the instruments need by themselves for the same steps
	Overhead     float64 `json:"overhead"`           // bench time over instrument time
}

// OverheadLine explains the ratio of bench time to instrument time.
func (f Figures) OverheadLine() string {
	if f.BusySeconds == 0 || f.BenchSeconds == 0 {
		return ""
	}
	bench := fmt.Sprintf("%.1f s", f.BenchSeconds)
	if f.BenchSeconds > 3600 {
		bench = run.FormatDuration(instrument.Seconds(f.BenchSeconds))
	}
	return fmt.Sprintf("bench time %s, of which the instruments needed %.1f s (ratio %.3f); wall time %.1f s\n",
		bench, f.BusySeconds, f.Overhead, f.WallSeconds)
}

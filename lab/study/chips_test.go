package study_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/mock/device"
)

// TestChips forms whole arrays and compares what forming found with what the
// chips really are, and what the devices really saw with the limits. What is said
// of a population needs twenty chips.
func TestChips(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("many times the same with other numbers")
	}
	chips := 2
	if *long {
		chips = 20
	}
	var mu sync.Mutex
	unformable, wrong := 0, []string{}
	t.Run("seed", func(t *testing.T) {
		for seed := range chips {
			t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
				t.Parallel()
				n, faults := formChip(t, uint64(seed+1))
				mu.Lock()
				defer mu.Unlock()
				unformable += n
				if len(faults) > 0 {
					wrong = append(wrong, fmt.Sprintf("chip %d:\n  %s", seed+1, strings.Join(faults, "\n  ")))
				}
			})
		}
	})
	devices := chips * 400
	if share := 100 * float64(unformable) / float64(devices); chips >= 20 && (share < 1 || share > 2.5) {
		t.Errorf("%.2f %% of all devices are unformable, want 1 to 2.5 %%", share)
	} else {
		t.Logf("%d of %d devices are unformable (%.2f %%); the defect map is right on %d of %d chips", unformable, devices,
			share, chips-len(wrong), chips)
	}
	report := t.Logf
	if len(wrong) > chips/20 {
		report = t.Errorf
	}
	for _, text := range wrong {
		report("defect map and truth differ on %s", text)
	}
}

// formChip forms array A of a fresh chip. It gives the number of unformable
// devices and describes those on which the defect map and the truth differ.
func formChip(t *testing.T, seed uint64) (unformable int, faults []string) {
	l, b := laboratory(t, seed, "")
	job, err := procedure.Form(l, "A", l.Settings().Forming)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.CarryOut(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	checkSafe(t, b)
	var truth device.Truth
	var ledger []device.LedgerEntry
	b.Netlist.Do(func() {
		devices := b.Netlist.Devices("A")
		truth, ledger = devices.Truth(), devices.Ledger()
	})
	if len(truth.Unformable) > 10 {
		t.Errorf("%d devices are unformable, want at most 10", len(truth.Unformable))
	}
	if len(truth.Destroyed) > 0 {
		t.Errorf("destroyed: %v", truth.Destroyed)
	}
	result := job.Result
	if total := result.Formed + result.Preformed + len(result.Defective); result.Devices != 400 || total != 400 ||
		result.Untried != 0 {
		t.Errorf("the figures do not add up: %+v", result)
	}
	if result.Overhead < 1 || result.Overhead > 1.10 {
		t.Errorf("bench time is %.4f times the instruments' own, want at most 1.10", result.Overhead)
	}
	for _, e := range ledger {
		if limits := l.Limits(); e.MaxV > float64(limits.MaxVoltage) || e.MinV < float64(limits.MinVoltage) ||
			e.MaxAbsI > float64(limits.MaxCurrent) {
			t.Errorf("r%dc%d has seen %.3g to %.3g V and %.3g A", e.Row, e.Col, e.MinV, e.MaxV, e.MaxAbsI)
		}
	}
	// Both lists are in row-major order.
	var found []device.Cell
	for _, cell := range result.Defective {
		found = append(found, device.Cell{cell.Row, cell.Col})
	}
	describe := func(c device.Cell, what string) {
		d := job.Outcome.Defects.At(array.Cell{Row: c[0], Col: c[1]})
		k := c[0]*20 + c[1]
		faults = append(faults, fmt.Sprintf("r%dc%d %s: found %s %s, true conductance %.3g S, seen %.2f to %.2f V and %.3g A",
			c[0], c[1], what, d.State, d.Reason, truth.Conductance[k], ledger[k].MinV, ledger[k].MaxV, ledger[k].MaxAbsI))
	}
	for _, c := range found {
		if !slices.Contains(truth.Unformable, c) {
			describe(c, "is taken for defective and is not")
		}
	}
	for _, c := range truth.Unformable {
		if !slices.Contains(found, c) {
			describe(c, "is unformable and was not found")
		}
	}
	return len(truth.Unformable), faults
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/lab/sim"
	"xlab/mock/device"
)

// Where most of a large array is formed, the sources of the other lines carry
// thousands of devices. While their compliance does not hold them, a device that
// does not form is not called defective; with one that does, all form.
func TestOtherLinesAtTheirCompliance(t *testing.T) {
	c := struct {
		rows       int
		devices    string
		n          int
		low, right string // compliance
	}{6, "r0c0-11", 12, "0.3mA", "3mA"}
	if *long {
		c.rows, c.devices, c.n, c.low, c.right = 64, "r29-33c*, r34c0-59, r28c0-19", 400, "5mA", "60mA"
	}
	w, err := array.LoadWiring(strings.NewReader(sized(c.rows, 64)), "")
	if err != nil {
		t.Fatal(err)
	}
	asked, err := array.ParseCells(c.devices, w.Rows, w.Cols)
	if err != nil || len(asked) != c.n {
		t.Fatalf("%d devices (%v)", len(asked), err)
	}
	dir := t.TempDir()
	wiring, config := filepath.Join(dir, "wiring.yaml"), filepath.Join(dir, "bench.yaml")
	for file, text := range map[string]string{wiring: sized(c.rows, 64),
		config: "analyzer: {address: sim}\nboards:\n  - {name: A, address: sim, wiring: " + wiring +
			"}\nlimits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 100mA, max_width: 20ms}\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	form := func(compliance string) (int, *rig) {
		r := newRig(t, 1)
		r.prepare = func(s *sim.Bench) {
			if err := formOthers(s.Chip.Arrays["A"], asked); err != nil {
				t.Fatal(err)
			}
		}
		code := r.run("form", "--config", config, "-d", c.devices, "--set", "forming.compliance="+compliance)
		r.checkSafe(0)
		return code, r
	}

	code, r := form(c.low)
	m := r.defects()
	t.Logf("with %s: %d of %d formed, %d defective; %s", c.low, len(m.Cells(array.StateFormed)), c.n,
		len(m.Cells(array.StateDefective)), r.err)
	if n := len(m.Cells(array.StateDefective)); code != 8 || n > c.n/50+1 {
		t.Errorf("with %s: exit %d, %d devices are called defective: %s", c.low, code, n, r.err)
	}
	for _, text := range []string{"no verdict", "(the other ", "would need about", "set forming.compliance="} {
		if !strings.Contains(r.err.String()+r.out.String(), text) {
			t.Errorf("with %s: no %q in: %s", c.low, text, r.err)
		}
	}
	code, r = form(c.right)
	m = r.defects()
	formed := len(m.Cells(array.StateFormed)) + len(m.Cells(array.StatePreformed))
	t.Logf("with %s: %d of %d formed, %d defective", c.right, formed, c.n, len(m.Cells(array.StateDefective)))
	// A device in a hundred forms only where the row's source gives more.
	if code != 0 && (code != 8 || strings.Contains(r.err.String(), "the other")) || formed < c.n-c.n/25-1 ||
		formed+len(m.Cells(array.StateDefective)) < c.n-c.n/100 {
		t.Errorf("with %s: exit %d, %d of %d formed: %s%s", c.right, code, formed, c.n, r.out, r.err)
	}
}

// formOthers puts the pristine devices that are not listed into the states that
// forming leaves, 3 to 8 µS.
func formOthers(a *device.Array, listed []array.Cell) error {
	text, err := a.MarshalJSON()
	if err != nil {
		return err
	}
	var whole, model map[string]json.RawMessage
	var conditions string
	var states []float64
	err = errors.Join(json.Unmarshal(text, &whole), json.Unmarshal(whole["model"], &model),
		json.Unmarshal(model["conditions"], &conditions), json.Unmarshal(model["g0_s"], &states))
	if err != nil {
		return err
	}
	now := []byte(conditions)
	for k := range now {
		if now[k] == 'p' && !slices.Contains(listed, array.Cell{Row: k / a.Cols(), Col: k % a.Cols()}) {
			now[k], states[k] = 'f', 3e-6+5e-6*math.Mod(float64(k)*math.Phi, 1)
		}
	}
	put := func(into map[string]json.RawMessage, key string, value any) {
		text, failed := json.Marshal(value)
		into[key], err = text, errors.Join(err, failed)
	}
	put(model, "conditions", string(now))
	put(model, "g0_s", states)
	put(whole, "model", model)
	text, failed := json.Marshal(whole)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return a.UnmarshalJSON(text)
}

// sized is the wiring map of an array of that size.
func sized(rows, cols int) string {
	return fmt.Sprintf(`{array: A, rows: %d, cols: %d, board: {name: A, chip: adg1438, chain: [{rows: 0-%d},
 {cols: 0-%d}]}, buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND}, smu: {F1: 1, F2: 2, H1: 3, H2: 4}}`,
		rows, cols, rows-1, cols-1)
}

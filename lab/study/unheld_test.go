package study_test

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
	"xlab/lab/procedure"
	"xlab/mock/device"
	"xlab/run"
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
	form := func(compliance string) (m *array.DefectMap, message string, code int) {
		l, b := laboratory(t, 1, config, "forming.compliance="+compliance)
		if err := formOthers(b.Chip.Arrays["A"], asked); err != nil {
			t.Fatal(err)
		}
		spec := l.Settings().Forming
		spec.Devices = asked
		job, err := procedure.Form(l, "A", spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = l.CarryOut(t.Context(), job); err != nil {
			message = err.Error()
		}
		checkSafe(t, b)
		return job.Outcome.Defects, message, run.ExitCode(err)
	}

	m, message, code := form(c.low)
	t.Logf("with %s: %d of %d formed, %d defective; %s", c.low, len(m.Cells(array.StateFormed)), c.n,
		len(m.Cells(array.StateDefective)), message)
	if n := len(m.Cells(array.StateDefective)); code != run.ExitPartial || n > c.n/50+1 {
		t.Errorf("with %s: exit code %d, %d devices are called defective: %s", c.low, code, n, message)
	}
	for _, text := range []string{"no verdict", "(the other ", "would need about", "set forming.compliance="} {
		if !strings.Contains(message, text) {
			t.Errorf("with %s: no %q in: %s", c.low, text, message)
		}
	}
	m, message, code = form(c.right)
	formed := len(m.Cells(array.StateFormed)) + len(m.Cells(array.StatePreformed))
	t.Logf("with %s: %d of %d formed, %d defective", c.right, formed, c.n, len(m.Cells(array.StateDefective)))
	// A device in a hundred forms only where the row's source gives more.
	if code != 0 && (code != run.ExitPartial || strings.Contains(message, "the other")) || formed < c.n-c.n/25-1 ||
		formed+len(m.Cells(array.StateDefective)) < c.n-c.n/100 {
		t.Errorf("with %s: exit code %d, %d of %d formed: %s", c.right, code, formed, c.n, message)
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

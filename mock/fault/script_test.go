package fault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"xlab/mock/fault"
)

// someDevices are a link with acts, a link without, and a disk.
func someDevices() map[string]fault.Device {
	nothing := func(fault.Fault) error { return nil }
	return map[string]fault.Device{
		"analyzer": {Link: true, Acts: map[string]fault.Act{
			"silence": {Do: nothing, Undo: nothing},
			"error": {Needs: []string{"code"}, Takes: []string{"slot"}, Do: nothing, Valid: func(f fault.Fault) error {
				if f.With.Slot > 10 {
					return errors.New("slots are 1 to 10")
				}
				return nil
			}},
		}},
		"board A":  {Link: true},
		"computer": new(fault.Disk).Device(),
	}
}

func TestRead(t *testing.T) {
	s, err := fault.Read(strings.NewReader(`
seed: 7
faults:
  - {what: lose, on: analyzer, toward: host, rate: 0.001, bytes: rest}
  - {what: delay, on: board A, toward: instrument, byte: 12, for: 20ms}
  - {what: cut, on: board A, piece: 40, attempts: 2}
  - {what: silence, on: analyzer, command: MCPNX, number: 5, pieces: 3, times: 2}
  - {what: error, on: analyzer, time: 12.5, code: 121, slot: 2}
  - {what: slow, on: computer, piece: 3, for: 1ms}
`), "s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s.Seed != 7 || len(s.Faults) != 6 {
		t.Fatalf("%+v", s)
	}
	if f := s.Faults[0]; f.Rate != 0.001 || f.Bytes != fault.Rest || f.Toward != fault.TowardHost ||
		f.Place() != "s.yaml:4" {
		t.Errorf("%+v", f)
	}
	if f := s.Faults[1]; f.For != 20*time.Millisecond || f.Byte != 12 {
		t.Errorf("%+v", f)
	}
	if f := s.Faults[3]; f.Command != "MCPNX" || f.Number != 5 || f.Pieces != 3 || f.Times != 2 {
		t.Errorf("%+v", f)
	}
	if f := s.Faults[4]; f.Time != 12.5 || f.With.Code != 121 || f.With.Slot != 2 {
		t.Errorf("%+v", f)
	}
	// A byte is no moment for a delay.
	err = s.Check(someDevices())
	if err == nil || !strings.HasPrefix(err.Error(), "s.yaml:5: byte is no trigger") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestBadScripts(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", "s.yaml: the file is empty"},
		"no YAML":       {"{", "s.yaml"},
		"no list":       {"seed: 1", "faults is missing"},
		"two documents": {"faults: []\n---\nfaults: []", "after the first"},
		"not a list":    {"faults: {what: lose}", "s.yaml:1: faults must be a list"},
		"unknown":       {"fault: []", `"fault" is not a known key; known are: faults, seed`},
		"twice":         {"faults:\n- what: lose\n  what: cut", `s.yaml:3: "what" is given twice`},
		"kind of value": {"faults:\n- {what: lose,\n   piece: often}", `s.yaml:3: piece: "often"`},
		"fraction":      {"faults:\n- {piece: 1.5}", "piece"},
		"zero":          {"faults:\n- {piece: 0}", "must be 1 or more"},
		"rate":          {"faults:\n- {rate: -0.1}", "above 0"},
		"infinity":      {"faults:\n- {rate: .inf}", "rate"},
		"time":          {"faults:\n- {for: 20}", "20ms"},
		"wire":          {"faults:\n- {wire: dout}", "din or sdo"},
		"no mapping":    {"faults:\n- lose", "s.yaml:2: keys with values are needed"},
		"no device": {"faults:\n- {what: lose, on: printer, toward: host, piece: 1}",
			`s.yaml:2: there is no "printer" here; faults can be on: analyzer, board A, computer`},
		"no such act": {"faults:\n- {what: explode, on: analyzer, piece: 1}", "possible are: error, silence, lose"},
		"no link":     {"faults:\n- {what: cut, on: computer, piece: 1}", "there is none"},
		"direction":   {"faults:\n- {what: lose, on: analyzer, piece: 1}", "toward"},
		"no direction": {"faults:\n- {what: silence, on: analyzer, toward: host, piece: 1}",
			"toward is for faults of bytes"},
		"no trigger":      {"faults:\n- {what: silence, on: analyzer}", "0 triggers"},
		"two triggers":    {"faults:\n- {what: silence, on: analyzer, piece: 1, rate: 0.1}", "2 triggers"},
		"rate beyond 1":   {"faults:\n- {what: silence, on: analyzer, rate: 1.5}", "more than 1"},
		"number":          {"faults:\n- {what: silence, on: analyzer, piece: 1, number: 2}", "no command is given"},
		"parameter":       {"faults:\n- {what: silence, on: analyzer, piece: 1, chip: 2}", "chip does not belong"},
		"needs":           {"faults:\n- {what: error, on: analyzer, piece: 1}", "needs code"},
		"valid":           {"faults:\n- {what: error, on: analyzer, piece: 1, code: 3, slot: 77}", "1 to 10"},
		"does not last":   {"faults:\n- {what: error, on: analyzer, piece: 1, code: 3, pieces: 7}", "pieces does not belong"},
		"delay without":   {"faults:\n- {what: delay, on: analyzer, toward: host, piece: 1}", "needs the key for"},
		"attempts":        {"faults:\n- {what: silence, on: analyzer, piece: 1, attempts: 2}", "attempts does not belong"},
		"slow without":    {"faults:\n- {what: slow, on: computer, piece: 1}", "needs for"},
		"bytes of a stop": {"faults:\n- {what: silence, on: analyzer, piece: 1, bytes: all}", "bytes does not belong"},
	} {
		s, err := fault.Read(strings.NewReader(c.text), "s.yaml")
		if err == nil {
			err = s.Check(someDevices())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("seed: 7\nfaults:\n- {what: lose, on: analyzer, toward: host, rate: 0.001, bytes: rest}\n")
	f.Add("faults:\n- &a {what: cut, on: board A, piece: 40}\n- *a\n")
	f.Add("faults: [[], {}, ~, {on: [1]}]")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := fault.Read(strings.NewReader(text), "s.yaml")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "s.yaml") {
				t.Errorf("the error has no place: %v", err)
			}
			return
		}
		if s.Check(someDevices()) == nil {
			if _, err := fault.New(s, fault.Options{Devices: someDevices()}); err != nil {
				t.Error(err)
			}
		}
	})
}

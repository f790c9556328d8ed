package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"xlab/lab/procedure"
	"xlab/mock/chip"
	"xlab/mock/device"
	"xlab/run"
)

// chipOf loads the chip that a killed process has left and checks that its
// record has what was done.
func chipOf(t *testing.T, file string) *chip.Chip {
	t.Helper()
	c, err := chip.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Recovered == 0 {
		t.Error("the record of the killed process is empty")
	}
	if a := c.Arrays["A"]; a.Condition(0) == device.Pristine || a.LedgerOf(0).Pulses == 0 {
		t.Errorf("device r0c0 has been formed and is found %s, after %d pulses", a.Condition(0), a.LedgerOf(0).Pulses)
	}
	return c
}

// TestKilledForm: a process that is killed loses nothing of what it did to the
// simulated devices, and the next one says what it found.
func TestKilledForm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	xlab := programIn(dir)
	form := xlab("form")
	awaitRecords(t, dir, "*", 1, run.TypeResult, start(t, form)) // r0c0
	if err := form.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := form.Wait(); err == nil {
		t.Fatal("the process had ended before")
	}
	file := filepath.Join(dir, "chip.json")
	left := chipOf(t, file)

	again, errs := xlab("form", "--devices", "r0c0", "--json"), newOutput()
	again.Stderr = errs
	out, err := again.Output()
	if err != nil {
		t.Fatalf("%v:\n%s", err, errs)
	}
	var result procedure.FormResult
	if err := json.Unmarshal(out, &result); err != nil || result.Preformed != 1 {
		t.Errorf("%v in %s", err, out)
	}
	want := fmt.Sprintf("the %d things that it still did to the devices were recovered", left.Recovered)
	if !strings.Contains(errs.String(), want) {
		t.Errorf("nothing is said of what was recovered, %q:\n%s", want, errs)
	}
	if entries, err := filepath.Glob(file + ".*"); err != nil {
		t.Error(err)
	} else {
		for _, e := range entries {
			if strings.HasSuffix(e, ".acts") {
				t.Errorf("the record is still there: %s", e)
			}
		}
	}
}

// TestKilledServers: the same for a process that serves the bench to another.
func TestKilledServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "chip.json")
	s := serve(t, file, 1)
	config := s.writeBench(dir, "tcp", byTCP)
	if code, said := formAt(t, dir, config); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	chipOf(t, file)
}

// formAt forms two devices on the bench of a configuration file.
func formAt(t *testing.T, dir, config string, more ...string) (code int, said string) {
	t.Helper()
	errs := newOutput()
	a := newApp(strings.NewReader(""), newOutput(), errs)
	a.Signals = make(chan os.Signal)
	code = a.execute(append([]string{"form", "--devices", "r0c0-1", "--config", config,
		"--set", "runs=" + filepath.Join(dir, "runs"), "--set", "locks=" + filepath.Join(dir, "locks")}, more...))
	return code, errs.String()
}

// TestServedFaults: faults come to any client, and one over TCP finds the cable
// back after it was pulled.
func TestServedFaults(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("another process cannot be interrupted on this system")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "faults.yaml")
	text := "faults:\n- {what: cut, on: analyzer, command: WNX, attempts: 1}\n" +
		"- {what: lose, on: board A, toward: host, piece: 5}\n"
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := serve(t, filepath.Join(dir, "chip.json"), 1, "--faults", script)
	config := s.writeBench(dir, "tcp", byTCP)
	code, said := formAt(t, dir, config)
	switch code {
	case 0, run.ExitUnreachable, run.ExitTrip, run.ExitInterrupted, run.ExitUnsafe:
	default:
		t.Errorf("exit code %d:\n%s", code, said)
	}
	stored, err := run.Load(filepath.Join(dir, "runs"), "last")
	if err != nil {
		t.Fatal(err)
	}
	journal, err := os.ReadFile(filepath.Join(stored.Dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"lost", "EOF", "reset"}
	if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(string(journal), w) }) {
		t.Errorf("exit code %d, and nothing is recorded of the cable:\n%s\n%s", code, said, journal)
	}
	s.stop(os.Interrupt)

	for name, c := range map[string]struct{ text, want string }{
		"unknown": {"faults:\n- {what: lose, on: analyzer, toward: host, peice: 3}\n",
			`faults.yaml:2: "peice" is not a known key`},
		"device": {"faults:\n- {what: cut, on: board Z, piece: 3}\n", `faults.yaml:2: there is no "board Z" here`},
	} {
		if err := os.WriteFile(script, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		errs := newOutput()
		a := newApp(strings.NewReader(""), newOutput(), errs)
		a.Signals = make(chan os.Signal)
		code := a.execute([]string{"form", "--set", "simulation.faults=" + script,
			"--set", "simulation.chip=" + filepath.Join(dir, "other.json"), "--set", "runs=" + dir})
		if code != run.ExitUsage || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit code %d:\n%s", name, code, errs)
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"xlab/lab/config"
	"xlab/run"
)

// refusedBusy checks that a command ends at once because another process has
// the bench, and says what it has to. One that does not end is killed.
func refusedBusy(t *testing.T, c *exec.Cmd, words ...string) {
	t.Helper()
	said := start(t, c)
	late := time.AfterFunc(patient, func() { _ = c.Process.Kill() }) // it may have ended just now
	err := c.Wait()
	if !late.Stop() {
		t.Fatalf("%v was not refused within %s, and ended with %v:\n%s", c.Args, patient, err, said)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != run.ExitBusy {
		t.Errorf("%v ended with %v:\n%s", c.Args, err, said)
	}
	for _, want := range words {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%v does not say %q:\n%s", c.Args, want, said)
		}
	}
}

// TestChipIsOneProcess starts a real process on a simulated chip and others
// beside it, which end at once, say who has the bench, and go on as soon as the
// first has ended, however that ends.
func TestChipIsOneProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("another process cannot be interrupted on this system")
	}
	for name, ending := range map[string]os.Signal{"interrupted": os.Interrupt, "killed": os.Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			xlab := programIn(dir)
			first := xlab("form", "--array", "A")
			awaitRecords(t, dir, "*", 1, run.TypeIntent, start(t, first))
			// It stands still, so that it cannot be through before it is looked at.
			standStill(t, first.Process)
			owner, end := fmt.Sprintf("process %d ", first.Process.Pid), fmt.Sprintf("kill -INT %d", first.Process.Pid)
			others := [][]string{{"read", "-d", "r0c0"}, {"sim", "serve"}, {"sim", "chip", "new"}, {"doctor"}}
			for _, args := range others {
				refusedBusy(t, xlab(args...), owner, "`xlab form --array A ", "-form-a-", "--wait", end)
			}
			// Nothing of the bench is needed for this.
			text, err := xlab("runs").CombinedOutput()
			if err != nil || !strings.Contains(string(text), string(run.OutcomeRunning)) {
				t.Errorf("runs: %v\n%s", err, text)
			}
			waiting := xlab("read", "-d", "r0c0", "--wait", "1m")
			heard := start(t, waiting)
			heard.await(t, "waiting for up to 1m0s: ")
			goOn(t, first.Process)
			if err := first.Process.Signal(ending); err != nil {
				t.Fatal(err)
			}
			if err := first.Wait(); err == nil {
				t.Error("the first process ended as if nothing had happened")
			}
			if err := waiting.Wait(); err != nil {
				t.Errorf("the process that waited: %v\n%s", err, heard)
			}
		})
	}
}

// TestInstrumentsAreOneProcess is the same for instruments that are reached by
// an address: another description of a bench that shares one of them stands
// back too, however it writes the address, and where it reaches all of them by other
// ways, because of the serial number that one of them tells.
func TestInstrumentsAreOneProcess(t *testing.T) {
	t.Parallel()
	server := serve(t, filepath.Join(t.TempDir(), "chip.json"), 1)
	at := func(instrument, transport, board string) string {
		scheme := map[string]string{"tcp": "tcp:", "pty": "serial:"}[transport]
		return scheme + server.address(instrument, transport, board)
	}
	describe := func(name, analyzer, neurons string, boards ...string) string {
		dir := t.TempDir()
		text := fmt.Sprintf("bench: %s\nanalyzer: {address: %q}\n", name, analyzer) +
			"limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}\n"
		if neurons != "" {
			text += fmt.Sprintf("neurons: {address: %q}\n", neurons)
		}
		text += "boards:\n"
		for i, address := range boards {
			text += fmt.Sprintf("  - {name: %c, address: %q, wiring: array-%c.yaml}\n",
				'A'+i, "buspirate:"+address, 'a'+i)
		}
		if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	const nobody = "tcp:127.0.0.1:1"
	analyzer, board := at("b1500a", "tcp", ""), at("adg1438", "tcp", "A")
	dir := describe("first", analyzer, at("neurons", "tcp", ""), board, at("adg1438", "tcp", "B"))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(server.address("b1500a", "pty", ""), link); err != nil {
		t.Fatal(err)
	}
	others := []string{
		describe("other", analyzer, "", board),
		describe("other", nobody, "", board),
		describe("other", strings.Replace(analyzer, "127.0.0.1", "localhost", 1), "", nobody),
		describe("other", strings.Replace(analyzer, "127.0.0.1", "[::1]", 1), "", nobody),
		describe("other", "serial:"+link, at("neurons", "pty", ""),
			at("adg1438", "pty", "A"), at("adg1438", "pty", "B")),
	}
	xlab := func(dir string, args ...string) *exec.Cmd {
		return exec.Command("xlab", append(args, "--config", filepath.Join(dir, config.FileName), "--set", "runs="+dir)...)
	}
	first := xlab(dir, "form")
	awaitRecords(t, dir, "*", 1, run.TypeIntent, start(t, first))
	standStill(t, first.Process)
	for _, d := range others {
		refusedBusy(t, xlab(d, "read", "-d", "r0c0"), fmt.Sprintf("first is in use by process %d ", first.Process.Pid))
	}
	refusedBusy(t, xlab(others[len(others)-1], "read", "-d", "r0c0"),
		"XLAB NEURON-10-4 with the serial number NB-1 is reached by another address as well")
	goOn(t, first.Process)
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil {
		t.Error("the first process ended as if nothing had happened")
	}
	if text, err := xlab(dir, "read", "-d", "r0c0").CombinedOutput(); err != nil {
		t.Errorf("after the first process: %v\n%s", err, text)
	}
	server.stop(os.Interrupt)
}

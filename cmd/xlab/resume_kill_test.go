package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/plan"
	"xlab/lab/procedure"
	"xlab/mock/device"
	"xlab/run"
	"xlab/run/replay"
)

const (
	killedSide      = 8                    // rows and columns of the array
	killsPerChip    = 10                   // before it is let go on to the end
	killedWithin    = 90                   // messages after its start a process is killed
	killedDelay     = 4 * time.Millisecond // at most, after a message
	killedTolerance = 0.05
)

// program runs the program in another process, which is killed after so many
// messages to the bench (0 = not), and gives its exit code, -1 for killed.
func (b *killBench) program(dir string, after, way int, args ...string) (code int, output string) {
	b.t.Helper()
	command := exec.Command("xlab", append(args, "--config", filepath.Join(dir, config.FileName))...)
	out := newOutput()
	command.Stdout, command.Stderr = out, out
	return b.launch(command, after, way)(), out.String()
}

// launch starts a process that is killed after so many messages to the bench (0 = not).
// end waits for its exit code, -1 for killed.
func (b *killBench) launch(command *exec.Cmd, after, way int) (end func() (code int)) {
	b.t.Helper()
	if err := command.Start(); err != nil {
		b.t.Fatal(err)
	}
	gone := make(chan struct{})
	b.mu.Lock()
	b.left, b.way = after, way
	b.kill = func() {
		_ = command.Process.Kill() // it may have ended by itself
		<-gone
	}
	b.mu.Unlock()
	return func() int {
		err := command.Wait()
		close(gone)
		b.mu.Lock()
		b.left, b.kill = 0, func() {}
		b.mu.Unlock()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return 0
		case errors.As(err, &exit):
			return exit.ExitCode()
		}
		b.t.Fatal(err)
		return 0
	}
}

// finish carries a command out, killing it up to so many times, and gives how
// often that was. A plan is one command; its tasks have runs of their own.
func (b *killBench) finish(dir string, random *rand.Rand, most int, command ...string) (killed int) {
	b.t.Helper()
	earlier := len(b.runs(dir))
	for {
		args := command
		own := b.runs(dir)[earlier:]
		if len(own) > 0 {
			if !own[0].Resumable() {
				return killed
			}
			args = []string{"resume"}
		}
		after := 0
		if killed < most {
			after = 1 + random.IntN(killedWithin)
		}
		code, output := b.program(dir, after, random.IntN(waysToBeKilled), args...)
		switch {
		case code == -1:
			killed++
		case code == run.ExitUnreachable && strings.Contains(output, "buspirate close") &&
			!b.runs(dir)[earlier].Resumable():
			// The box's good-bye came late on a busy machine: the run was over.
			b.t.Logf("after the run: %s", output[strings.LastIndex(output, "xlab: "):])
		case code != run.ExitDone && code != run.ExitPartial:
			b.t.Fatalf("%q ended with exit code %d after %d kills:\n%s", args, code, killed, output)
		}
	}
}

// finishOthers carries out afterTuning. Every command has one run, and the plan one
// for each of its tasks in addition.
func (b *killBench) finishOthers(dir string, random *rand.Rand) (killed int) {
	b.t.Helper()
	file := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(file, []byte(afterTuningPlan), 0o600); err != nil {
		b.t.Fatal(err)
	}
	earlier := len(b.runs(dir))
	for _, command := range afterTuning {
		if command[0] == "run" {
			command = []string{"run", file}
		}
		n := b.finish(dir, random, killsPerCommand, command...)
		b.t.Logf("%s: %d kills", strings.Join(command, " "), n)
		killed += n
	}
	const tasks = 3
	if n := len(b.runs(dir)) - earlier; n != len(afterTuning)+tasks {
		b.t.Errorf("%d runs of %d commands and %d tasks", n, len(afterTuning), tasks)
	}
	return killed
}

// runs are those that have a journal, oldest first.
func (b *killBench) runs(dir string) []run.Summary {
	b.t.Helper()
	list, err := run.List(filepath.Join(dir, "runs"))
	if err != nil {
		b.t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(s run.Summary) bool { return s.Outcome == run.OutcomeBroken })
}

// last is the newest run of a command.
func (b *killBench) last(dir, command string) *run.Summary {
	b.t.Helper()
	for _, s := range slices.Backward(b.runs(dir)) {
		if s.Command == command {
			return &s
		}
	}
	b.t.Fatalf("there is no run of %s", command)
	return nil
}

// afterTuning are the other commands on a single array, each killed a few times
// where there is time for it, and a plan. The file's name stands for the plan.
var afterTuning = [][]string{
	{"read"},
	{"iv", "--device", "r2c3", "--stop", "0.6V"},
	{"characterize", "endurance", "--devices", "r0c0-3", "--cycles", "5"},
	{"characterize", "thresholds", "--devices", "r1c0-3"},
	{"characterize", "iv", "--devices", fmt.Sprintf("r%dc0-3", curvesRow)},
	{"characterize", "disturb", "--devices", "r4c4", "--pulses", "5"},
	{"run", "plan.yaml"},
}

// curvesRow is the row in which curves are swept to small voltages: of the devices
// on a line the ledger does not tell which one such a sweep was meant for.
const curvesRow = 2

const afterTuningPlan = `
plan: three tasks
steps:
  - {run: read, array: A}
  - {run: tune, array: A, with: {target: 40uS, devices: "r5c0-5"}}
  - {run: characterize endurance, array: A, with: {devices: "r6c0-2", cycles: 3, fixed: true}}
`

// killsPerCommand is how often each of them is killed, at most.
const killsPerCommand = 3

// TestKilledAndResumed kills the program again and again while it forms and
// tunes an array, and takes it up again; with -long in other commands too.
func TestKilledAndResumed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the wiring of processes of this test is that of Unix")
	}
	if raceDetector {
		t.Skip("the processes that are killed are not under the race detector")
	}
	wanted := often(50, 1000)
	if testing.Short() {
		wanted = min(wanted, killsPerChip)
	}
	perChip := killsPerChip
	if *long {
		perChip += killsPerCommand*len(afterTuning) - 2 // not all are long enough
	}
	var total, wrong, missed, devices sharedCount
	t.Run("chip", func(t *testing.T) {
		for seed := range (wanted + perChip - 1) / perChip {
			t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				b := newKillBench(t, uint64(seed+1), dir)
				random := rand.New(rand.NewPCG(uint64(seed), 5))
				n := b.finish(dir, random, killsPerChip/2, "form")
				wrong.add(b.checkFormed(dir))
				n += b.finish(dir, random, killsPerChip-n, "tune")
				missed.add(b.checkTuned(dir))
				devices.add(killedSide * killedSide)
				if *long {
					n += b.finishOthers(dir, random)
				}
				total.add(n)
				b.checkRecords(dir)
			})
		}
	})
	t.Logf("%d kills; of %d devices %d are wrong in the defect map and %d of those that switch out of tolerance",
		total.n, devices.n, wrong.n, missed.n)
	if total.n < wanted*8/10 {
		t.Errorf("only %d kills, want about %d", total.n, wanted)
	}
	// Of uninterrupted runs on these chips the same is true.
	if wrong.n*200 > devices.n {
		t.Errorf("%d of %d devices are wrong in the defect maps", wrong.n, devices.n)
	}
	if missed.n*50 > devices.n {
		t.Errorf("%d of %d devices are out of tolerance", missed.n, devices.n)
	}
}

// sharedCount is a number that several tests add to.
type sharedCount struct {
	mu sync.Mutex
	n  int
}

func (c *sharedCount) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

// checkFormed counts the devices on which the defect map and the truth differ.
func (b *killBench) checkFormed(dir string) (wrong int) {
	b.t.Helper()
	file := filepath.Join(dir, "runs", b.last(dir, "form").ID, procedure.DefectsFile)
	f, err := os.Open(file)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	m, err := array.ReadDefectMap(f, file)
	if err != nil {
		b.t.Fatal(err)
	}
	var truth device.Truth
	b.sim.Netlist.Do(func() { truth = b.sim.Netlist.Devices("A").Truth() })
	if len(truth.Destroyed) > 0 {
		b.t.Errorf("destroyed: %v", truth.Destroyed)
	}
	for _, d := range m.Devices {
		unformable := slices.Contains(truth.Unformable, device.Cell{d.Cell.Row, d.Cell.Col})
		if d.State == array.StateUntried || (d.State == array.StateDefective) != unformable {
			b.t.Logf("%s is %s (%s), unformable in truth: %t", d.Cell, d.State, d.Reason, unformable)
			wrong++
		}
	}
	return wrong
}

// checkTuned counts the devices that switch and are out of tolerance.
func (b *killBench) checkTuned(dir string) (missed int) {
	b.t.Helper()
	s, err := run.Load(filepath.Join(dir, "runs"), b.last(dir, "tune").ID)
	if err != nil {
		b.t.Fatal(err)
	}
	var result procedure.TuneResult
	if err := json.Unmarshal(s.Summary.Summary, &result); err != nil || result.Devices != killedSide*killedSide {
		b.t.Fatalf("%v in %s", err, s.Summary.Summary)
	}
	return result.Disturbed + result.GaveUp
}

// checkRecords checks the records of all runs: they are whole, nothing in them
// was left unused, and the devices have had what they say, at most with what
// they say is not known.
func (b *killBench) checkRecords(dir string) {
	b.t.Helper()
	runs := filepath.Join(dir, "runs")
	list, err := run.List(runs)
	if err != nil {
		b.t.Fatal(err)
	}
	known, unknown := make(map[array.Cell]int), make(map[array.Cell]int)
	for _, s := range list {
		if s.Outcome == run.OutcomeBroken {
			continue // killed before its first line
		}
		var skips replay.Skips
		report, err := run.ScanJournal(filepath.Join(runs, s.ID), func(r run.Record) error {
			countStress(b.t, r, known, unknown)
			skips.See(r)
			return nil
		})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, d := range report.Damage {
			if !d.Torn {
				b.t.Errorf("%s: %s", s.ID, d)
			}
		}
		if len(report.Unknown) > 0 || len(skips.Spans()) > 0 {
			b.t.Errorf("%s: unknown %v, not used %v", s.ID, report.Unknown, skips.Spans())
		}
		if s.Command == plan.Command {
			continue
		}
		out, errs := newOutput(), newOutput()
		a := newApp(strings.NewReader(""), out, errs)
		a.Signals = make(chan os.Signal)
		code := a.execute([]string{"replay", s.ID, "--config", filepath.Join(dir, config.FileName)})
		if code != 0 || !strings.Contains(out.String(), "to the end of the run and its result") {
			b.t.Errorf("replay ended with exit code %d:\n%s%s", code, out, errs)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	sum, sure, doubtful := 0, 0, 0
	curves := [3]int{}
	for _, cell := range array.AllCells(killedSide, killedSide) {
		had := b.stress[cell]
		sum, sure, doubtful = sum+had, sure+known[cell], doubtful+unknown[cell]
		if cell.Row == curvesRow && *long {
			curves[0], curves[1], curves[2] = curves[0]+had, curves[1]+known[cell], curves[2]+unknown[cell]
			continue
		}
		if had < known[cell] || had > known[cell]+unknown[cell] {
			b.t.Errorf("%s has had %d pulses and sweeps, by the record %d and perhaps %d more",
				cell, had, known[cell], unknown[cell])
		}
	}
	if curves[0] < curves[1] || curves[0] > curves[1]+curves[2] {
		b.t.Errorf("row %d has had %d pulses and sweeps, by the record %d and perhaps %d more",
			curvesRow, curves[0], curves[1], curves[2])
	}
	b.t.Logf("%d pulses and sweeps by the chip's ledger; by the record %d, and %d that may have happened",
		sum, sure, doubtful)
	if sum < 3*killedSide*killedSide {
		b.t.Errorf("only %d pulses and sweeps in all: the ledger is not read rightly", sum)
	}
}

// countStress counts the pulses and sweeps of a record that happened, and those
// of which it is not known.
func countStress(t *testing.T, r run.Record, known, unknown map[array.Cell]int) {
	t.Helper()
	if r.Type != run.TypePart && r.Type != run.TypeResult || !strings.HasPrefix(string(r.Data), `{"array":`) {
		return
	}
	var done struct {
		Cell    array.Cell        `json:"cell"`
		Steps   []json.RawMessage `json:"steps"`
		Results []array.Result    `json:"results"`
		Error   string            `json:"error"`
	}
	if err := json.Unmarshal(r.Data, &done); err != nil {
		t.Fatal(err)
	}
	if done.Error != "" {
		return // told again where it is resolved
	}
	for i, text := range done.Steps {
		step, err := array.StepKinds().Step(text)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !step.Stress():
		case done.Results[i].Unknown:
			unknown[done.Cell]++
		default:
			known[done.Cell]++
		}
	}
}

// TestKilledWithItsBench kills the program together with the simulated bench in
// it: the chip's file has all that was done to the devices.
func TestKilledWithItsBench(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("the processes that are killed are not under the race detector")
	}
	dir := t.TempDir()
	xlab := programIn(dir)
	args := []string{"form", "--devices", "r0-3c0-14"} // far more than are done when it is killed
	for _, done := range []int{4, 10, 16} {
		c := xlab(args...)
		said := start(t, c)
		awaitRecords(t, dir, "*", done, run.TypeResult, said)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatalf("it was done before it was killed:\n%s", said)
		}
		args = []string{"resume"}
	}
	if text, err := xlab(args...).CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	s, err := run.Load(dir, "last")
	if err != nil || s.Outcome != run.OutcomeComplete || s.Result.Segments != 4 {
		t.Fatalf("%v, %s, %+v", err, s.Outcome, s.Result)
	}
	text, err := xlab("replay", "last").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "to the end of the run and its result") {
		t.Errorf("the replay ended with %v:\n%s", err, text)
	}
}

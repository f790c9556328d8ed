package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"xlab/lab/plan"
	"xlab/mock/chip"
	"xlab/run"
)

// Variables of the process that dies: the point of its journals' keeping at which
// it is killed, and a file for the number of points that it has passed.
const (
	dieAt     = "DIE_AT"
	pointFile = "DIE_POINTS"
)

// dying is the program, killed at a point of keeping its journals: before one is
// made, and at each synchronisation. A kill leaves what was written, so that it
// does not matter on which side of the synchronisation it comes.
func dying() {
	at, _ := strconv.Atoi(os.Getenv(dieAt)) // nothing said: never
	var mu sync.Mutex
	points := 0
	point := func() {
		mu.Lock() // for good, where it dies
		if points++; points == at {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			panic(fmt.Sprint("alive: ", err))
		}
		mu.Unlock()
	}
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	a.Keep = func(o run.Options) run.Options {
		o.Create = func(path string) (run.File, error) {
			point()
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		}
		o.Sync = func(f run.File) error {
			point()
			return f.Sync()
		}
		return o
	}
	code := a.execute(os.Args[1:])
	if file := os.Getenv(pointFile); file != "" {
		if err := os.WriteFile(file, fmt.Append(nil, points), 0o600); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

// sweepLevels is how many levels a forming sweep has in one direction.
const sweepLevels = 40

const threeTasks = `
plan: three tasks
steps:
  - {run: form, array: A, with: {devices: r0c0}}
  - {run: characterize endurance, array: A, with: {devices: r0c0, cycles: 3, fixed: true}}
  - {run: iv, array: A, with: {device: r0c0, stop: 0.4V}}
`

// stress counts, by the simulated chip's ledger, the reset pulses that device r0c0
// has had, and its set pulses with the levels of its forming sweeps.
func (o old) stress() (resets, levels int) {
	o.t.Helper()
	c, err := chip.Load(filepath.Join(o.dir, "chip.json"))
	if err != nil {
		o.t.Fatal(err)
	}
	entry := c.Arrays["A"].LedgerOf(0)
	const beyondReads = 4 // bins of 0.25 V
	for bin := beyondReads; bin < len(entry.Negative); bin++ {
		resets += int(entry.Negative[bin])
		levels += int(entry.Positive[bin])
	}
	return resets, levels
}

// TestKilledAtEverySync kills a plan of three tasks at everything that its journal
// and those of its tasks put on disk. However it is taken up,
// each task has one run, and the device has had the pulses of an uninterrupted plan
// but for one group.
func TestKilledAtEverySync(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("the processes that are killed are not under the race detector")
	}
	begin := func(t *testing.T) old {
		t.Helper()
		o := recordedBy(t, "0.2.0", "")
		if err := os.WriteFile(filepath.Join(o.dir, "three.yaml"), []byte(threeTasks), 0o600); err != nil {
			t.Fatal(err)
		}
		return o
	}
	whole := begin(t)
	if code, said := whole.program("xlab-dying", []string{pointFile + "=points"}, "run", "three.yaml"); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	text, err := os.ReadFile(filepath.Join(whole.dir, "points"))
	if err != nil {
		t.Fatal(err)
	}
	points, err := strconv.Atoi(string(text))
	if err != nil || points < 20 {
		t.Fatalf("%d points, %v", points, err)
	}
	resets, levels := whole.stress()
	group := whole.largestGroup()
	t.Logf("%d points; in an uninterrupted plan the device has had %d reset pulses, in groups of %d at most, "+
		"and %d set pulses and levels", points, resets, group, levels)
	if resets <= group {
		t.Error("there is nothing to be done twice")
	}
	ways := [][]string{{"resume"}, {"run", "three.yaml", "--continue"}, {"resume", "task"}}
	for n := 1; n <= points; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			o := begin(t)
			if code, said := o.program("xlab-dying", []string{dieAt + "=" + fmt.Sprint(n)}, "run", "three.yaml"); code != -1 {
				t.Fatalf("exit code %d instead of being killed:\n%s", code, said)
			}
			args := ways[n%len(ways)]
			tasks, planned := o.begun()
			switch {
			case !planned:
				args = []string{"run", "three.yaml"}
			case len(args) == 2 && tasks == "":
				args = args[:1]
			case len(args) == 2:
				args = []string{"resume", tasks}
			}
			if code, said := o.xlab(args...); code != 0 {
				t.Fatalf("%q ended with exit code %d:\n%s", args, code, said)
			}
			o.must(run.ExitUsage, "was cut off", "resume")
			had, swept := o.stress()
			if max(had-resets, resets-had) > group || swept < levels-group || swept > levels+group+2*sweepLevels {
				t.Errorf("the device has had %d reset pulses and %d set pulses and levels, want %d and %d", had, swept,
					resets, levels)
			}
			runs := make(map[string]int)
			for _, s := range o.runs() {
				if s.Outcome == run.OutcomeComplete {
					runs[s.Command]++
				} else if planned || s.Outcome != run.OutcomeBroken {
					t.Errorf("%s is %s: %s, %q", s.ID, s.Outcome, s.Cause, s.Problems)
				}
			}
			once := map[string]int{plan.Command: 1, "form": 1, "characterize-endurance": 1, "iv": 1}
			if !maps.Equal(runs, once) {
				t.Errorf("runs %v, want %v", runs, once)
			}
		})
	}
}

// largestGroup is the number of pulses that one intent of the runs has covered, at
// most.
func (o old) largestGroup() (most int) {
	o.t.Helper()
	pulses := make(map[string]int)
	for _, s := range o.runs() {
		for r, err := range run.Records(filepath.Join(o.dir, "runs", s.ID)) {
			if err != nil {
				o.t.Fatal(err)
			}
			if r.Of != 0 {
				key := fmt.Sprint(s.ID, r.Of)
				pulses[key] += strings.Count(string(r.Data), `"op":"pulse"`)
				most = max(most, pulses[key])
			}
		}
	}
	return most
}

// begun finds the newest run of a task, and tells whether the plan has one.
func (o old) begun() (task string, planned bool) {
	o.t.Helper()
	for _, s := range o.runs() {
		switch {
		case s.Outcome == run.OutcomeBroken:
		case s.Command == plan.Command:
			planned = true
		default:
			task = s.ID
		}
	}
	return task, planned
}

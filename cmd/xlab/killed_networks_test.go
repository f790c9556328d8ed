package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"xlab/run"
)

// onArrays are the commands on whole arrays, in an order in which each finds what
// it needs, with the exit codes that they may have.
var onArrays = []struct {
	args  []string
	codes []int
}{
	{[]string{"form", "--array", "A", "--set", "forming.levels=8"}, []int{run.ExitDone}},
	{[]string{"form", "--array", "B", "--set", "forming.levels=8"}, []int{run.ExitDone}},
	{[]string{"mlp", "import", "--network", "net.json"}, []int{run.ExitDone, run.ExitOutside, run.ExitPartial}},
	{[]string{"mlp", "infer"}, []int{run.ExitDone, run.ExitOutside}},
	{[]string{"mlp", "temperature", "--temperatures", "25C,40C"}, []int{run.ExitDone, run.ExitOutside}},
	{[]string{"mlp", "insitu", "--epochs", "2"}, []int{run.ExitDone, run.ExitPartial}},
}

// TestKilledNetworks kills commands on both whole arrays of the simulated bench,
// those of networks above all, together with the bench: at random times, and at
// random synchronisations of the journal. Each is taken up until it is done, in one
// run, whose record is whole and can be replayed.
func TestKilledNetworks(t *testing.T) {
	t.Parallel()
	if raceDetector || runtime.GOOS == "windows" {
		t.Skip("the processes that are killed are not under the race detector, and not of this system")
	}
	const perCommand = 4
	chips := often(0, 1000/perCommand/len(onArrays)/2)
	if chips == 0 {
		t.Skip("with -long")
	}
	var total sharedCount
	t.Run("chip", func(t *testing.T) {
		for seed := range chips {
			t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
				t.Parallel()
				o := old{t, t.TempDir()}
				random := rand.New(rand.NewPCG(uint64(seed), 17))
				where := []string{"--set", "runs=runs", "--set", "simulation.chip=chip.json",
					"--set", fmt.Sprint("simulation.seed=", seed+1)}
				train := []string{"mlp", "train", "--approach", "oblivious", "--out", "net.json"}
				if code, said := o.xlab(append(train, where...)...); code != 0 {
					t.Fatalf("exit code %d:\n%s", code, said)
				}
				for i, c := range onArrays {
					earlier := 1 + i
					args := c.args
					for killed := 0; ; {
						if own := o.whole()[earlier:]; len(own) > 0 {
							if !own[0].Resumable() {
								break
							}
							args = []string{"resume"}
						}
						var code int
						var said string
						switch {
						case killed == perCommand:
							code, said = o.xlab(append(args, where...)...)
						case random.IntN(2) == 0:
							code, said = o.program("xlab-dying", []string{dieAt + "=" + fmt.Sprint(1+random.IntN(200))},
								append(args, where...)...)
						default:
							code, said = o.killedAfter(time.Duration(random.IntN(3000))*time.Millisecond, append(args, where...)...)
						}
						if code == -1 {
							killed++
							total.add(1)
						} else if !slices.Contains(c.codes, code) {
							t.Fatalf("%q ended with exit code %d:\n%s", args, code, said)
						}
					}
					s := o.whole()[earlier]
					if strings.HasPrefix(s.Command, "form") {
						continue // other tests replay that
					}
					o.must(0, "no difference, to the end of the run and its result", append([]string{"replay", s.ID}, where...)...)
				}
				if n := len(o.whole()); n != 1+len(onArrays) {
					t.Errorf("%d runs", n)
				}
			})
		}
	})
	t.Logf("%d kills on %d chips", total.n, chips)
}

// whole lists the runs whose first line was written.
func (o old) whole() []run.Summary {
	o.t.Helper()
	return slices.DeleteFunc(o.runs(), func(s run.Summary) bool { return s.Outcome == run.OutcomeBroken })
}

// killedAfter runs the program and kills it after some time, unless it has ended by
// then.
func (o old) killedAfter(d time.Duration, args ...string) (code int, said string) {
	o.t.Helper()
	c, out := exec.Command("xlab", args...), newOutput()
	c.Dir, c.Stdout, c.Stderr = o.dir, out, out
	if err := c.Start(); err != nil {
		o.t.Fatal(err)
	}
	timer := time.AfterFunc(d, func() { _ = c.Process.Kill() }) // it may have ended
	defer timer.Stop()
	var exit *exec.ExitError
	if err := c.Wait(); err != nil && !errors.As(err, &exit) {
		o.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String()
}

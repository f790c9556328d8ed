package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"xlab/lab/study/shard"
)

// studies are commands that study chips, on the small bench of the witness.
func studies() map[string][]string {
	return map[string][]string{
		"tuning":     strings.Fields("study tuning --policies adaptive,two-speed --tolerances 30% --target 25uS --array B"),
		"thresholds": strings.Fields("characterize thresholds --devices r0-1c0-1"),
		"mlp": strings.Fields("study mlp --file points.csv --test-share 0 --hidden 2 --epochs 50 --policy two-speed " +
			"--approaches oblivious,aware"),
	}
}

// chipStudy does studies in a directory.
type chipStudy struct {
	t   *testing.T
	dir string
}

// smallBench is a directory with the bench of the witness, or with -long one with none, so
// that the arrays are those of the shipped bench.
func smallBench(t *testing.T) chipStudy {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "witness"))); err != nil {
		t.Fatal(err)
	}
	if *long {
		if err := os.Remove(filepath.Join(dir, "bench.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("XLAB_FORMING_LEVELS", "4") // forming is not what is looked at
	return chipStudy{t, dir}
}

// xlab gives what a command prints.
func (s chipStudy) xlab(args ...string) string {
	s.t.Helper()
	var out, messages bytes.Buffer
	if code := Main(args, strings.NewReader(""), &out, &messages); code != 0 {
		s.t.Fatalf("%q: exit code %d\n%s", args, code, &messages)
	}
	return out.String()
}

// shards studies chips in n shards and gives their files.
func (s chipStudy) shards(study []string, all shard.Seeds, n int) (files []string) {
	s.t.Helper()
	for i, seeds := range all.Split(n) {
		files = append(files, filepath.Join(s.dir, fmt.Sprintf("%d-of-%d.jsonl", i+1, n)))
		if out := s.xlab(slices.Concat(study, []string{"--seeds", seeds.String(), "--shard", files[i]})...); out != "" {
			s.t.Errorf("a shard prints %s", out)
		}
	}
	slices.Reverse(files)
	return files
}

// One run over chips, and one, two and seven shards of them, print the same bytes, as text and
// as JSON. What a killed process leaves of a shard becomes the same shard.
func TestShards(t *testing.T) {
	if testing.Short() {
		t.Skip("many chips")
	}
	for name, study := range studies() {
		t.Run(name, func(t *testing.T) {
			s, chips := smallBench(t), 20
			if name != "tuning" && !*long { // the kinds of studies differ in what their lines hold
				chips = 7
			}
			all, err := shard.ParseSeeds(fmt.Sprintf("1-%d", chips))
			if err != nil {
				t.Fatal(err)
			}
			text := s.xlab(append(study, "--chips", fmt.Sprint(chips))...)
			json := s.xlab(append(study, "--seeds", all.String(), "--json")...)
			if len(text) < 200 || len(json) < 500 || strings.Contains(json, "wall_seconds\": 0.") {
				t.Errorf("the study prints\n%s%s", text, json)
			}
			var files []string
			for _, n := range []int{1, 2, 7} {
				files = s.shards(study, all, n)
				merge := slices.Concat([]string{"study", "merge"}, files)
				if merged := s.xlab(merge...); merged != text {
					t.Errorf("%d shards print\n%sand one run\n%s", n, merged, text)
				}
				if merged := s.xlab(append(merge, "--json")...); merged != json {
					t.Errorf("%d shards print other JSON than one run", n)
				}
			}
			if runtime.GOMAXPROCS(0) > 1 { // cores are no part of what is found
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			}
			whole, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			cut := filepath.Join(s.dir, "cut.jsonl")
			last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
			for _, at := range []int{last, (last + len(whole)) / 2, len(whole) - 1, len(whole)} {
				if err := os.WriteFile(cut+shard.Part, whole[:at], 0o600); err != nil {
					t.Fatal(err)
				}
				s.xlab(slices.Concat(study, []string{"--seeds", all.Split(7)[6].String(), "--shard", cut})...)
				if again, err := os.ReadFile(cut); err != nil || !bytes.Equal(again, whole) {
					t.Errorf("cut off after %d of %d bytes it became another shard (%v)", at, len(whole), err)
				}
				if err := os.Remove(cut); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A study that is killed leaves a shard that the same command goes on with, while
// another of it is refused.
func TestKilledShard(t *testing.T) {
	dir := smallBench(t).dir
	xlab, args := programIn(dir), append(studies()["tuning"], "--chips", "20", "--shard", "killed.jsonl")
	c := xlab(args...)
	start(t, c)
	part := filepath.Join(dir, "killed.jsonl"+shard.Part)
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		if text, _ := os.ReadFile(part); bytes.Count(text, []byte{'\n'}) > 3 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("no chip is in the shard")
		}
	}
	busy, err := xlab(args...).CombinedOutput()
	if err == nil || !strings.Contains(string(busy), "another process is writing this shard") {
		t.Errorf("a second process: %v\n%s", err, busy)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if c.Wait() == nil {
		t.Fatal("the process had ended before")
	}
	left, err := shard.Read(part)
	if err != nil || len(left.Chips) < 3 || len(left.Left()) == 0 {
		t.Fatalf("the shard was left as %+v (%v)", left, err)
	}
	out, err := xlab(args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("going on with seeds %v", left.Left())) {
		t.Fatalf("%v:\n%s", err, out)
	}
	merged, err := xlab("study", "merge", "killed.jsonl", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := xlab(append(studies()["tuning"], "--json")...).Output(); err != nil || !bytes.Equal(whole, merged) {
		t.Errorf("after the kill the chips show something else (%v)", err)
	}
}

// What two cores do in one process, beside two processes of a core each with half of the
// chips: the figure of hwdocs/studies.md. It depends on what else the computer does, so
// it is told and not judged; the processors' time is told too, which depends on that less.
func TestTwoCores(t *testing.T) {
	if !*long || runtime.NumCPU() < 2 {
		t.Skip("with -long, on two cores")
	}
	xlab := programIn(t.TempDir())
	// took gives the time of the clock and of the processors that commands take side by side.
	took := func(cores int, seeds ...string) (wall, busy time.Duration) {
		began := time.Now()
		var list []*exec.Cmd
		for _, s := range seeds {
			c := xlab("study", "tuning", "--policies", "adaptive", "--tolerances", "30%,5%", "--seeds", s)
			c.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cores))
			start(t, c)
			list = append(list, c)
		}
		for _, c := range list {
			if err := c.Wait(); err != nil {
				t.Fatal(err)
			}
			busy += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		}
		return time.Since(began), busy
	}
	best := 0.0
	for range 5 {
		one, busyOne := took(2, "1-20")
		two, busyTwo := took(1, "1-10", "11-20")
		best = max(best, two.Seconds()/one.Seconds())
		t.Logf("two processes %.1f s, one process %.1f s: %.3f; processors' time %.1f s and %.1f s: %.3f", two.Seconds(),
			one.Seconds(), two.Seconds()/one.Seconds(), busyTwo.Seconds(), busyOne.Seconds(),
			busyTwo.Seconds()/busyOne.Seconds())
	}
	t.Logf("one process on two cores does at best %.3f of what two processes do", best)
}

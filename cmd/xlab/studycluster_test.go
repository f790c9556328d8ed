package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"xlab/lab/study/cluster"
	"xlab/lab/study/shard"
	"xlab/run"
)

// slurm runs a program of the cluster.
func slurm(t *testing.T, words ...string) string {
	t.Helper()
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

// onSlurm skips a test where there is no cluster.
func onSlurm(t *testing.T) {
	t.Helper()
	if os.Getenv("SLURM_CONF") == "" {
		t.Skip("SLURM_CONF is not set: scripts/check begins a cluster with scripts/slurm-cluster for this test")
	}
	if state := slurm(t, "sinfo", "--noheader", "--Node", "--format=%T"); state != "idle\nidle" {
		t.Skipf("the cluster is in use: %q", state)
	}
}

// studyBench is a bench of small arrays in a directory whose name a shell would like to
// take apart.
func studyBench(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "it's \"shared\"\n$(hostname) & 50 %")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bench.yaml": "limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}\n" +
			"boards: [{name: A, address: sim, wiring: map.yaml}]\n",
		"map.yaml": "array: small\nrows: 4\ncols: 4\n" +
			"board: {name: small, chip: adg1438, chain: [{cols: 0-3}, {rows: 0-3}]}\n" +
			"buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND}\nsmu: {F1: 1, F2: 2, H1: 3, H2: 4}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// inDir is a process of the program in a directory.
func inDir(dir string, args ...string) (c *exec.Cmd, out, messages *bytes.Buffer) {
	c, out, messages = exec.Command("xlab", args...), new(bytes.Buffer), new(bytes.Buffer)
	c.Dir, c.Stdout, c.Stderr = dir, out, messages
	return c, out, messages
}

// TestStudyOnCluster computes a study on a Slurm of two nodes, of which one is set down
// in the middle, together with the end of a quarter of the tasks and of the process that
// watches. What comes of it is what one process prints, and no chip is computed twice
// that was not cut. With -long there are 200 chips.
func TestStudyOnCluster(t *testing.T) {
	onSlurm(t)
	chips, tasks := often(32, 200), often(8, 40)
	dir := studyBench(t)
	command := []string{"study", "tuning", "--policies", "adaptive", "--tolerances", "30%,5%,1%", "--target",
		"20uS", "--seeds", fmt.Sprintf("11-%d", 10+chips)}
	began := time.Now()
	alone, want, _ := inDir(dir, command...)
	if err := alone.Run(); err != nil {
		t.Fatal(err)
	}
	t.Logf("one process: %.1f s", time.Since(began).Seconds())

	where := filepath.Join(dir, "on nodes")
	refused, _, words := inDir(dir, append(command, "--slurm", "--dir", where, "--shards", strconv.Itoa(tasks),
		"--partition", "nosuch")...)
	if err := refused.Run(); refused.ProcessState.ExitCode() != run.ExitUsage ||
		!strings.Contains(words.String(), "invalid partition specified: nosuch") ||
		!strings.Contains(words.String(), "partitions of this cluster: all\n") {
		t.Errorf("a partition that is not there: %v: %s", err, words)
	}
	began = time.Now()
	begin := append(command, "--slurm", "--dir", where, "--shards", strconv.Itoa(tasks), "--poll", "300ms",
		"--partition", "all", "--time", "10")
	first := exec.Command("xlab", begin...)
	first.Dir = dir
	messages := start(t, first)

	// In the middle: some shards are there, some are under way on either node, some have not begun.
	var s *cluster.Study
	await(t, "the study is under way", func() bool {
		var err error
		if s, err = cluster.Open(where); err != nil {
			return false
		}
		nodes := slurm(t, "squeue", "--noheader", "--name="+s.Job, "--states=R", "--format=%N")
		return chipsThere(s) >= chips/4 && strings.Contains(nodes, "n1") && strings.Contains(nodes, "n2")
	})
	var missing []int
	for i := range tasks {
		if _, err := os.Stat(s.File(i)); err != nil {
			missing = append(missing, i)
		}
	}
	job, _, _ := strings.Cut(slurm(t, "squeue", "--noheader", "--name="+s.Job, "--format=%F"), "\n")
	for n := range min(tasks/4, len(missing)) { // of those under way and of those that have not begun
		i := missing[n/2]
		if n%2 == 1 {
			i = missing[len(missing)-1-n/2]
		}
		slurm(t, "scancel", fmt.Sprintf("%s_%d", job, i))
	}
	slurm(t, "scontrol", "update", "nodename=n1", "state=down", "reason=test")
	t.Cleanup(func() { slurm(t, "scontrol", "update", "nodename=n1", "state=resume") })
	t.Logf("cut with %d of %d chips there", chipsThere(s), chips)
	await(t, "it is submitted again", func() bool { return strings.Count(messages.String(), "submitted") > 1 })
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()

	// Before the rest is there, collecting says so.
	early, out, words := inDir(dir, "study", "collect", where)
	_ = early.Run()
	if code := early.ProcessState.ExitCode(); code != run.ExitPartial || out.Len() > 0 ||
		!strings.Contains(words.String(), " chips are there") {
		t.Errorf("collected early: exit code %d, %s%s", code, out, words)
	}

	// Another process goes on.
	second, got, again := inDir(dir, begin...)
	if err := second.Run(); err != nil {
		t.Fatalf("%v:\n%s\nthe first said:\n%s", err, again, messages.String())
	}
	t.Logf("two nodes: %.1f s; the first said:\n%s\nthe second:\n%s", time.Since(began).Seconds(), messages.String(),
		again)
	collected, later, _ := inDir(dir, "study", "collect", where)
	if err := collected.Run(); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{"the second process": got.String(), "collect": later.String()} {
		if text != want.String() {
			t.Errorf("%s printed\n%s\none process\n%s", name, text, want)
		}
	}
	checkBegun(t, s, chips)
}

// await waits until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it took too long until %s", what)
		}
	}
}

// chipsThere counts the chips in the shards, finished and not.
func chipsThere(s *cluster.Study) (n int) {
	for _, file := range s.Files() {
		f, err := shard.Read(file)
		if err != nil {
			f, err = shard.Read(file + shard.Part)
		}
		if err == nil {
			n += len(f.Chips)
		}
	}
	return n
}

// checkBegun reads in the logs which chips the tasks have begun. Only the one that a task
// was at when it ended is begun again, by the next task of the same shard.
func checkBegun(t *testing.T, s *cluster.Study, chips int) {
	t.Helper()
	begun := make(map[string]bool)
	attempts, again := 0, 0
	for i := range s.Shards {
		text, err := os.ReadFile(filepath.Join(s.Dir(), "logs", strconv.Itoa(i)+".log"))
		if err != nil {
			t.Fatal(err)
		}
		first, last := false, ""
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "task ") {
				attempts++
				first = true
			}
			chip, is := strings.CutPrefix(strings.TrimSpace(line), "chip ")
			if !is {
				continue
			}
			if begun[chip] {
				again++
				if !first || chip != last {
					t.Errorf("chip %s was computed twice:\n%s", chip, text)
				}
			}
			begun[chip], first, last = true, false, chip
		}
	}
	if len(begun) != chips {
		t.Errorf("%d chips were begun, not %d", len(begun), chips)
	}
	t.Logf("%d tasks for %d shards, %d chips begun a second time because they were cut", attempts, len(s.Shards), again)
}

// TestFullSharedDisk lets the disk of the shards be full: the task says so, nothing half
// is merged, and the task goes on when there is space.
func TestFullSharedDisk(t *testing.T) {
	dir := studyBench(t)
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be had here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	command := []string{"study", "tuning", "--policies", "adaptive", "--tolerances", "30%", "--target", "20uS",
		"--chips", "4"}
	alone, want, _ := inDir(dir, command...)
	where := filepath.Join(disk, "study")
	begin, _, _ := inDir(dir, append(command, "--print", "xargs", "--dir", where, "--shards", "1")...)
	if err := errors.Join(alone.Run(), begin.Run()); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o644); err == nil {
		t.Fatal("the disk is not full")
	}
	task, _, words := inDir(dir, "study", "run-shard", where, "0")
	if _ = task.Run(); task.ProcessState.ExitCode() != run.ExitInterrupted ||
		!strings.Contains(words.String(), "no space left on device; free some space") {
		t.Errorf("exit code %d: %s", task.ProcessState.ExitCode(), words)
	}
	early, out, words := inDir(dir, "study", "collect", where)
	if _ = early.Run(); early.ProcessState.ExitCode() != run.ExitPartial || out.Len() > 0 {
		t.Errorf("collected half: exit code %d, %s%s", early.ProcessState.ExitCode(), out, words)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	task, _, words = inDir(dir, "study", "run-shard", where, "0")
	if err := task.Run(); err != nil {
		t.Fatalf("%v: %s", err, words)
	}
	collected, got, _ := inDir(dir, "study", "collect", where)
	if err := collected.Run(); err != nil || got.String() != want.String() {
		t.Errorf("%v, collected\n%s\nin one process\n%s", err, got, want)
	}
}

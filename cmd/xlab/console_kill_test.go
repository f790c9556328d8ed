package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/run"
)

// conversation is a script that talks with a console which is killed. It begins again
// with the same lines, from the first, as often as it has to.
type conversation struct {
	bench   *killBench
	dir     string
	random  *rand.Rand
	run     string
	answers []string // by line
	killed  int
	within  int // messages to the bench after a process's start in which it is killed
}

// life is one process. It tells whether all lines were answered.
func (c *conversation) life(lines []string, most int) (whole bool) {
	t := c.bench.t
	t.Helper()
	args := []string{"console", "--array", "A"}
	if c.run == "" {
		if runs := c.bench.runs(c.dir); len(runs) > 0 {
			c.run = runs[0].ID // killed before it said so
		}
	}
	if c.run != "" {
		args = []string{"console", "--resume", c.run}
	}
	command := exec.Command("xlab", append(args, "--config", filepath.Join(c.dir, config.FileName))...)
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := newOutput()
	command.Stderr = said
	after := 0
	if c.killed < most {
		after = 1 + c.random.IntN(c.within)
	}
	end := c.bench.launch(command, after, c.random.IntN(waysToBeKilled))
	answered := c.talk(lines, in, bufio.NewReader(out))
	_ = in.Close() // it may be gone
	_, _ = io.Copy(io.Discard, out)
	switch code := end(); {
	case code == -1:
		c.killed++
	case code == run.ExitUnreachable && answered && strings.Contains(said.String(), "buspirate close"):
		return true // the box's good-bye came late on a busy machine: the run was over
	case code != 0:
		t.Fatalf("%q ended with exit code %d after %d kills:\n%s", args, code, c.killed, said)
	default:
		return answered
	}
	return false
}

// talk gives the lines one by one. It tells whether all were answered, as before where
// they had been.
func (c *conversation) talk(lines []string, in io.WriteCloser, out *bufio.Reader) bool {
	t := c.bench.t
	t.Helper()
	var hello struct {
		Run string `json:"run"`
	}
	text, err := out.ReadString('\n')
	if err != nil {
		return false
	}
	if err := json.Unmarshal([]byte(text), &hello); err != nil || c.run != "" && hello.Run != c.run {
		t.Fatalf("%v in %s, the run is %s", err, text, c.run)
	}
	c.run = hello.Run
	for i, line := range append(lines, "") {
		if line == "" {
			_ = in.Close() // it may be gone
		} else if _, err := fmt.Fprintln(in, line); err != nil {
			return false
		}
		text, err := out.ReadString('\n')
		switch {
		case err != nil:
			return false
		case i == len(c.answers):
			c.answers = append(c.answers, text)
		case text != c.answers[i]:
			t.Fatalf("line %d is answered with\n%sand was before with\n%s", i+1, text, c.answers[i])
		}
	}
	return true
}

// TestConsoleKilledAndResumed kills a console again and again: the script that talks
// with it gets the same answers, and no step is performed twice.
func TestConsoleKilledAndResumed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the wiring of processes of this test is that of Unix")
	}
	if raceDetector {
		t.Skip("the processes that are killed are not under the race detector")
	}
	steps, kills := often(600, 10_000), often(6, 200)
	dir := t.TempDir()
	b := newKillBench(t, 1, dir)
	random := rand.New(rand.NewPCG(1, 7))
	c := &conversation{bench: b, dir: dir, random: random, within: often(200, 250)}
	lines := make([]string, 0, steps)
	for n := 0; n < steps; {
		cell := array.Cell{Row: random.IntN(killedSide), Col: random.IntN(killedSide)}
		v, pulse := 0.9+0.3*random.Float64(), `{"op":"pulse","cell":"%s","v":"%.3fV","width":"500us"}`
		if random.IntN(2) == 0 {
			v = -v
		}
		line := fmt.Sprintf(pulse, cell, v)
		switch n++; random.IntN(8) {
		case 0:
			line = fmt.Sprintf(`{"op":"read","cell":[%d,%d]}`, cell.Row, cell.Col)
		case 1, 2:
			line = "[" + line + `, {"op":"read"}]`
			n++
		case 3:
			line = "[" + line + "," + line + "]"
			n++
		case 4:
			line = fmt.Sprintf(pulse, cell, 9.0) // refused
		}
		lines = append(lines, line)
	}
	for !c.life(lines, kills) {
	}
	known, unknown, refused := make(map[array.Cell]int), make(map[array.Cell]int), 0
	for i, text := range c.answers[:len(lines)] {
		var a struct {
			N       int            `json:"n"`
			Results []array.Result `json:"results"`
			Error   *struct{ Kind string }
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil || a.N != i+1 || (len(a.Results) > 0) == (a.Error != nil) {
			t.Fatalf("%v in the answer %s", err, text)
		}
		if a.Error != nil {
			refused++
		}
		var said []map[string]any
		if err := json.Unmarshal([]byte("["+strings.Trim(lines[i], "[]")+"]"), &said); err != nil {
			t.Fatal(err)
		}
		for k, r := range a.Results {
			if said[k]["op"] != "pulse" {
				continue
			}
			list, err := array.ParseCells(fmt.Sprint(said[0]["cell"]), killedSide, killedSide)
			if err != nil {
				t.Fatal(err)
			}
			if r.Unknown {
				unknown[list[0]]++
			} else {
				known[list[0]]++
			}
		}
	}
	doubtful := 0
	b.mu.Lock()
	for _, cell := range array.AllCells(killedSide, killedSide) {
		doubtful += unknown[cell]
		if had := b.stress[cell]; had < known[cell] || had > known[cell]+unknown[cell] {
			t.Errorf("%s has had %d pulses, by the answers %d and perhaps %d more", cell, had, known[cell], unknown[cell])
		}
	}
	b.mu.Unlock()
	t.Logf("%d kills in %d steps of %d lines, %d of them refused; of %d pulses the script does not "+
		"know if they happened",
		c.killed, steps, len(lines), refused, doubtful)
	if c.killed < kills*8/10 || refused == 0 {
		t.Errorf("only %d kills, want about %d", c.killed, kills)
	}
	b.checkRecords(dir)
}

// TestConsoleProgram runs the program of hwdocs/console.md, which is killed with its
// console, or whose console is killed alone, and begins again each time.
func TestConsoleProgram(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here, in which the program is written:", err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("a program is put in front of another by a script of the Unix shell")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "hwdocs", "console.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```python\n")
	text, _, found := strings.Cut(text, "```")
	if lines := strings.Count(strings.ReplaceAll(text, "\n\n", "\n"), "\n"); !found || lines > 30 {
		t.Fatalf("the program of the page has %d lines", lines)
	}
	dir := t.TempDir()
	runs := filepath.Join(dir, "runs")
	for name, text := range map[string]string{
		"write.py": text, "xlab": "#!/bin/sh\nexec xlab-dying \"$@\"\n",
		config.FileName: fmt.Sprintf("runs: %q\nsimulation: {chip: %q}\n", runs, filepath.Join(dir, "chip.json")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	form := exec.Command("xlab", "form", "--devices", "r3c7")
	form.Dir = dir
	if text, err := form.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	program := func(at int, args ...string) *exec.Cmd {
		c := exec.Command(python, append([]string{"write.py"}, args...)...)
		c.Dir = dir
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", dieAt, at),
			"PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		return c
	}
	slowly := program(0)
	slowly.Args = []string{python, "-c", "import json, time; plain = json.dumps; json.dumps = lambda step: " +
		"(time.sleep(0.2), plain(step))[1]; exec(open('write.py').read())", "--array", "A"}
	awaitRecords(t, runs, "*-console-*", 3, run.TypeIntent, start(t, slowly))
	_, _ = slowly.Process.Kill(), slowly.Wait() // its console is left alone
	for end := time.Now().Add(patient); ; time.Sleep(5 * time.Millisecond) {
		s, err := run.Load(runs, "last")
		if err != nil {
			t.Fatal(err)
		}
		if s.Outcome == run.OutcomeInterrupted {
			break
		}
		if s.Outcome != run.OutcomeRunning || time.Now().After(end) {
			t.Fatalf("the console that was left alone is %s: %s", s.Outcome, s.Cause)
		}
	}
	args := []string{"--resume", "last"}
	for _, at := range []int{2, 6, 4} { // the console is killed at an intent
		if text, err := program(at, args...).CombinedOutput(); err == nil || strings.Contains(string(text), "uS after") {
			t.Fatalf("it was not killed at %d: %v\n%s", at, err, text)
		}
	}
	last, errs := program(0, args...), newOutput()
	last.Stderr = errs
	out, err := last.Output()
	if err != nil || !strings.Contains(string(out), "uS after") {
		t.Fatalf("%v:\n%s%s", err, out, errs)
	}
	replay := exec.Command("xlab", "replay", "last")
	replay.Dir = dir
	if text, err := replay.CombinedOutput(); err != nil || !strings.Contains(string(text), "to the end of the run") {
		t.Errorf("%v:\n%s", err, text)
	}
	var g float64
	_, verdict, _ := strings.Cut(string(out), "r3c7:")
	if _, err := fmt.Sscanf(verdict, " %f uS", &g); err != nil || g < 38 || g > 42 {
		t.Errorf("%v, %s", err, out)
	}
}

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"xlab/figure"
	"xlab/lab/config"
)

func TestMain(m *testing.M) {
	testscript.Main(alone{m}, map[string]func(){"xlab": main, "xlab-dying": dying})
}

// alone runs the tests without the configuration and the chip of whoever runs
// them, and checks that no command leaves anything running.
type alone struct{ *testing.M }

func (a alone) Run() int {
	home, err := os.MkdirTemp("", "xlab-test-home")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, config.EnvironmentPrefix+"_") || name == "NO_COLOR" {
			os.Unsetenv(name)
		}
	}
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	os.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	os.Setenv(config.EnvironmentPrefix+"_LOCKS", filepath.Join(home, "locks"))
	os.Setenv(figuresVariable, figure.SVG.String())
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		// Many of the tests wait for a time-out: twice as many as there are cores keep them busy.
		if err := f.Value.Set(fmt.Sprint(2 * runtime.GOMAXPROCS(0))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	code := a.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "a command left something running:", err)
		return 1
	}
	return code
}

// figuresVariable keeps tests from drawing every figure in every form, which takes
// longer than what most of them are about. Scripts that look at the files unset it.
const figuresVariable = config.EnvironmentPrefix + "_FIGURES"

var long = flag.Bool("long", false, "run what takes long too: kills, faults, and the parts of scripts "+
	"behind [long]")

// often is how often a test repeats what it does with other numbers: usual times,
// or many with -long.
func often(usual, many int) int {
	if *long {
		return many
	}
	return usual
}

// TestScripts runs the program as a person does, in a directory and a home of
// its own. Three commands are added to testscript's:
//
//	exits CODE PROGRAM ARGS...   run a program that must end with this exit code
//	json FILE PATH PATTERN       the value at the dotted path matches, as compact JSON
//	csv FILE ROWS COLS FILLED    a table of this size with so many cells that are not empty
func TestScripts(t *testing.T) {
	p := testscript.Params{Dir: "testdata/script"}
	if raceDetector {
		// The others are the same goroutines over other algorithms.
		p.Dir = ""
		for _, name := range []string{"doctor", "form", "hardware", "plan", "read", "runs"} {
			p.Files = append(p.Files, filepath.Join("testdata", "script", name+".txtar"))
		}
	}
	p.Setup = func(e *testscript.Env) error {
		home := filepath.Join(e.WorkDir, "home")
		e.Setenv("HOME", home)
		e.Setenv("TERM", "xterm")
		e.Setenv(figuresVariable, figure.SVG.String())
		return os.Mkdir(home, 0o755)
	}
	p.Cmds = map[string]func(*testscript.TestScript, bool, []string){"exits": scriptExits, "json": scriptJSON,
		"csv": scriptCSV}
	p.Condition = func(name string) (bool, error) {
		if name != "long" {
			return false, fmt.Errorf("unknown condition %q", name)
		}
		return *long, nil
	}
	testscript.Run(t, p)
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && !(neg && len(args) == 2) {
		ts.Fatalf("usage: json FILE PATH PATTERN, or ! json FILE PATH")
	}
	var v any
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.UseNumber()
	ts.Check(decoder.Decode(&v))
	found := true
	for key := range strings.SplitSeq(args[1], ".") {
		switch x := v.(type) {
		case map[string]any:
			v, found = x[key]
		case []any:
			i, err := strconv.Atoi(key)
			if found = err == nil && i < len(x); found {
				v = x[i]
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	if !found || neg {
		if found != neg {
			return
		}
		ts.Fatalf("%s: %s: found %t, want %t", args[0], args[1], found, !neg)
	}
	text, err := json.Marshal(v)
	ts.Check(err)
	if !regexp.MustCompile("^(?:" + args[2] + ")$").Match(text) {
		ts.Fatalf("%s: %s is %s, want %s", args[0], args[1], text, args[2])
	}
}

func scriptCSV(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: csv FILE ROWS COLS FILLED")
	}
	records, err := csv.NewReader(bytes.NewReader([]byte(ts.ReadFile(args[0])))).ReadAll()
	ts.Check(err)
	filled := 0
	for _, r := range records {
		for _, cell := range r {
			if cell != "" {
				filled++
			}
		}
	}
	cols := 0
	if len(records) > 0 {
		cols = len(records[0])
	}
	if got, want := fmt.Sprintln(len(records), cols, filled), fmt.Sprintln(args[1], args[2], args[3]); got != want {
		ts.Fatalf("rows, columns, filled cells: %s, want %s", got, want)
	}
}

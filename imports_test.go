package xlab_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rule forbids packages below From to import packages below To.
type rule struct {
	from   string   // "" = the whole project
	to     []string // packages of the project, "" = any of them
	except []string // of to
	tests  bool     // the rule holds in _test.go files too
	reason string
}

var rules = []rule{
	{from: "instrument", to: []string{""}, except: []string{"instrument"}, tests: false,
		reason: "instrument is the vocabulary everything else stands on; if it knew drivers or algorithms, nothing could " +
			"be built without them"},
	{from: "driver", to: []string{"mock"}, tests: true,
		reason: "a driver that shares code with the simulated instrument hides its own bugs: both sides are written from " +
			"hwdocs"},
	{from: "mock", to: []string{"driver", "lab", "cmd"}, tests: true,
		reason: "a simulated instrument that shares code with its driver proves nothing: both sides are written from hwdocs"},
	{from: "driver", to: []string{"forming", "tuning", "characterize", "mlp", "run", "figure", "lab", "cmd",
		"instrument/array"},
		tests: true, reason: "a driver knows one box and its protocol, not what it is used for"},
	{from: "forming", to: []string{"driver", "mock", "lab", "cmd"},
		reason: "an algorithm that knows a driver works on one bench only"},
	{from: "tuning", to: []string{"driver", "mock", "lab", "cmd"},
		reason: "an algorithm that knows a driver works on one bench only"},
	{from: "characterize", to: []string{"driver", "mock", "lab", "cmd"},
		reason: "an algorithm that knows a driver works on one bench only"},
	{from: "mlp", to: []string{"driver", "mock", "lab", "cmd"},
		reason: "an algorithm that knows a driver works on one bench only"},
	{from: "forming", to: []string{"tuning", "characterize", "mlp"}, tests: true, reason: "steps meet in the defect map " +
		"and in lab/procedure, not in each other's code"},
	{from: "tuning", to: []string{"forming", "characterize", "mlp"}, tests: true, reason: "steps meet in the defect map " +
		"and in lab/procedure, not in each other's code"},
	{from: "characterize", to: []string{"forming", "tuning", "mlp"}, tests: true,
		reason: "what a device is, is measured by pulses of the measurement's own: a change of a step must not change it"},
	{from: "lab", to: []string{"cmd"}, tests: true,
		reason: "what stands in the way of other programs in cmd stands in nobody's way in lab"},
	{from: "lab/procedure", to: []string{"driver", "mock", "lab"}, except: []string{"lab/procedure"},
		reason: "what is done with a bench works on an interface: it is the same on every bench, in a replay and in memory"},
	{from: "lab/study/shard", to: []string{""}, except: []string{"lab/study/shard", "instrument", "run", "input"},
		reason: "what is kept of chips is kept in one way whatever is studied, and who merges it needs no laboratory"},
	{from: "lab/config", to: []string{"driver", "mock"},
		reason: "a bench's description is checked by the boxes that it is handed; which there are, lab/boxes says"},
	{from: "lab/boxes", to: []string{"lab", "forming", "tuning", "characterize", "mlp", "cmd"},
		except: []string{"lab/boxes", "lab/config"},
		reason: "the boxes are below the bench that is made of them"},
	{from: "run", to: []string{"driver", "mock", "forming", "tuning", "characterize", "mlp", "lab", "cmd"},
		reason: "a run is recorded and made safe in the same way whatever is done in it"},
	{from: "figure", to: []string{""}, except: []string{"figure", "run/screen"},
		reason: "a figure is drawn of numbers, whatever they are of"},
	{from: "run/guarded", to: []string{""}, except: []string{"instrument", "run"},
		reason: "what stands in front of an array stands there on every bench; what a bench is, it is told"},
	{from: "mock/device", to: []string{""}, except: []string{"mock/device"},
		reason: "physics knows no protocol and no netlist"},
	{from: "mock/crossbar", to: []string{""}, except: []string{"mock/crossbar"},
		reason: "the nodal solution is mathematics and knows nothing else"},
	{from: "mock/bench", to: []string{"mock/wire", "instrument", "run", "figure",
		"forming", "tuning", "characterize", "mlp"},
		reason: "the netlist knows no protocol and no algorithm"},
	{from: "mock/inference", to: []string{""}, except: []string{"mock/inference", "mock/crossbar"},
		reason: "the evaluation path stands on the nodal solution and knows no bench"},
	{from: "mock/fault", to: []string{""}, except: []string{"mock/fault"}, reason: "what goes wrong happens to " +
		"streams, disks and clocks; what it means for a box is said where the bench is put together"},
	{from: "mock/chip", to: []string{"instrument", "run", "figure", "driver"}, except: onDisk,
		reason: "the chip's file belongs to the simulated world; how files are replaced and locked is said once for all"},
	{from: "run/atomicfile", to: []string{""}, except: []string{"run/atomicfile"},
		reason: "everything that is kept is replaced by it, in either world"},
	{from: "run/filelock", to: []string{""}, except: []string{"run/filelock"},
		reason: "everything that is locked is locked by it, in either world"},
	{from: "input", to: []string{""}, except: []string{"input"},
		reason: "it is imported by everybody, so it can import nobody"},
	{from: "mock/wire", to: []string{"mock/device", "mock/crossbar",
		"forming", "tuning", "characterize", "mlp", "run", "figure"},
		reason: "protocol servers know no physics"},
}

// onDisk are the leaves that say how files are replaced and locked.
var onDisk = []string{"run/atomicfile", "run/filelock"}

// only are functions that one package calls for all others.
var only = map[string]string{
	"os.Rename(":   "run/atomicfile", // a replacement without fsync is lost with the power
	"os.ReadFile(": "input",          // without a bound a wrong name takes all memory
	// an array that is reached past the layers below is stressed without them
	"array.NewJournaled(": "run/guarded",
	"unix.Flock(":         "run/filelock", "windows.LockFileEx(": "run/filelock",
}

// leaves are packages without knowledge of benches, which everybody may import
// because they import nothing of the project.
var leaves = []string{"input"}

// findBoxes gives the drivers of single instruments: those with a simulated side of
// the same name in mock/wire. What else is below driver is what they speak. A box
// that imports another cannot be used, or replaced, without it.
func findBoxes(t *testing.T) []string {
	drivers, err := filepath.Glob("driver/*")
	if err != nil {
		t.Fatal(err)
	}
	boxes := slices.DeleteFunc(drivers, func(driver string) bool {
		_, err := os.Stat(filepath.Join("mock", "wire", filepath.Base(driver)))
		return err != nil
	})
	for i := range boxes {
		boxes[i] = filepath.ToSlash(boxes[i])
	}
	if len(boxes) < 2 {
		t.Fatalf("the drivers of boxes are %q: the test does not run at the top of the project", boxes)
	}
	return boxes
}

// command is what cmd/xlab is made of, without what is below each. Commands are flags
// and printing: what another program would want too is in these rooms, and so is
// what they need of other rooms.
var command = []string{
	"lab", "lab/procedure", "lab/plan", "lab/study", "lab/study/shard", "lab/study/cluster", // what can be done
	"run", "run/archive/export", "run/archive/index", "run/keyfigure", "run/archive/report", // what was done
	"run/screen", "input", "input/table", "instrument", "instrument/array", "population", // what it is printed with
}

// witnesses are directories of tests that bring a driver and a simulated
// instrument together on purpose; they contain no other code.
var witnesses = []string{"mock/wire/conformance"}

func TestImportRule(t *testing.T) {
	const module = "xlab/"
	boxes := findBoxes(t)
	seen := 0
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && name != "." && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		seen++
		dir := path.Dir(filepath.ToSlash(file))
		isTest := strings.HasSuffix(name, "_test.go")
		for _, w := range witnesses {
			if dir == w {
				if !isTest {
					t.Errorf("%s: %s is for tests only", file, w)
				}
				return nil
			}
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for call, home := range only {
			if !isTest && dir != home && strings.Contains(string(source), call) {
				t.Errorf("%s calls %s...): %s is there for it", file, call, home)
			}
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			inside, ok := strings.CutPrefix(imported, module)
			if !ok {
				if strings.Contains(imported, "spf13/viper") && dir != "lab/config" {
					t.Errorf("%s imports %s: configuration is read in lab/config only", file, imported)
				}
				continue
			}
			for _, box := range boxes {
				if below(dir, box) && !below(inside, box) && belowAny(inside, boxes) {
					t.Errorf("%s imports %s: drivers of different boxes do not know each other; lab/boxes brings them together", file,
						imported)
				}
			}
			if dir == "cmd/xlab" && !isTest && !slices.Contains(command, inside) {
				t.Errorf("%s imports %s: a command is flags and printing; it asks the laboratory for what other programs "+
					"want too", file, imported)
			}
			// A test inside the package is the package; one outside is a user of it.
			outside := isTest && strings.HasSuffix(parsed.Name.Name, "_test")
			for _, r := range rules {
				if outside && !r.tests {
					continue
				}
				if below(dir, r.from) && belowAny(inside, r.to) && !belowAny(inside, r.except) && !belowAny(inside, leaves) {
					t.Errorf("%s imports %s: %s", file, imported, r.reason)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d Go files were seen: the test does not run at the top of the project", seen)
	}
}

func below(p, dir string) bool { return dir == "" || p == dir || strings.HasPrefix(p, dir+"/") }

func belowAny(p string, dirs []string) bool {
	for _, d := range dirs {
		if below(p, d) {
			return true
		}
	}
	return false
}

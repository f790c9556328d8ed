package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xlab/instrument/array"
	"xlab/lab/sim"
	"xlab/mock/bench"
	"xlab/mock/device"
	"xlab/run"
)

// consoleAnswer is a line of a console's output.
type consoleAnswer struct {
	Run     string         `json:"run"` // of the first
	N       int            `json:"n"`
	Results []array.Result `json:"results"`
	Error   struct {
		Kind   string `json:"kind"`
		Text   string `json:"text"`
		Advice string `json:"advice"`
	} `json:"error"`
	End bool `json:"end"`
}

// console gives a console its input and reads what it answers.
func (r *rig) console(input string, args ...string) (code int, answers []consoleAnswer) {
	r.t.Helper()
	r.app.In = strings.NewReader(input)
	before := len(r.out.String())
	code = r.run(append([]string{"console"}, args...)...)
	for text := range strings.Lines(r.out.String()[before:]) {
		var a consoleAnswer
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			r.t.Fatalf("%v in %s", err, text)
		}
		answers = append(answers, a)
	}
	return code, answers
}

// ledger is what was done to the devices of array A.
func (r *rig) ledger() (list []device.LedgerEntry) {
	r.sim.Netlist.Do(func() { list = r.sim.Netlist.Devices("A").Ledger() })
	return list
}

func pulsesIn(list []device.LedgerEntry) (n int) {
	for _, l := range list {
		n += int(l.Pulses)
	}
	return n
}

// TestConsoleRefuses gives lines that are no steps, or beyond the limits: each is
// answered, stresses nothing, and the next one is performed.
func TestConsoleRefuses(t *testing.T) {
	t.Parallel()
	const look = `{"op":"read","cell":"r3c7"}`
	zeros := strings.Repeat(",0", 19)
	refused := []struct{ name, line, kind, words string }{
		{"no JSON", `pulse r3c7 1V`, "usage", "console: column 1: this is not JSON"},
		{"cut off", `{"op":"read","cell":"r3c7"`, "usage", "not JSON"},
		{"two of them", look + look, "usage", "after top-level value"},
		{"a number", `5`, "usage", "there is a number where an object"},
		{"nothing", `null`, "usage", `op ""`},
		{"an empty list", `[]`, "usage", "no steps"},
		{"another kind", `{"op":"form","cell":"r3c7"}`, "usage", `"form" is none of`},
		{"an unknown key", `{"op":"pulse","cell":"r3c7","v":1,"widht":1e-3}`, "usage", `"widht" is no key`},
		{"keys are as told", `{"op":"pulse","cell":"r3c7","V":1,"width":1e-3}`, "usage", `"V" is no key`},
		{"no width", `{"op":"pulse","cell":"r3c7","v":1}`, "usage", `"width" is missing`},
		{"no voltage", `{"op":"pulse","cell":"r3c7","v":null,"width":1e-3}`, "usage", `"v" is missing`},
		{"no device", `{"op":"read"}`, "usage", "none is named"},
		{"many devices", `{"op":"read","cell":"r3c*"}`, "usage", "is not one device"},
		{"outside", `{"op":"read","cell":[3,20]}`, "usage", "outside the 20 x 20 array"},
		{"a negative row", `{"op":"read","cell":[-1,2]}`, "usage", "outside the 20 x 20 array"},
		{"part of a row", `{"op":"read","cell":[1.5,2]}`, "usage", "[row, col] in whole numbers, not [1.5,2]"},
		{"a key of another kind", `{"op":"sweep","cell":"r3c7","start":0,"stop":0.3,"steps":2.5}`, "usage",
			"step sweep: steps: there is a number 2.5 where a whole number belongs"},
		{"a list for a quantity", `{"op":"read","cell":"r3c7","v":[1]}`, "usage", "voltage: [1] is neither a number"},
		{"two devices", `[` + look + `,{"op":"read","cell":"r3c8"}]`, "usage", "step 2: the steps of a line"},
		{"another unit", `{"op":"pulse","cell":"r3c7","v":"1mA","width":1e-3}`, "usage", "is not a unit of voltage"},
		{"NaN", `{"op":"pulse","cell":"r3c7","v":NaN,"width":1e-3}`, "usage", "not JSON"},
		{"NaN in a text", `{"op":"pulse","cell":"r3c7","v":"NaN","width":1e-3}`, "usage", "does not start with a number"},
		{"too large for us", `{"op":"pulse","cell":"r3c7","v":1e999,"width":1e-3}`, "usage", "1e999"},
		{"not UTF-8", "{\"op\":\"read\",\"cell\":\"r3c7\xff\"}", "usage", "\"7\ufffd\" is not a number"},
		{"too long", look + strings.Repeat(" ", 1<<20), "usage", "at most 1048576 bytes, not 1048604"},
		{"too much", `{"op":"pulse","cell":"r3c7","v":3.6,"width":1e-3}`, "limit", "beyond the limit of 3.5 V"},
		{"far too much", `{"op":"pulse","cell":"r3c7","v":-1e300,"width":1e-3}`, "limit", "beyond the limit of -2.5 V"},
		{"too long a time", `{"op":"pulse","cell":"r3c7","v":1,"width":"21ms"}`, "limit", "beyond the limit of 20 ms"},
		{"no time", `{"op":"pulse","cell":"r3c7","v":1,"width":0}`, "limit", "more than 0 s"},
		{"too much of it", `{"op":"pulse","cell":"r3c7","v":1,"width":1e-3,"comp":"6mA"}`, "limit", "limit of 5 mA"},
		{"a read that is a stress", `{"op":"read","cell":"r3c7","v":0.5}`, "usage", "beyond"},
		{"one of a list", `[{"op":"pulse","cell":"r3c7","v":1,"width":1e-3},{"op":"pulse","v":4,"width":1e-3}]`,
			"limit", "3.5 V"},
		{"whole lines of one device", `{"op":"multiply","cell":"r3c7","from":"rows","v":[0.1]}`,
			"usage", "with whole lines"},
		{"an input that the neuron board has not", `[{"op":"multiply","from":"cols","v":[0.1` + zeros + `]},` +
			`{"op":"multiply","from":"cols","pairs":true,"v":[0.1` + zeros + `]}]`, "usage", "+200 mV, 0 V or -200 mV"},
		{"pairs of columns", `{"op":"multiply","from":"rows","pairs":true,"v":[0.2` + zeros + `]}`, "usage",
			"from the columns only"},
		{"no bias scheme", `{"op":"pulse","cell":"r3c7","v":1,"width":1e-3,"scheme":"v4"}`, "usage", `"v4" is not known`},
		{"a sweep without an end", `{"op":"sweep","cell":"r3c7","start":0,"steps":3}`, "usage", `"stop" is missing`},
		{"a sweep to amperes", `{"op":"sweep","cell":"r3c7","start":0,"stop":"1mA","steps":3}`, "usage", "unit of voltage"},
	}
	var input strings.Builder
	for _, c := range refused {
		fmt.Fprintln(&input, c.line)
	}
	r, untouched := newRig(t, 1), newRig(t, 1)
	code, answers := r.console(input.String() + look)
	if code != 0 || len(answers) != len(refused)+3 || !answers[len(refused)+2].End {
		t.Fatalf("exit code %d, answers %+v\n%s", code, answers, r.err)
	}
	for i, c := range refused {
		if a := answers[i+1]; a.N != i+1 || a.Error.Kind != c.kind || !strings.Contains(a.Error.Text, c.words) ||
			len(a.Results) > 0 {
			t.Errorf("%s: %+v, want %s: %q", c.name, a, c.kind, c.words)
		}
	}
	if a := answers[len(refused)+1]; len(a.Results) != 1 || !a.Results[0].Valid() {
		t.Errorf("behind them: %+v", a)
	}
	r.isReplayed("to the end of the run and its result")
	if code, answers := untouched.console(look); code != 0 {
		t.Fatalf("exit code %d, answers %+v", code, answers)
	}
	if diff := cmp.Diff(untouched.ledger(), r.ledger()); diff != "" {
		t.Errorf("devices have had more than a read: %s", diff)
	}
}

// TestConsoleForms: the same step in other forms, and what a step leaves out.
func TestConsoleForms(t *testing.T) {
	t.Parallel()
	r := newKeptRig(t, 1)
	code, answers := r.console("\ufeff" +
		`{"op":"pulse","cell":[3,7],"v":0.3,"width":5e-4,"scheme":"v3","comp":5e-3}` + "\r\n\r\n  \n" +
		`{"width":"500us","v":"300mV","op":"pulse","cell":"r3c7"}` + "\n" +
		`[{"op":"pulse","cell":"r3c7","v":-0.3,"width":"500us"}, {"op":"read","cell":[3,7]}]` + "\n" +
		`{"op":"sweep","cell":"r3c7","start":"0V","stop":"300mV","steps":4,"comp":"1mA"}` + "\n" +
		`{"op":"sweep","sweep":"current","cell":"r3c7","start":"0A","stop":"1uA","steps":4,"comp":"300mV",` +
		`"scheme":"grounded"}` +
		"\n" + `{"op":"parallel","cell":"r3c7","rows":"3","cols":"6,7","v":"-0.2V","width":"1ms"}` + "\n" +
		`{"op":"multiply","from":"rows","v":["100mV"` + strings.Repeat(",0", 19) + `]}` + "\n" +
		`{"op":"multiply","from":"cols","pairs":true,"v":["200mV"` + strings.Repeat(",0", 19) + `]}`)
	if code != 0 || len(answers) != 10 || answers[0].Run == "" {
		t.Fatalf("exit code %d, answers %+v\n%s", code, answers, r.err)
	}
	for i, n := range []int{1, 1, 2, 1, 1, 1, 1, 1} {
		if a := answers[i+1]; a.N != i+1 || len(a.Results) != n || !a.Results[n-1].Valid() {
			t.Errorf("%+v", a)
		}
	}
	if a := answers[8]; len(a.Results) == 1 && (a.Results[0].How != array.Pairs || len(a.Results[0].Levels) != 10) {
		t.Errorf("the ten neurons of the array: %+v", a)
	}
	var steps []string
	if _, err := run.ScanJournal(r.runs+"/"+answers[0].Run, func(line run.Record) error {
		var intent struct {
			Steps json.RawMessage `json:"steps"`
		}
		if line.Type == run.TypeIntent {
			if err := json.Unmarshal(line.Data, &intent); err != nil {
				return err
			}
			steps = append(steps, string(intent.Steps))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	up := `[{"op":"pulse","v":0.3,"width":0.0005,"scheme":"v3","comp":0.005}]`
	down := `[{"op":"pulse","v":-0.3,"width":0.0005,"scheme":"v2","comp":0.005},` +
		`{"op":"read","v":0.2,"comp":0.005,"settle":0.001,"aperture":0.04}]`
	if len(steps) != 6 || steps[0] != up || steps[1] != up || steps[2] != down {
		t.Errorf("performed were %s", steps)
	}
}

// TestConsoleRests: between two lines every source is at 0 V, an interrupt or a line
// that does not come ends the run as interrupted, and it is taken up.
func TestConsoleRests(t *testing.T) {
	t.Parallel()
	const shot = `{"op":"pulse","cell":"r3c7","v":1,"width":"500us"}` + "\n"
	for name, c := range map[string]struct {
		args  []string
		end   func(r *rig, lines io.WriteCloser)
		words string
	}{
		"interrupted": {nil, func(r *rig, _ io.WriteCloser) { r.signals <- os.Interrupt }, "asked to stop"},
		"left alone":  {[]string{"--idle", "300ms"}, func(*rig, io.WriteCloser) {}, "no line came for 300 ms (--idle)"},
		"cut off": {nil, func(_ *rig, lines io.WriteCloser) {
			_, _ = io.WriteString(lines, shot[:9]) // whoever does not read it shows below
			_ = lines.Close()
		}, `in the middle of a line: {"op":"pu`},
		"not read more": {nil, nil, "the answer could not be given"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newKeptRig(t, 1)
			in, lines := io.Pipe()
			answers, out := io.Pipe()
			r.app.In, r.app.out = in, out
			code := make(chan int)
			go func() {
				code <- r.run(append([]string{"console"}, c.args...)...)
				_ = out.Close()
			}()
			heard := bufio.NewReader(answers)
			said := func() string {
				text, err := heard.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			hello := said()
			if _, err := io.WriteString(lines, shot); err != nil {
				t.Fatal(err)
			}
			first := said()
			r.sim.Netlist.Do(func() {
				for i, o := range r.sim.Netlist.Outputs() {
					if o.Mode != bench.Off && (o.Mode != bench.ForceVoltage || o.Level != 0) {
						t.Errorf("unit %d waits at %+v", i+1, o)
					}
				}
			})
			if c.end != nil {
				c.end(r, lines)
			} else {
				_ = answers.Close()
				if _, err := io.WriteString(lines, shot); err != nil {
					t.Fatal(err)
				}
			}
			if got := <-code; got != run.ExitInterrupted || !strings.Contains(r.err.String(), c.words) ||
				!strings.Contains(r.err.String(), "go on with: xlab resume") {
				t.Fatalf("exit code %d:\n%s", got, r.err)
			}
			_ = lines.Close()
			r.checkSafe(0)
			had := pulsesIn(r.ledger())

			r.app.out = r.out
			got, again := r.console(shot+shot, "--resume", "last")
			if !strings.HasPrefix(r.out.String(), hello+first) || got != 0 || len(again) != 4 || !again[3].End {
				t.Fatalf("exit code %d:\n%s%s", got, r.out, r.err)
			}
			if c.end != nil && pulsesIn(r.ledger()) <= had || again[2].Results[0].Unknown {
				t.Errorf("the second pulse was not performed: %+v", again[2])
			}
			r.isReplayed("to the end of the run and its result")
		})
	}
}

// TestConsoleTakenUp: a run is taken up with the lines that it was begun with, and
// with no others.
func TestConsoleTakenUp(t *testing.T) {
	t.Parallel()
	r := newKeptRig(t, 1)
	r.prepare = func(s *sim.Bench) { s.Hurry = 400 * time.Millisecond } // the real time-outs are the same, only longer
	const look, shot = `{"op":"read","cell":"r3c7"}` + "\n", `{"op":"pulse","cell":"r3c7","v":1,"width":"500us"}` + "\n"
	atMessage(aPulse, func(s *sim.Bench) { s.Netlist.OpenInterlock(true) })(r)
	code, answers := r.console(look + shot + look)
	if code != run.ExitTrip || len(answers) != 3 || answers[2].Error.Kind != "interlock" {
		t.Fatalf("exit code %d, answers %+v\n%s", code, answers, r.err)
	}
	r.heard = nil
	id := answers[0].Run
	for name, c := range map[string]struct{ lines, recorded, asked string }{
		"another step":    {look + strings.Replace(shot, "1", "1.1", 1), `"v":1,`, `"v":1.1,`},
		"another kind":    {shot, `"op":"read"`, `"op":"pulse"`},
		"fewer lines":     {look, `"op":"pulse"`, "the end of the input"},
		"what is no step": {"magic\n", `"op":"read"`, "magic"},
	} {
		had := pulsesIn(r.ledger())
		code, answers := r.console(c.lines, "--resume", id)
		last := answers[len(answers)-1]
		for _, words := range []string{"another line than recorded", c.recorded, c.asked} {
			if code != run.ExitUsage || !strings.Contains(last.Error.Text, words) ||
				!strings.Contains(r.err.String(), words) {
				t.Errorf("%s: exit code %d, answers %+v\n%s", name, code, answers, r.err)
			}
		}
		if n := pulsesIn(r.ledger()); n != had {
			t.Errorf("%s: devices have had %d pulses more", name, n-had)
		}
	}
	r.app.In = strings.NewReader(look + shot + look)
	before := len(r.out.String())
	if code := r.run("resume", id); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	said := r.out.String()[before:]
	if !strings.Contains(said, `{"n":2,"results":[{"levels":null,"busy":0,"unknown":true}]}`) ||
		!strings.Contains(said, `{"n":4,"end":true}`) {
		t.Errorf("answers:\n%s", said)
	}
	r.isReplayed("to the end of the run and its result")
	if code := r.run("read", "--devices", "r0c0"); code != 0 {
		t.Fatal(r.err)
	}
	if code := r.run("console", "--resume", "last"); code != run.ExitUsage ||
		!strings.Contains(r.err.String(), "nothing left to do") {
		t.Errorf("exit code %d:\n%s", code, r.err)
	}
	if code := r.run("console", "--accept"); code != run.ExitUsage || !strings.Contains(r.err.String(), "give --resume") {
		t.Errorf("exit code %d:\n%s", code, r.err)
	}
	r.interruptAt(t, "TI", 5)
	if code := r.run("read"); code != run.ExitInterrupted {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	r.heard = nil
	if code := r.run("console", "--resume", "last"); code != run.ExitUsage ||
		!strings.Contains(r.err.String(), "is one of read and not of console: `xlab resume ") {
		t.Errorf("exit code %d:\n%s", code, r.err)
	}
}

// TestConsolesApart: a bench has one console, and nobody to read answers is no end.
func TestConsolesApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	xlab := programIn(dir)
	first := xlab("console")
	lines, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Process.Kill() }) // it has ended
	if _, err := bufio.NewReader(answers).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	refusedBusy(t, xlab("console"), fmt.Sprintf("process %d ", first.Process.Pid), "`xlab console ", "-console-a-",
		"--wait")
	if err := answers.Close(); err != nil {
		t.Fatal(err)
	}
	if err := lines.Close(); err != nil { // the answer to which nobody hears
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := first.Wait(); !errors.As(err, &exit) || exit.ExitCode() != run.ExitInterrupted {
		t.Errorf("%v", err)
	}
}

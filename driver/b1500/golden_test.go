package b1500

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"xlab/driver/flex"
	"xlab/hwdocs"
	"xlab/instrument"
)

// frame is one line of the golden file.
type frame struct {
	fromHost bool
	text     string
	line     int
}

// golden reads the sections of hwdocs/golden/b1500.txt.
func golden(t *testing.T) map[string][]frame {
	t.Helper()
	file, err := hwdocs.FS.Open("golden/b1500.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sections := map[string][]frame{}
	name := ""
	scanner := bufio.NewScanner(file)
	for n := 1; scanner.Scan(); n++ {
		switch line := scanner.Text(); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "== "):
			name = line[3:]
			if sections[name] != nil {
				t.Fatalf("line %d: section %q twice", n, name)
			}
			sections[name] = []frame{}
		case strings.HasPrefix(line, "> @world "): // not on the bus
		case strings.HasPrefix(line, "> "):
			sections[name] = append(sections[name], frame{true, line[2:], n})
		case strings.HasPrefix(line, "< "):
			sections[name] = append(sections[name], frame{false, line[2:], n})
		default:
			t.Fatalf("line %d of the golden file: %q", n, line)
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return sections
}

// scripted is a bus that follows frames: every command must be the next one,
// every answer is the next one.
type scripted struct {
	t             *testing.T
	frames        []frame
	conversations int
	operations    int   // anything that reached the bus
	fail          error // returned by the next conversation instead of answers
}

func (b *scripted) next(fromHost bool, what string) frame {
	b.t.Helper()
	if len(b.frames) == 0 {
		b.t.Fatalf("%s, but the script is over", what)
	}
	f := b.frames[0]
	if f.fromHost != fromHost {
		b.t.Fatalf("%s, but line %d of the script is %q", what, f.line, f.text)
	}
	b.frames = b.frames[1:]
	return f
}

func (b *scripted) expect(text string) {
	b.t.Helper()
	if f := b.next(true, fmt.Sprintf("%q was sent", text)); f.text != text {
		b.t.Fatalf("line %d of the script\nsent %q\nwant %q", f.line, text, f.text)
	}
}

func (b *scripted) Converse(_ context.Context, timeout time.Duration, parts ...flex.Part) ([][]byte, error) {
	b.t.Helper()
	b.conversations++
	b.operations++
	if timeout <= 0 {
		b.t.Errorf("conversation with a timeout of %s", timeout)
	}
	if b.fail != nil {
		err := b.fail
		b.fail = nil
		return nil, err
	}
	var replies [][]byte
	for _, p := range parts {
		if len(p.Command) > flex.MaxLine {
			b.t.Errorf("line of %d characters: %s", len(p.Command), p.Command)
		}
		if p.Command != "" {
			b.expect(p.Command)
		}
		if p.Reply {
			replies = append(replies, []byte(b.next(false, fmt.Sprintf("an answer to %q is read", p.Command)).text))
		}
	}
	return replies, nil
}

func (b *scripted) StatusByte(context.Context) (byte, error) {
	b.operations++
	b.expect("@spoll")
	text := b.next(false, "the status byte is read").text
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "@"), 10, 8)
	if err != nil {
		b.t.Fatal(err)
	}
	return byte(n), nil
}

func (b *scripted) Clear(context.Context) error {
	b.operations++
	b.expect("@clear")
	return nil
}

func (b *scripted) AwaitReady(ctx context.Context, mask byte, _ time.Duration) error {
	for {
		status, err := b.StatusByte(ctx)
		if err != nil || status&mask != 0 {
			return err
		}
	}
}

// done checks that the script was followed to its end.
func (b *scripted) done() {
	b.t.Helper()
	if len(b.frames) > 0 {
		b.t.Errorf("%d lines of the script were not followed, from line %d: %q", len(b.frames), b.frames[0].line,
			b.frames[0].text)
	}
}

// lab are limits in which all of the golden file's levels are allowed.
var lab = instrument.Limits{MinVoltage: -15, MaxVoltage: 15, MaxSpan: 15, MaxCurrent: 1e-3, MaxWidth: 2, Origin: "test"}

var fourChannels = []instrument.Channel{1, 2, 3, 4}

// opened gives a device that has followed the section "open" and whose bus
// then follows the given one.
func opened(t *testing.T, section string) (*Device, *scripted) {
	t.Helper()
	return openedWith(t, section, lab)
}

func openedWith(t *testing.T, section string, limits instrument.Limits) (*Device, *scripted) {
	t.Helper()
	sections := golden(t)
	bus := &scripted{t: t, frames: sections["open"]}
	d := New(bus, Options{Limits: limits, Channels: fourChannels})
	if bus.operations != 0 {
		t.Fatal("New touched the bus")
	}
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.done()
	frames, found := sections[section]
	if !found && section != "" {
		t.Fatalf("no section %q", section)
	}
	bus.frames, bus.conversations, bus.operations = frames, 0, 0
	return d, bus
}

// drives gives SMU 1, 2, ... these voltages with a compliance of 100 uA.
func drives(volts ...instrument.Volts) []instrument.Drive {
	out := make([]instrument.Drive, len(volts))
	for i, v := range volts {
		out[i] = instrument.Drive{Channel: instrument.Channel(i + 1), Voltage: v, Compliance: 100e-6}
	}
	return out
}

// strong gives the driven channels a compliance of 300 uA, as for a write.
func strong(ds []instrument.Drive) []instrument.Drive {
	for i := range ds {
		if ds[i].Voltage != 0 {
			ds[i].Compliance = 300e-6
		}
	}
	return ds
}

func with(ds []instrument.Drive, compliance ...instrument.Amps) []instrument.Drive {
	for i := range ds {
		ds[i].Compliance = compliance[min(i, len(compliance)-1)]
	}
	return ds
}

func channels(ch ...instrument.Channel) []instrument.Channel { return ch }

// verify is the read of 0.2 V that the golden file uses throughout.
func verify(settle instrument.Seconds) instrument.Spot {
	return instrument.Spot{Drives: drives(0.2, 0, 0, 0), Measure: channels(2), Range: 10e-6, Settle: settle,
		Aperture: 20e-3}
}

// want is what one step must give: values by point and reading.
type want struct {
	values [][]float64
	status [][]instrument.Status
	source []float64
	busy   instrument.Seconds
}

func one(busy instrument.Seconds, values ...float64) want {
	return want{values: [][]float64{values}, busy: busy}
}

func TestGoldenSteps(t *testing.T) {
	half := func(v instrument.Volts, width instrument.Seconds, measure ...instrument.Channel) instrument.Pulse {
		return instrument.Pulse{Drives: strong(drives(v/2, -v/2, 0, 0)), Width: width, Measure: measure, Range: 100e-6}
	}
	single := instrument.Pulse{Drives: strong(drives(1.2, 0, 0, 0)), Width: 500e-6, Measure: channels(1), Range: 100e-6}
	unmeasured := single
	unmeasured.Measure = nil
	fast := verify(0)
	fast.Aperture, fast.Range = 1e-3, 0
	reversed := fast
	reversed.Drives = drives(-0.2, 0, 0, 0)
	staircase := instrument.Sweep{
		Kind: instrument.SweepVoltage, Source: 1, Stop: 0.5, Steps: 6, Compliance: 100e-6,
		Drives: []instrument.Drive{{Channel: 2, Compliance: 100e-6}, {Channel: 3, Compliance: 100e-6},
			{Channel: 4, Compliance: 100e-6}},
		Measure: channels(1), Range: 100e-6, Delay: 1e-3, Aperture: 1e-3,
	}
	twoWay := staircase
	twoWay.Stop, twoWay.Steps, twoWay.TwoWay, twoWay.Measure, twoWay.Drives = -0.2, 2, true, channels(1, 2),
		staircase.Drives[:1]
	current := staircase
	current.Kind, current.Stop, current.Steps, current.Compliance, current.Aperture = instrument.SweepCurrent, 20e-6, 5, 2,
		20e-3
	following := staircase
	following.Stop, following.Steps, following.Measure, following.Drives = 0.3, 3, channels(2), nil
	following.Follow = []instrument.Follow{{Channel: 2, Ratio: -1, Compliance: 100e-6},
		{Channel: 3, Ratio: -1. / 3, Compliance: 100e-6}, {Channel: 4, Ratio: 1. / 3, Compliance: 100e-6}}
	bounded := following
	bounded.Compliance = 10e-6
	stopped := staircase
	stopped.Stop, stopped.Compliance, stopped.Aperture, stopped.Delay, stopped.StopAtCompliance = 1, 10e-6, 20e-3, 0, true
	stopped.Drives = staircase.Drives[:1]
	long := stopped
	long.Stop, long.Steps, long.Aperture, long.StopAtCompliance, long.Compliance = 0.3, 4, 1, false, 100e-6

	const sample13 = 13 * sampleTime
	for _, tc := range []struct {
		section string
		runs    [][]instrument.Step // one Run each
		want    [][]want
		polled  bool // two conversations instead of one
	}{
		{"spot", [][]instrument.Step{{verify(1e-3)}, {fast}, {reversed}},
			[][]want{{one(21e-3, -4e-6)}, {one(sample13, -4e-6)}, {one(sample13, 4e-6)}}, false},
		{"spot-many", [][]instrument.Step{{instrument.Spot{Drives: drives(0.1, -0.1, 0, 0), Measure: channels(1, 2, 3),
			Range: 10e-6, Aperture: 20e-3}}},
			[][]want{{one(60e-3, 4e-6, -4e-6, 0)}}, false},
		{"spot-ranges", [][]instrument.Step{
			{instrument.Spot{Drives: with(drives(2.5, 0), 1e-3), Measure: channels(1), Range: 100e-6, Aperture: 40e-3}},
			{instrument.Spot{Drives: with(drives(-12.3, 0), 1e-3), Measure: channels(1), Range: 1e-3, Aperture: 40e-3}},
			{instrument.Spot{Drives: with(drives(1, 0), 1e-3), Measure: channels(1), Range: 10e-6, Aperture: 40e-3}},
		}, [][]want{{one(40e-3, 50e-6)}, {one(40e-3, -246e-6)},
			{want{values: [][]float64{{199.9999e99}}, status: [][]instrument.Status{{instrument.StatusOverflow}}, busy: 40e-3}}},
			false},
		{"spot-compliance", [][]instrument.Step{
			{instrument.Spot{Drives: with(drives(1, 0), 10e-6, 100e-6), Measure: channels(1), Range: 100e-6, Aperture: 20e-3}},
			{instrument.Spot{Drives: with(drives(1, 0), 10e-6, 100e-6), Measure: channels(2), Range: 100e-6, Aperture: 20e-3}},
		}, [][]want{
			{want{values: [][]float64{{10e-6}}, status: [][]instrument.Status{{instrument.StatusCompliance}}, busy: 20e-3}},
			{want{values: [][]float64{{-10e-6}}, status: [][]instrument.Status{{instrument.StatusOtherCompliance}},
				busy: 20e-3}},
		}, false},
		{"pulse-single", [][]instrument.Step{{single}, {unmeasured},
			{instrument.Pulse{Drives: strong(drives(-1.2, 0)), Width: 10e-3, Period: 20e-3, Measure: channels(2),
				Range: 100e-6}}},
			[][]want{{one(5e-3, 24e-6)}, {one(5e-3)}, {one(20e-3, 24e-6)}}, false},
		{"pulse-multi", [][]instrument.Step{{half(1.2, 1e-3, 1, 2)},
			{instrument.Pulse{Drives: strong(drives(0.9, -0.9, -0.3, 0.3)), Width: 1e-3}}, {half(1.2, 1e-3)}},
			[][]want{{one(5e-3, 24e-6, -24e-6)}, {one(5e-3)}, {one(5e-3)}}, false},
		{"pulse-multi-long", [][]instrument.Step{{instrument.Pulse{
			Drives: strong(drives(1.23451, -0.61727, -0.41153, 0.41147)), Width: 10.3e-3, Measure: fourChannels,
			Range: 100e-6}}},
			[][]want{{one(12.3e-3, 37.036e-6, -37.036e-6, 0, 0)}}, false},
		{"pulse-then-read", [][]instrument.Step{{half(1.2, 500e-6, 1), verify(0)}, {half(1.22, 500e-6, 1), verify(0)}},
			[][]want{{one(5e-3, 24e-6), one(20e-3, -4e-6)}, {one(5e-3, 24.4e-6), one(20e-3, -4e-6)}}, false},
		{"sweep-voltage", [][]instrument.Step{{staircase}, {twoWay}}, [][]want{
			{{values: [][]float64{{0}, {2e-6}, {4e-6}, {6e-6}, {8e-6}, {10e-6}}, source: []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5},
				busy: 6 * (1e-3 + sample13)}},
			{{values: [][]float64{{0, 0}, {-4e-6, 4e-6}, {-4e-6, 4e-6}, {0, 0}}, source: []float64{0, -0.2, -0.2, 0},
				busy: 4 * (1e-3 + sample13)}},
		}, false},
		{"sweep-follow", [][]instrument.Step{{following}, {bounded}}, [][]want{
			{{values: [][]float64{{0}, {-6e-6}, {-12e-6}}, source: []float64{0, 0.15, 0.3}, busy: 3 * (1e-3 + sample13)}},
			{{values: [][]float64{{0}, {-6e-6}, {-10e-6}},
				status: [][]instrument.Status{{0}, {0}, {instrument.StatusOtherCompliance}},
				source: []float64{0, 0.15, 0.3}, busy: 3 * (1e-3 + sample13)}},
		}, false},
		{"sweep-current", [][]instrument.Step{{current}}, [][]want{
			{{values: [][]float64{{0}, {0.25}, {0.5}, {0.75}, {1}}, source: []float64{0, 5e-6, 10e-6, 15e-6, 20e-6},
				busy: 5 * 21e-3}}}, false},
		{"sweep-stopped", [][]instrument.Step{{stopped}}, [][]want{
			{{values: [][]float64{{0}, {4e-6}, {8e-6}, {10e-6}}, status: [][]instrument.Status{{0}, {0}, {0},
				{instrument.StatusCompliance}},
				source: []float64{0, 0.2, 0.4, 0.6}, busy: 4 * 20e-3}}}, false},
		{"sweep-long", [][]instrument.Step{{long}}, [][]want{
			{{values: [][]float64{{0}, {2e-6}, {4e-6}, {6e-6}}, source: []float64{0, 0.1, 0.2, 0.3}, busy: 4}}}, true},
	} {
		t.Run(tc.section, func(t *testing.T) {
			d, bus := opened(t, tc.section)
			for i, steps := range tc.runs {
				bus.conversations = 0
				results, err := d.Run(t.Context(), steps...)
				if err != nil {
					t.Fatalf("run %d: %v", i, err)
				}
				if one := map[bool]int{false: 1, true: 2}[tc.polled]; bus.conversations != one {
					t.Errorf("run %d took %d conversations, want %d", i, bus.conversations, one)
				}
				if len(results) != len(steps) {
					t.Fatalf("run %d: %d results of %d steps", i, len(results), len(steps))
				}
				total := instrument.Seconds(0)
				for j, r := range results {
					compare(t, fmt.Sprintf("run %d, step %d", i, j), r, tc.want[i][j])
					total += tc.want[i][j].busy
				}
				if cost, err := d.Cost(steps...); err != nil || tc.section != "sweep-stopped" &&
					!near(float64(cost), float64(total)) {
					t.Errorf("run %d: cost %v (%v), want %v", i, cost, err, total)
				}
			}
			bus.done()
		})
	}
}

func near(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 }

func compare(t *testing.T, where string, r instrument.Result, w want) {
	t.Helper()
	if !near(float64(r.Busy), float64(w.busy)) {
		t.Errorf("%s: busy %v, want %v", where, r.Busy, w.busy)
	}
	if len(r.Points) != len(w.values) {
		t.Fatalf("%s: %d points, want %d", where, len(r.Points), len(w.values))
	}
	for i, p := range r.Points {
		if w.source != nil && p.Source != w.source[i] {
			t.Errorf("%s, point %d: source %v, want %v", where, i, p.Source, w.source[i])
		}
		if p.Readings == nil && len(w.values[i]) == 0 {
			continue
		}
		if len(p.Readings) != len(w.values[i]) {
			t.Fatalf("%s, point %d: %d readings, want %d", where, i, len(p.Readings), len(w.values[i]))
		}
		for j, reading := range p.Readings {
			status := instrument.Status(0)
			if w.status != nil {
				status = w.status[i][j]
			}
			if reading.Value != w.values[i][j] || reading.Status != status {
				t.Errorf("%s, point %d, reading %d: %v status %b, want %v status %b", where, i, j, reading.Value, reading.Status,
					w.values[i][j], status)
			}
		}
	}
}

func TestGoldenIdentify(t *testing.T) {
	bus := &scripted{t: t, frames: golden(t)["identify"]}
	identity, err := New(bus, Options{}).Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if identity.Model != "B1500A" || identity.Vendor != "Agilent Technologies" ||
		identity.Firmware != "A.06.01.2016.0902" {
		t.Errorf("identity %+v", identity)
	}
	if len(identity.Modules) != 10 || identity.Modules[3] != "B1517A" || identity.Modules[4] != "" {
		t.Errorf("modules %q", identity.Modules)
	}
	bus.done()
}

func TestGoldenBenchTime(t *testing.T) {
	d, bus := opened(t, "bench-time")
	if now, err := d.BenchTime(t.Context()); err != nil || now != 12.3456 {
		t.Errorf("bench time %v, %v", now, err)
	}
	bus.done()
}

func TestGoldenSafe(t *testing.T) {
	d, bus := opened(t, "safe")
	if err := d.Safe(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.done()
	if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("run after safe: %v", err)
	}
	bus.frames = golden(t)["safe"]
	if err := d.Safe(t.Context()); err != nil {
		t.Errorf("second time: %v", err)
	}
	bus.done()
}

func TestGoldenErrors(t *testing.T) {
	for section, kind := range map[string]instrument.Kind{
		"error-in-queue":   instrument.KindInstrument,
		"interlock-opened": instrument.KindInterlock,
	} {
		t.Run(section, func(t *testing.T) {
			d, bus := opened(t, section)
			results, err := d.Run(t.Context(), verify(0))
			if instrument.KindOf(err) != kind || len(results) != 0 {
				t.Fatalf("results %v, error %v of kind %q", results, err, instrument.KindOf(err))
			}
			var entry *flex.QueueError
			if !errors.As(err, &entry) || entry.Code == 0 {
				t.Errorf("the analyzer's own words are lost: %v", err)
			}
			bus.done()

			bus.operations = 0
			if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != instrument.KindUsage || bus.operations != 0 {
				t.Errorf("run in unknown state: %v, %d operations on the bus", err, bus.operations)
			}
			sections := golden(t)
			bus.frames = append(sections["open-again"], later(sections["bench-time"], "000ZT+99.00000E+00")...)
			if err := d.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now, err := d.BenchTime(t.Context()); err != nil || now != 99 {
				t.Errorf("bench time %v, %v", now, err)
			}
			bus.done()
		})
	}
}

func TestGoldenInterlockOpenAtOpen(t *testing.T) {
	bus := &scripted{t: t, frames: golden(t)["interlock-open-at-open"]}
	d := New(bus, Options{Limits: lab, Channels: fourChannels})
	if err := d.Open(t.Context()); instrument.KindOf(err) != instrument.KindInterlock {
		t.Errorf("open with the interlock open: %v", err)
	}
	bus.done()
}

// With fixed ranges the frames are the golden ones but for the sign of the output
// ranges.
func TestFixedRanges(t *testing.T) {
	positive := regexp.MustCompile(`\b(DV \d+|PV \d+|WV \d+,\d|WI \d+,\d|WNX \d+,\d+,1|MCPNX \d+,\d+,1),(\d+,)`)
	for section, step := range map[string]instrument.Step{
		"spot": verify(1e-3),
		"pulse-single": instrument.Pulse{Drives: strong(drives(1.2, 0, 0, 0)), Width: 500e-6, Measure: channels(1),
			Range: 100e-6},
		"pulse-multi": instrument.Pulse{Drives: strong(drives(0.6, -0.6, 0, 0)), Width: 1e-3, Measure: channels(1, 2),
			Range: 100e-6},
		"sweep-follow": instrument.Sweep{Kind: instrument.SweepVoltage, Source: 1, Stop: 0.3, Steps: 3, Compliance: 100e-6,
			Measure: channels(2), Range: 100e-6, Delay: 1e-3, Aperture: 1e-3,
			Follow: []instrument.Follow{{Channel: 2, Ratio: -1, Compliance: 100e-6},
				{Channel: 3, Ratio: -1. / 3, Compliance: 100e-6}, {Channel: 4, Ratio: 1. / 3, Compliance: 100e-6}}},
		"sweep-current": instrument.Sweep{Kind: instrument.SweepCurrent, Source: 1, Stop: 20e-6, Steps: 5, Compliance: 2,
			Drives: []instrument.Drive{{Channel: 2, Compliance: 100e-6}, {Channel: 3, Compliance: 100e-6},
				{Channel: 4, Compliance: 100e-6}},
			Measure: channels(1), Range: 100e-6, Delay: 1e-3, Aperture: 20e-3},
	} {
		t.Run(section, func(t *testing.T) {
			d, bus := opened(t, section)
			d.o.FixedRanges = true
			bus.frames = bus.frames[:4]
			changed := positive.ReplaceAllString(bus.frames[0].text, "$1,-$2")
			if changed == bus.frames[0].text {
				t.Fatal("no output range in the golden frames")
			}
			bus.frames[0].text = changed
			if _, err := d.Run(t.Context(), step); err != nil {
				t.Fatal(err)
			}
			bus.done()
		})
	}
}

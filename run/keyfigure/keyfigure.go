// Package keyfigure puts the key figures of runs, which their summaries hold by
// name, into words with units, in the order in which people want them. Lists, the
// report and the terminal say the same therefore.
package keyfigure

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/population"
	"xlab/run"
)

// Figure is a key figure as people read it.
type Figure struct{ Name, Value string }

// Comparison is a measured value beside a published one, "" where nothing is. Both
// are texts, because some are ranges.
type Comparison struct {
	What      string `json:"what"`
	Measured  string `json:"measured"`
	Published string `json:"published"`
	Source    string `json:"source,omitempty"`
}

// Figures are what a run's summary says.
type Figures struct {
	Result      []Figure     // what was found
	Comparisons []Comparison // measured and published
	Remarks     []string     // notes and warnings, in sentences
	Bookkeeping []Figure     // times
}

// show writes a value, "" where nothing is to be said.
type show func(raw json.RawMessage) string

// entry is what is known about a key.
type entry struct {
	key, name string
	show      show
}

// known are all key figures, in order.
var known = []entry{
	{"plan", "plan", text},
	{"tasks_planned", "tasks planned", count},
	{"device", "device", text},
	{"status", "remark", text},
	{"levels", "levels measured", count},
	{"current_a", "current during the pulse", quantity[instrument.Amps]},
	{"before_s", "conductance before it", quantity[instrument.Siemens]},
	{"after_s", "conductance behind it", quantity[instrument.Siemens]},
	{"steps", "steps performed", count},
	{"unknown", "of which it is not known whether they happened", some},
	{"refused", "lines refused", some},
	{"approach", "approach", text},
	{"hardware", "by the hardware", shares},
	{"expected", "expected by the reads", shares},
	{"software", "in software", shares},
	{"survived_percent", "in software with errors of conductance", percent},
	{"accuracy_percent", "training patterns recognised", percent},
	{"test_accuracy_percent", "test patterns recognised", percent},
	{"goal_percent", "goal", percent},
	{"reached", "goal reached", yes},
	{"lowest_percent", "lowest on the training patterns", shares},
	{"weights_in_tolerance", "weights in tolerance", count},
	{"weights", "weights", count},
	{"in_tolerance", "devices in tolerance", count},
	{"devices", "devices", count},
	{"formed", "formed", count},
	{"preformed", "pre-formed", count},
	{"defective", "defective", cells},
	{"untried", "not tried", some},
	{"stuck", "stuck", some},
	{"disturbed", "disturbed by their neighbours", some},
	{"gave_up", "given up", some},
	{"unsettable", "devices that no pulse brings to their target", length},
	{"mean_error", "mean error", fraction},
	{"median_pulses", "write pulses of a device, median", plain},
	{"p90_pulses", "write pulses of nine in ten devices, at most", plain},
	{"worst_disturb", "largest change by pulses on neighbours", fraction},
	{"flagged", "readings with a status", some},
	{"rule", "amplitude", text},
	{"classes", "classes", names},
	{"sizes", "neurons of the layers", names},
	{"best_epoch", "best epoch", count},
	{"epochs", "epochs", count},
	{"pulses", "write pulses", count},
	{"writes", "writes", count},
	{"limited_writes", "writes with a source at its compliance", some},
	{"start_pulses", "write pulses before training", count},
	{"held", "devices held", some},
	{"bad_reads", "reads that were not valid", some},
	{"patterns", "patterns classified", count},
	{"classification_wall_seconds", "time of classification, on the clock", seconds},
	{"seed", "seed of training", plain},
}

// times are the bookkeeping.
var times = []entry{
	{"bench_seconds", "bench time", seconds},
	{"instrument_seconds", "of which the instruments needed", seconds},
	{"overhead", "ratio of both", ratio},
	{"wall_seconds", "time on the clock", seconds},
}

// silent are parts of summaries that are shown elsewhere, as tables, figures and
// files, or that say where and not what.
var silent = []string{"run", "measurement", "comparison", "notes", "warnings", "figures", "tasks", "confusion",
	"fidelity", "curve", "points", "variants", "reference", "network", "files", "file"}

// undefined are figures of the devices that switch: of none there are none. Runs
// of earlier programs have zeros there.
var undefined = []string{"mean_error", "median_pulses", "p90_pulses"}

// Of reads a summary. What is not known by name is said by its name, as far as it
// is a number or a text.
func Of(summary json.RawMessage) Figures {
	var f Figures
	var values map[string]json.RawMessage
	if json.Unmarshal(summary, &values) != nil {
		return f // a run that ended before it had any
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(values["figures"], &inner) == nil { // reads and sweeps of earlier programs
		maps.Copy(values, inner)
	}
	if nothingSwitches(values) {
		for _, key := range undefined {
			delete(values, key)
		}
	}
	for _, k := range known {
		if raw := values[k.key]; raw != nil && string(raw) != "null" {
			if value := k.show(raw); value != "" {
				f.Result = append(f.Result, Figure{k.name, value})
			}
		}
	}
	for _, k := range times {
		if value := k.show(values[k.key]); value != "" {
			f.Bookkeeping = append(f.Bookkeeping, Figure{k.name, value})
		}
	}
	var others []Figure
	for key, raw := range values {
		if Known(key) {
			continue
		}
		for _, show := range []show{plain, text} {
			if value := show(raw); value != "" {
				others = append(others, Figure{strings.ReplaceAll(key, "_", " "), value})
				break
			}
		}
	}
	slices.SortFunc(others, func(a, b Figure) int { return strings.Compare(a.Name, b.Name) })
	f.Result = append(f.Result, others...)
	_ = json.Unmarshal(values["comparison"], &f.Comparisons) // of another form: there is none to show
	measured := false
	for i, c := range f.Comparisons {
		f.Comparisons[i].Measured = noSpread.ReplaceAllString(c.Measured, "$1")
		measured = measured || c.Measured != "-"
	}
	if !measured {
		f.Comparisons = nil // of no device there is nothing to compare
	}
	for _, key := range []string{"notes", "warnings"} {
		var list []string
		_ = json.Unmarshal(values[key], &list)
		f.Remarks = append(f.Remarks, list...)
	}
	return f
}

// Line is a result in one line of a list: of a measurement the first of it.
func (f Figures) Line() string {
	var words []string
	for _, k := range f.Result {
		words = append(words, k.Name+" "+k.Value)
	}
	if len(words) == 0 { // a measurement: what it found is its comparison
		for _, c := range f.Comparisons[:min(2, len(f.Comparisons))] {
			words = append(words, c.What+" "+c.Measured)
		}
	}
	return strings.Join(words, ", ")
}

// Known tells whether a key of a summary has words, or is shown in another way.
func Known(key string) bool {
	return slices.Contains(silent, key) ||
		slices.ContainsFunc(append(slices.Clone(known), times...), func(k entry) bool { return k.key == key })
}

// noSpread finds the spread of one device, which earlier programs wrote.
var noSpread = regexp.MustCompile(`, sigma [^(]*( \(1 device\))$`)

// nothingSwitches tells whether all devices of a tuning are defective or stuck.
func nothingSwitches(values map[string]json.RawMessage) bool {
	devices, tuned := number(values["devices"])
	defective, known := number(values["defective"])
	stuck, counted := number(values["stuck"])
	return tuned && known && counted && devices == defective+stuck
}

func number(raw json.RawMessage) (x float64, ok bool) {
	var p *float64
	if json.Unmarshal(raw, &p) != nil || p == nil {
		return 0, false
	}
	return *p, true
}

// scaled shows a number times scale.
func scaled(format string, scale float64) show {
	return func(raw json.RawMessage) string {
		x, ok := number(raw)
		if !ok {
			return ""
		}
		return population.Format(format, scale)(x)
	}
}

var plain, count, percent, fraction = scaled("%.4g", 1), scaled("%.0f", 1), scaled("%.4g %%", 1), scaled("%.3g %%", 100)

// positive leaves out a zero, which stands for what is not known.
func positive(of show) show {
	return func(raw json.RawMessage) string {
		if x, ok := number(raw); !ok || x == 0 {
			return ""
		}
		return of(raw)
	}
}

// some leaves out what there is none of: it only matters where there is any.
var some = positive(count)

var ratio, seconds = positive(scaled("%.3f", 1)), positive(func(raw json.RawMessage) string {
	x, _ := number(raw)
	return run.FormatDuration(instrument.Seconds(x))
})

// quantity writes a value with its unit.
func quantity[Q interface {
	~float64
	fmt.Stringer
}](raw json.RawMessage) string {
	x, ok := number(raw)
	if !ok {
		return ""
	}
	return Q(x).String()
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

func yes(raw json.RawMessage) string {
	var b bool
	if json.Unmarshal(raw, &b) != nil {
		return ""
	}
	return map[bool]string{true: "yes", false: "no"}[b]
}

// shares are percentages by name, such as those of the training and the test set.
func shares(raw json.RawMessage) string {
	var parts map[string]*float64
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	var words []string
	for _, k := range [][2]string{
		{"train", "training"}, {"test", "test"}, {"plain", "plain"}, {"biased", "biased"}, {"feedback", "feedback"},
	} {
		if x := parts[k[0]]; x != nil {
			words = append(words, fmt.Sprintf("%s %.2f %%", k[1], *x))
		}
	}
	return strings.Join(words, ", ")
}

func names(raw json.RawMessage) string {
	var list []any
	if json.Unmarshal(raw, &list) != nil {
		return ""
	}
	var words []string
	for _, x := range list {
		words = append(words, fmt.Sprint(x))
	}
	return strings.Join(words, ", ")
}

// length is the number of things in a list, if there are any.
func length(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return ""
	}
	return fmt.Sprint(len(list))
}

// cells are devices, few of them by name, or their number.
func cells(raw json.RawMessage) string {
	var list []array.Cell
	if json.Unmarshal(raw, &list) != nil {
		return count(raw)
	}
	if len(list) == 0 || len(list) > 10 {
		return fmt.Sprint(len(list))
	}
	var words []string
	for _, c := range list {
		words = append(words, c.String())
	}
	return fmt.Sprintf("%d (%s)", len(list), strings.Join(words, ", "))
}

package device

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// linear is the technology of the linearised memristor.
func linear(t testing.TB) *Technology { return named(t, "linear-memristor") }

// named is a technology as a person names it.
func named(t testing.TB, name string) *Technology {
	t.Helper()
	technology, err := OpenTechnology(name)
	if err != nil {
		t.Fatal(err)
	}
	return technology
}

// TestThirdTechnology: nothing is bound to the technologies that are shipped. A file
// with another name and other constants, one range of states instead of eight among
// them, makes devices that form, and switch at voltages of their own.
func TestThirdTechnology(t *testing.T) {
	threshold := func(tech *Technology) float64 {
		a, err := NewArray(tech, 4, 4, 3)
		if err != nil {
			t.Fatal(err)
		}
		m := allFormed(a, 25e-6)
		sum := 0.0
		for k := range 16 {
			shape := m.shape(500e-6, 1)
			volts := 0.3
			for m.change(k, volts, &shape) < 0.05*25e-6 {
				volts += 0.005
			}
			sum += volts / 16
		}
		return sum
	}
	const file = "testdata/thick-oxide.yaml"
	usual, third := threshold(Default()), threshold(named(t, file))
	if third < usual+0.15 || third > usual+0.35 {
		t.Errorf("the third technology sets at %.3f V, the default at %.3f V; its shift is 0.25 V", third, usual)
	}
	a, err := NewArray(named(t, file), 4, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	v, i := make([]float64, a.Len()), make([]float64, a.Len())
	for k := range v {
		v[k], i[k] = 3, 1e-3
	}
	formed, _ := a.Stress(v, i, 1e-3, 150e-12)
	if formed < 0 {
		t.Error("no device of the third technology forms at 3 V")
	}
	for name, want := range map[string]string{
		"pt-al2o3-tio":          `there is linear-memristor, pt-al2o3-tio2; did you mean "pt-al2o3-tio2"?`,
		"hafnia":                "there is linear-memristor, pt-al2o3-tio2 (a file is named with its path or extension)",
		"linear-memristor.yaml": "", // this directory has the file
		"./linear-memristor":    "no such file",
		"none.yaml":             "no such file",
	} {
		_, err := OpenTechnology(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmbeddedTechnologiesLoad(t *testing.T) {
	for _, tech := range []*Technology{Default(), linear(t)} {
		again, err := LoadTechnology(strings.NewReader(tech.Source()), "again.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if again.Source() != tech.Source() || again.Name != tech.Name {
			t.Errorf("%s does not load from its own source", tech.Name)
		}
	}
}

// TestEveryConstantIsExplained: each constant of the default technology carries its source or says that it is an
// assumption, on its line or at the head of its section, and a unit in its key unless it is a pure number.
func TestEveryConstantIsExplained(t *testing.T) {
	unit := regexp.MustCompile(`_(siemens|volt|ampere|second|ohm|celsius|coulomb|hertz|electronvolt)$`)
	pure := regexp.MustCompile(`(^c[134]$|_per_g0$|_exponent$|_ln$|_sigma$|_share$|^share(_low|_high)?$|^gain$|^bins$|` +
		`fraction|_ratio$|_factor$|^xi_clip|amplitude_median$|^exponent_mean$)`)
	section, explained := "", false
	for n, line := range strings.Split(Default().Source(), "\n") {
		code, comment, _ := strings.Cut(line, "#")
		key, value, ok := strings.Cut(strings.TrimSpace(code), ":")
		if !ok || strings.HasPrefix(key, "-") {
			continue
		}
		if strings.TrimSpace(value) == "" {
			section, explained = key, strings.Contains(comment, "assumption")
			continue
		}
		if key == "name" || key == "model" || key == "description" {
			continue
		}
		if strings.TrimSpace(comment) == "" && !explained {
			t.Errorf("line %d: %s has no source beside it", n+1, key)
		}
		if section != "ranges" && !unit.MatchString(key) && !pure.MatchString(key) {
			t.Errorf("line %d: %s has no unit in its name", n+1, key)
		}
	}
}

func TestTechnologyIsReadStrictly(t *testing.T) {
	good := Default().Source()
	line := func(text string) string {
		before, _, _ := strings.Cut(good, text)
		return ":" + strconv.Itoa(strings.Count(before, "\n")+1) + ":"
	}
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"unknown key", "    gain: 2.0", "    gian: 2.0", []string{line("    gain: 2.0"), `"gian"`, `nearest key is "gain"`,
			"metal_oxide.reset"}},
		{"unknown section", "  drift:", "  dirft:", []string{line("  drift:"), `"dirft"`, `"drift"`}},
		{"unknown in a list", "c3_per_volt: 9.369", "c3: 9.369", []string{"ranges[0]", `"c3"`}},
		{"missing", "    v0_volt: 0.25", "    #", []string{`"v0_volt" is missing in metal_oxide.pristine`}},
		{"twice", "    share: 0.03", "    share: 0.03\n    share: 0.03", []string{"already given on line"}},
		{"text", "    share: 0.03", "    share: a few", []string{"metal_oxide.preformed.share must be a number", "a few"}},
		{"not finite", "    share: 0.03", "    share: .nan", []string{"not a finite number"}},
		{"infinite", "    v0_volt: 0.25", "    v0_volt: .inf", []string{"not a finite number"}},
		{"fraction", "    share: 0.03", "    share: 3", []string{"between 0 and 1"}},
		{"positive", "    v0_volt: 0.25", "    v0_volt: 0", []string{"must be above 0"}},
		{"negative", "    c1: -0.47", "    c1: 0.47", []string{"must be below 0"}},
		{"whole number", "  bins: 16", "  bins: 1.5", []string{"whole number"}},
		{"model", "model: metal-oxide", "model: metal-oxid", []string{`"metal-oxid"`, "linear-memristor, metal-oxide"}},
		{"wrong section", "model: metal-oxide", "model: linear-memristor", []string{"section linear_memristor"}},
		{"order", "    share_low: 0.01", "    share_low: 0.9", []string{"share_low", "must be below", "share_high"}},
		{"ranges", "g0_low_siemens: 5.62e-6, g0_high_siemens: 10.0e-6, c2_ln_second: -3.769",
			"g0_low_siemens: 5.62e-6, g0_high_siemens: 1.0e-6, c2_ln_second: -3.769",
			[]string{"set.ranges[1]"}},
		{"two documents", "name: pt", "---\nname: x\n---\nname: pt", []string{"more than one"}},
		{"start temperature", "temperature_start_celsius: 25", "temperature_start_celsius: 200",
			[]string{"temperature_start_celsius"}},
		{"decades", "  slowest_second: 1.0e3", "  slowest_second: 1.0e30", []string{"decades"}},
	} {
		if !strings.Contains(good, c.old) {
			t.Errorf("%s: the default technology has no %q to change", c.name, c.old)
			continue
		}
		_, err := LoadTechnology(strings.NewReader(strings.Replace(good, c.old, c.new, 1)), "bench.yaml")
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		for _, want := range append(c.want, "bench.yaml") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", c.name, err, want)
			}
		}
	}
	for _, text := range []string{"", "[]", "name", "\t:", "{"} {
		if _, err := LoadTechnology(strings.NewReader(text), "x.yaml"); err == nil {
			t.Errorf("%q accepted as a technology", text)
		}
	}
}

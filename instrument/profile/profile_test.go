package profile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// other is the default profile with a text in it replaced, as a file.
func other(t *testing.T, old, new string) string {
	t.Helper()
	text := string(Of(nil).Document())
	if !strings.Contains(text, old) {
		t.Fatalf("the default profile has no %q", old)
	}
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(text, old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A record holds the whole of another profile and nothing of the default one.
func TestRecorded(t *testing.T) {
	type spec struct {
		Profile *Profile `json:"device_profile,omitzero"`
	}
	p, err := Open(other(t, "threshold: 1V", "threshold: 1.1V"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec{p})
	if err != nil {
		t.Fatal(err)
	}
	var back spec
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if q := back.Profile; q.Pulses.Set.Threshold != 1.1 || q.String() != p.String() || p.String() == "" ||
		!reflect.DeepEqual(q.Response, p.Response) {
		t.Errorf("kept as %s, read back as %v", text, q)
	}
	named, err := Open(Default)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(spec{named}); string(text) != "{}" || err != nil || named.String() != "" {
		t.Errorf("the default profile is kept as %s (%s): %v", text, named, err)
	}
	if Of(nil).String() != "" || Of(p) != p {
		t.Error("nil is not the default profile")
	}
}

// What is wrong with a profile is refused with its place.
func TestRefused(t *testing.T) {
	text := string(Of(nil).Document())
	line := func(of string) string {
		before, _, _ := strings.Cut(text, of)
		return "mine.yaml:" + strconv.Itoa(strings.Count(before, "\n")+1) + ": "
	}
	for _, c := range []struct{ old, new, want string }{
		{"  width: 500us", "  width: 500uV", line("  width: 500us") + "pulses.width: "},
		{"  width: 500us", "  wdth: 500us", line("  width: 500us") +
			`unknown key "wdth" in pulses; the nearest key is "width"`},
		{"  width: 500us", "  width: [1us]", line("  width: 500us") + "pulses.width must be a single value"},
		{"  amin: 10\n", "", `key "amin" is missing in forming`},
		{"  high: 100uS", "  high: 1uS", line("  high: 100uS") +
			"conductance.high is 1.00 µS and must be beyond low, which is 10.0 µS"},
		{"    strongest: -1.8V", "    strongest: -1.1V", line("    strongest: -1.8V") +
			"pulses.reset.strongest is -1.10 V and must be beyond threshold, which is -1.20 V"},
		{"    threshold: -1.2V", "    threshold: 1.2V", line("    threshold: -1.2V") +
			"pulses.reset.threshold is 1.20 V, but must be below 0"},
		{"  limit: 400mV", "  limit: 500mV", "mine.yaml: device profile: read.limit is 500 mV and must be at most 400 mV"},
		{"  limit: 400mV", "  limit: 150mV", "read.voltage is 200 mV and must be at most read.limit"},
		{"  strong: 700mV", "  strong: 300mV", "pulses.strong is 300 mV and must be above read.limit"},
		{"middle: {mean: 1.15V, sigma: 100mV}", "middle: {mean: 1.15V, sigma: 0V}",
			"response.set.middle.sigma is 0.00 V, but must be above 0"},
		{"  kept: [15uS, 30uS, 60uS, 100uS]", "  kept: [15uS, 30V]", "measure.kept[1]"},
		{"name: pt", "nmae: pt", `unknown key "nmae"`},
	} {
		_, err := Open(other(t, c.old, c.new))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
	if _, err := Open("pt-al2o3-tio"); err == nil ||
		!strings.Contains(err.Error(), `no device profile "pt-al2o3-tio" is shipped: there is pt-al2o3-tio2; did you`) {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.yaml")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// Every key is on the page that explains them, and every key on the page is one.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../hwdocs/device-profile.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]bool)
	var collect func(t reflect.Type, path string)
	collect = func(t reflect.Type, path string) {
		for i := range t.NumField() {
			f := t.Field(i)
			key := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
			switch {
			case f.Tag.Get("yaml") == "":
			case f.Type.Kind() == reflect.Struct && !regexp.MustCompile(`^(Normal|Scale)\[`).MatchString(f.Type.Name()):
				collect(f.Type, key)
			default:
				keys[key] = true
			}
		}
	}
	collect(reflect.TypeFor[Profile](), "")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		if !keys[m[1]] {
			t.Errorf("%s is on the page and no key", m[1])
		}
		delete(keys, m[1])
	}
	for key := range keys {
		t.Errorf("%s is not on the page", key)
	}
}

package input

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOpenBounds(t *testing.T) {
	name := write(t, "0123456789")
	for limit, want := range map[int64]string{9: "", 10: "0123456789", 11: "0123456789"} {
		b, err := ReadFile(name, limit)
		var large *TooLargeError
		if string(b) != want || (want == "") != errors.As(err, &large) {
			t.Errorf("limit %d: %q, %v", limit, b, err)
		}
	}
	// A device's size is not known beforehand, and it has no end.
	f, err := Open("/dev/zero", 1000)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	n, err := io.Copy(io.Discard, f)
	var large *TooLargeError
	if n != 1000 || !errors.As(err, &large) || !strings.Contains(err.Error(), "/dev/zero is larger than 1000 bytes") {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := f.Read(make([]byte, 1)); !errors.As(err, &large) {
		t.Errorf("reading on: %v", err)
	}
	if _, err := ReadFile(t.TempDir(), Text); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
}

func TestPipesAreFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := os.Stat("/dev/fd"); err != nil {
		t.Skip(err)
	}
	go func() {
		_, err := io.WriteString(w, "from a pipe")
		if err := errors.Join(err, w.Close()); err != nil {
			t.Error(err)
		}
	}()
	b, err := ReadText(filepath.Join("/dev/fd", strconv.Itoa(int(r.Fd()))))
	if err != nil || string(b) != "from a pipe" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestReadText(t *testing.T) {
	const text = "a,\u00b5\n1,2\n"
	var little, big strings.Builder
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		little.Write([]byte{byte(u), byte(u >> 8)})
		big.Write([]byte{byte(u >> 8), byte(u)})
	}
	for name, form := range map[string]string{
		"plain": text, "mark": "\ufeff" + text, "UTF-16LE": little.String(), "UTF-16BE": big.String(),
	} {
		if b, err := ReadText(write(t, form)); err != nil || string(b) != text {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for form, want := range map[string]string{
		"ab\ncd\x00":        ":2: there is a byte of value 0",
		"ab\n\xb5S":         ":2: a character is not UTF-8",
		"a\xc2":             ":1: a character is not UTF-8",
		little.String()[2:]: ":1: there is a byte of value 0",
	} {
		if b, err := ReadText(write(t, form)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v", form, b, err)
		}
	}
	// Characters that fall on the border between two pieces.
	long := strings.Repeat("\u2126\u00b5a", 5000)
	if b, err := ReadText(write(t, long)); err != nil || string(b) != long {
		t.Errorf("long text: %d of %d bytes, %v", len(b), len(long), err)
	}
}

func TestCheckYAML(t *testing.T) {
	for text, want := range map[string]string{
		"a: 17": "", "a: -3": "", "a: +3": "", "a: 0": "", "a: 1e3": "", "a: 1.5e-3": "", "a: .5": "", "a: 1.": "",
		"a: 007.5": "", "a: '017'": "", "017: a": "",
		"a: 017V": "", "a: yes": "", "a: 12:30:00": "", "a: .inf": "", "a: [": "", "": "", "a: 089": "",
		"a: 017": "f:1: 017 is read as 15", "a: -017": "-017 is read as -15", "a: 0o17": "is read as 15",
		"a: 0x11": "is read as 17", "a: 0b11": "is read as 3",
		"a: 1_000": "is read as 1000", "a: 1_0.5": "is read as 10.5", "a:\n- 1\n- {b: 00}": "f:3: 00 is read as 0",
		"a: 1\n---\nb: 017": "f:3:",
	} {
		err := CheckYAML([]byte(text), "f")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"17": "", "017": "", "+5": "", " 5 ": "", "-3": "", "000": "",
		"0x11": "like 17", "0o17": "like 15", "1_000": "like 1000", "1e3": "like 1000", "5.0": "like 5",
		"17.5": "is not a whole number", "": "is not a whole number", "x": "is not a whole number",
		"1e300": "is not a whole number", "true": "is not a whole number", "12:30": "is not a whole number",
	} {
		_, err := Int(text)
		if want == "" && err != nil ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "strconv")) {
			t.Errorf("Int %q: %v", text, err)
		}
	}
	if x, err := Int("017"); x != 17 || err != nil {
		t.Errorf("017 is %d, %v", x, err)
	}
	if x, err := Uint("017"); x != 17 || err != nil {
		t.Errorf("017 is %d, %v", x, err)
	}
	if _, err := Uint("-3"); err == nil || !strings.Contains(err.Error(), "0 or more") {
		t.Errorf("-3: %v", err)
	}
	for text, want := range map[string]string{
		"0.05": "", "5e-2": "", ".5": "", "017": "",
		"5%": "like 0.05", "2,5 %": "not a finite", "0,05": "like 0.05", "inf": "not a finite", "0x1p3": "not a finite",
		"1_0": "not a finite", "1e999": "not a finite", "": "not a finite",
	} {
		_, err := Float(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Float %q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"true": "", "False": "", "yes": "write true", "off": "write false", "maybe": "not true or false",
	} {
		_, err := Bool(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Bool %q: %v", text, err)
		}
	}
}

func TestYAMLError(t *testing.T) {
	var into struct {
		Rows  int
		Scale float64
		Name  string
		List  []int
		Group struct{ On bool }
	}
	for text, want := range map[string]string{
		"rows: twenty":       `f:1: "twenty" stands where a whole number belongs`,
		"\nscale: [1]":       "f:2: a list stands where a number belongs",
		"name: {a: 1}":       "f:1: a group of keys stands where text belongs",
		"list: 3":            `f:1: "3" stands where a list belongs`,
		"group: {on: 3}":     `f:1: "3" stands where true or false belongs`,
		"group: 3":           `f:1: "3" stands where a group of keys belongs`,
		"colour: 3":          `f:1: "colour" is not a known key`,
		"colour: 3\nrows: x": "f:1: \"colour\" is not a known key\nf:2: \"x\" stands where a whole number belongs",
		"rows: [1,":          "f:1: this is not YAML: did not find expected node content",
		"rows: *a":           "f: this is not YAML: unknown anchor 'a' referenced",
		"rows: 1\nrows: 2":   `f:2: mapping key "rows" already defined at line 1`,
	} {
		d := yaml.NewDecoder(strings.NewReader(text))
		d.KnownFields(true)
		err := d.Decode(&into)
		if err == nil {
			t.Errorf("%q was taken", text)
		} else if got := YAMLError(err, "f").Error(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestJSONError(t *testing.T) {
	var into struct {
		A int `json:"a"`
		B struct {
			C []string `json:"c"`
		} `json:"b"`
		D int `json:"d"`
	}
	for text, want := range map[string]string{
		"":                 "this is not JSON: it ends in the middle",
		`{"a": 1`:          "this is not JSON: it ends in the middle",
		`{"a": x}`:         "line 1, column 7: this is not JSON: invalid character 'x' looking for beginning of value",
		"{\n\"a\": \"x\"}": "line 2, column 8: a: there is a string where a whole number belongs",
		`{"b": {"c": 3}}`:  "line 1, column 13: b.c: there is a number where a list [...] belongs",
		`{"b": []}`:        "line 1, column 7: b: there is an array where an object {...} belongs",
		`{"d": 2.5}`:       "line 1, column 9: d: there is a number 2.5 where a whole number belongs",
		`{"b": 3}`:         "line 1, column 7: b: there is a number where an object {...} belongs",
	} {
		err := json.NewDecoder(strings.NewReader(text)).Decode(&into)
		if err == nil {
			t.Errorf("%q was taken", text)
		} else if got := JSONError(err, []byte(text)).Error(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"gain", "gain", 0}, {"gian", "gain", 2}, {"gan", "gain", 1}, {"", "abc", 3},
		{"kitten", "sitting", 3}} {
		if got := EditDistance(c.a, c.b); got != c.want {
			t.Errorf("distance of %q and %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

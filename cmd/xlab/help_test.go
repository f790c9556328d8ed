package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// quietApp is an app that nobody hears.
func quietApp() *app {
	return newApp(strings.NewReader(""), io.Discard, io.Discard)
}

// TestExamples checks that every command has an example and that the commands,
// arguments and flags of all of them are understood.
func TestExamples(t *testing.T) {
	commands := make(map[string]bool)
	for _, c := range allCommands(quietApp().root()) {
		commands[c.CommandPath()] = true
		if c.IsAvailableCommand() && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
	}
	quoted := regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)
	for path, text := range examples {
		if !commands[path] {
			t.Errorf("there is no command %q", path)
		}
		for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "xlab ") {
				t.Errorf("%s: %q is no example", path, line)
				continue
			}
			var args []string
			for _, word := range quoted.FindAllString(line, -1)[1:] {
				args = append(args, strings.Trim(word, `'"`))
			}
			c, rest, err := quietApp().root().Find(numbers(args))
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %s: %v", path, line, err)
			}
		}
	}
}

// TestHelpReadsWell checks the texts of all flags, as they are printed.
func TestHelpReadsWell(t *testing.T) {
	for _, c := range allCommands(quietApp().root()) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Usage, "`") {
				t.Errorf("%s --%s: a back quote is a type's name", c.CommandPath(), f.Name)
			}
		})
		for line := range strings.SplitSeq(flagUsages(c.LocalFlags(), 0), "\n") {
			if strings.Count(line, "(default") > 1 || strings.Contains(line, "(default 0s)") ||
				strings.Contains(line, "stringArray") {
				t.Errorf("%s: %s", c.CommandPath(), line)
			}
		}
		for line := range strings.SplitSeq(c.Long, "\n") {
			if len([]rune(line)) > 90 {
				t.Errorf("%s: a line of %d letters: %s", c.CommandPath(), len([]rune(line)), line)
			}
		}
	}
}

// TestFlagsRefuseInWords gives every flag that has a form a value that has none.
func TestFlagsRefuseInWords(t *testing.T) {
	for _, c := range allCommands(quietApp().root()) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if err := f.Value.Set("no,such;thing"); err != nil && strings.Contains(err.Error(), "strconv") {
				t.Errorf("%s --%s: %v", c.CommandPath(), f.Name, err)
			}
		})
	}
}

func TestLongTime(t *testing.T) {
	for text, want := range map[string]string{"2d": "48h0m0s", "1d12h": "36h0m0s", "30m": "30m0s", "0": "0s"} {
		if got, err := longTime(text); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "2 days", "-1h", "1dd", "99999999d", "soon"} {
		if got, err := longTime(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// completed is what a shell offers for a command line: of what it is told, what
// begins like the last word.
func completed(t *testing.T, args ...string) []string {
	t.Helper()
	var out bytes.Buffer
	a := newApp(strings.NewReader(""), &out, io.Discard)
	if code := a.execute(append([]string{cobra.ShellCompNoDescRequestCmd}, args...)); code != 0 {
		t.Fatalf("%v: exit code %d", args, code)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	lines = lines[:len(lines)-1] // the last is a directive
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, args[len(args)-1]) })
}

func TestCompletion(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	if code := Main([]string{"read", "--devices", "r0c0"}, strings.NewReader(""), io.Discard, io.Discard); code != 0 {
		t.Fatal(code)
	}
	for _, c := range []struct {
		args string
		want []string
	}{
		{"tune --policy ", []string{"adaptive", "two-speed", "ramp"}},
		{"tune --scheme ", []string{"v2", "v3", "floating"}},
		{"tune --tolerance ", []string{"30%", "5%", "1%"}},
		{"study tuning --policies adaptive,", []string{"adaptive,two-speed", "adaptive,ramp"}},
		{"form --array ", []string{"A", "B"}},
		{"mlp run --arrays A,", []string{"A,B"}},
		{"export last --format n", []string{"netcdf", "npz"}},
		{"read --format ", []string{"grid", "csv", "json"}},
		{"form --set limits.max_v", []string{"limits.max_voltage="}},
		{"run ", []string{"yaml", "yml", "json"}},
		{"mlp insitu --rule ", []string{"fixed", "variable"}},
		{"help characterize t", []string{"temperature", "thresholds"}},
		{"version ", nil},
	} {
		got := completed(t, strings.Split(c.args, " ")...)
		if diff := cmp.Diff(c.want, slices.Clip(got)); diff != "" && len(got)+len(c.want) > 0 {
			t.Errorf("%s: %s", c.args, diff)
		}
	}
	for _, command := range []string{"runs show ", "report ", "export ", "replay ", "resume "} {
		if got := completed(t, strings.Split(command, " ")...); len(got) != 2 || got[0] != "last" ||
			!strings.Contains(got[1], "-read-a-") {
			t.Errorf("%s: %q", command, got)
		}
	}
}

// TestManual writes the manual twice, with the same bytes.
func TestManual(t *testing.T) {
	pages := func() map[string]string {
		dir := filepath.Join(t.TempDir(), "man")
		if code := Main([]string{"man", dir}, strings.NewReader(""), io.Discard, io.Discard); code != 0 {
			t.Fatal(code)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		list := make(map[string]string)
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			list[f.Name()] = string(text)
		}
		return list
	}
	first := pages()
	if !maps.Equal(first, pages()) {
		t.Error("two manuals of one program differ")
	}
	if page := first["xlab-mlp-run.1"]; !strings.Contains(page, "approach") || !strings.Contains(page, "EXAMPLE") ||
		len(first) < 40 {
		t.Errorf("%d pages, mlp run:\n%s", len(first), page)
	}
}

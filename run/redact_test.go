package run

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/input"
)

func TestRedactArguments(t *testing.T) {
	const arguments = `form|--notify|https://u:SECRET@hooks.example.org/SECRET?token=SECRET|--array|A`
	for given, want := range map[string]string{
		arguments: "form|--notify|https://hooks.example.org/…|--array|A",
		"--notify=https://hooks.example.org/SECRET": "--notify=https://hooks.example.org/…",
		"--notify=https://hooks.example.org":        "--notify=https://hooks.example.org",
		"--notify|http://SECRET@h:8080":             "--notify|http://h:8080/…",
		"--notify|https://h?SECRET":                 "--notify|https://h/…",
		// What is the password and what the host cannot be told.
		"--notify|https://u:SEC/RET@h/x":   "--notify|https://…",
		"--notify|https://u:SEC RET@h/x":   "--notify|https://…",
		"--notify|https://SEC/RET@h/x":     "--notify|https://…",
		"--notify|https://u:SEC%zzRET@h/x": "--notify|https://…",
		// Commands.
		"--notify|curl -u me:SECRET https://h/x": "--notify|(withheld)",
		"--notify=mail SECRET":                   "--notify=(withheld)",
		"--notify|--set|form":                    "--notify|(withheld)|form",
		// The configuration, as --set has it.
		"--set|notify.webhook=https://SECRET@h/x":           "--set|notify.webhook=https://h/…",
		"--set= Notify.Webhook = https://h/SECRET":          "--set= Notify.Webhook =https://h/…",
		"--set=notify.command=curl -u me:SECRET x":          "--set=notify.command=(withheld)",
		"--set|notify.comand=curl -u me:SECRET x":           "--set|notify.comand=(withheld)",
		"--set|notify.heartbeat.url=https://h/SECRET":       "--set|notify.heartbeat.url=https://h/…",
		"--set|notify.on=trip|--set|notify.stall=5m":        "--set|notify.on=trip|--set|notify.stall=5m",
		"--set|runs=/a=b|--set|limits.max_voltage=3V|read":  "--set|runs=/a=b|--set|limits.max_voltage=3V|read",
		"mlp|train|ftp://u:SECRET@h/data.csv|-o|net=1.json": "mlp|train|ftp://h/…|-o|net=1.json",
		"read|--devices|r0c0,r0c1|--verbose":                "read|--devices|r0c0,r0c1|--verbose",
	} {
		if got := strings.Join(RedactArguments(strings.Split(given, "|")), "|"); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
	if RedactArguments(nil) != nil {
		t.Error("no arguments became some")
	}
}

// Whatever somebody takes for a password, it is not in what is kept.
func TestSecretsAreNotKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		junk := rapid.StringMatching(`[a-z0-9@:/?#%&= ._~+-]{0,12}`)
		secret := "S3cReT"
		address := "https://" + junk.Draw(t, "before") + secret + junk.Draw(t, "behind") + "@host.example.org/" +
			junk.Draw(t, "path") + secret
		for _, args := range [][]string{
			{"--notify", address}, {"--notify=" + address}, {"--set", "notify.webhook=" + address},
		} {
			if kept := strings.Join(RedactArguments(args), " "); strings.Contains(kept, secret) {
				t.Fatalf("%q became %q", args, kept)
			}
		}
	})
}

// The arguments are redacted by who makes and who reads a header, so that no
// command can forget it, and older records do not show what is in them.
func TestHeadersAreRedacted(t *testing.T) {
	root := t.TempDir()
	r, err := Create(root, Header{Command: "form", Arguments: []string{"form", "--notify", "https://u:SECRET@h/x"}},
		Options{})
	must(t, err)
	must(t, r.Finish(OutcomeInterrupted, nil))
	claim, err := NewClaim(r.Dir(), nil)
	must(t, err)
	h := claim.Header
	h.Arguments = []string{"resume", "--notify=https://h/SECRET"}
	r, err = claim.Continue(h, Options{})
	must(t, err)
	must(t, r.Finish(OutcomeComplete, nil))
	files, err := filepath.Glob(filepath.Join(r.Dir(), "*"))
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		if strings.Contains(string(text), "SECRET") {
			t.Errorf("%s has it: %s", file, text)
		}
	}
	var old Header
	must(t, json.Unmarshal([]byte(`{"run":"r","arguments":["form","--notify","https://h/SECRET"],"spec":{}}`), &old))
	if got := strings.Join(old.Arguments, " "); got != "form --notify https://h/…" {
		t.Errorf("read back: %s", got)
	}
}

// Plans of earlier versions have in their specification what --set and the steps say,
// also of whom to tell.
func TestSpecificationsAreRedacted(t *testing.T) {
	const given = `{"plan":{"steps":[{"set":{"notify.webhook":"https://h/SECRET","forming.attempts":"3"},` +
		`"seed":18446744073709551615}]},` +
		`"set":["notify.command=SECRET"," Notify.Heartbeat.URL=https://h/SECRET","notify.stall=5m","read.voltage=0.1V"]}`
	const want = `{"plan":{"steps":[{"seed":18446744073709551615,"set":{"forming.attempts":"3"}}]},` +
		`"set":["notify.stall=5m","read.voltage=0.1V"]}`
	root := t.TempDir()
	r, err := Create(root, Header{Command: "plan", Spec: json.RawMessage(given)}, Options{})
	must(t, err)
	must(t, r.Finish(OutcomeComplete, nil))
	for _, name := range []string{specFile, "journal.jsonl"} {
		text, err := os.ReadFile(filepath.Join(r.Dir(), name))
		must(t, err)
		if strings.Contains(string(text), "SECRET") {
			t.Errorf("%s has it: %s", name, text)
		}
	}
	must(t, os.WriteFile(filepath.Join(r.Dir(), specFile), []byte(given), 0o600))
	s, err := Load(root, r.ID())
	must(t, err)
	var old Header
	must(t, json.Unmarshal([]byte(`{"run":"r","spec":`+given+`}`), &old))
	for name, spec := range map[string]any{"spec.json": s.Spec, "a header": old.Spec} {
		if got := string(spec.(json.RawMessage)); got != want {
			t.Errorf("%s read back: %s, want %s", name, got, want)
		}
	}
	// Others are left as they are, letter by letter.
	for _, spec := range []string{`{ "set": ["read.voltage=0.1V"], "n": 1.50 }`, `{"set":1}`, `{"set"`, "null"} {
		if got := string(RedactSpec(json.RawMessage(spec))); got != spec {
			t.Errorf("%s became %s", spec, got)
		}
	}
}

// A specification is what the program wrote: a line of the journal at most.
func TestHugeSpecificationIsNotRead(t *testing.T) {
	root := t.TempDir()
	r, err := Create(root, Header{Command: "form"}, Options{})
	must(t, err)
	must(t, r.Finish(OutcomeComplete, nil))
	must(t, os.Truncate(filepath.Join(r.Dir(), specFile), input.Record+1))
	s, err := Load(root, r.ID())
	must(t, err)
	if s.Spec != nil || !strings.Contains(strings.Join(s.Problems, " "), "is larger than 128 MiB") {
		t.Errorf("problems: %v", s.Problems)
	}
}

package run

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
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
		address := "https://" + junk.Draw(t, "before") + secret + junk.Draw(t, "behind") + "@host.example.org/" + junk.Draw(t, "path") + secret
		for _, args := range [][]string{{"--notify", address}, {"--notify=" + address}, {"--set", "notify.webhook=" + address}} {
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
	r, err := Create(root, Header{Command: "form", Arguments: []string{"form", "--notify", "https://u:SECRET@h/x"}})
	must(t, err)
	must(t, r.Finish(OutcomeInterrupted, nil))
	claim, err := NewClaim(r.Dir(), nil)
	must(t, err)
	h := claim.Header
	h.Arguments = []string{"resume", "--notify=https://h/SECRET"}
	r, err = claim.Continue(h)
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

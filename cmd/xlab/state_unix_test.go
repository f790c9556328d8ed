//go:build unix

package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Runs, their index, the simulated chip and its lock are their user's alone,
// whatever the umask, and what an older version left open is closed. Who is told of
// runs is told, and what that takes is nowhere in them.
func TestStateIsPrivate(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user == "USER-SECRET" && password == "SECRET" &&
			r.FormValue("token") == "SECRET" {
			told.Add(1)
		}
	}))
	defer hooks.Close()
	hook := strings.Replace(hooks.URL, "://", "://USER-SECRET:SECRET@", 1) + "/SECRET?token=SECRET"
	home := t.TempDir()
	xlab := func(args ...string) string {
		t.Helper()
		c := exec.Command("sh", append([]string{"-c", `umask 0; exec xlab "$@"`, "sh"}, args...)...)
		c.Dir, c.Env = t.TempDir(), append(os.Environ(), "XDG_STATE_HOME="+home)
		text, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("xlab %s: %v\n%s", args, err, text)
		}
		if strings.Contains(string(text), "SECRET") {
			t.Errorf("xlab %s:\n%s", args, text)
		}
		return string(text)
	}
	file := filepath.Join(t.TempDir(), "plan.yaml")
	text := "plan: short\nsteps:\n  - {run: read, arrays: [A], with: {devices: r0c0}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	xlab("run", file, "--notify", hook, "--set", "notify.heartbeat.url="+hook)
	if told.Load() < 2 {
		t.Errorf("people were told %d times, not of the end and by the heartbeat", told.Load())
	}
	xlab("read", "--devices", "r0c0", "--notify=true SECRET", "--set=notify.webhook="+hook)
	xlab("report", "last")
	xlab("runs", "show", "last")
	for _, format := range []string{"csv", "json"} {
		xlab("export", "last", "--format", format)
	}
	if listed := xlab("runs", "--json"); !strings.Contains(listed, hooks.URL+"/…") {
		t.Errorf("the host is not in the list:\n%s", listed)
	}
	looked := 0
	err := filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == home {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		if err == nil && info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil || strings.Contains(string(text), "SECRET") {
				t.Errorf("%s has the secret (%v)", path, err)
			}
		}
		looked++
		return err
	})
	if err != nil || looked < 9 {
		t.Errorf("%d files and directories, %v", looked, err)
	}
	state := filepath.Join(home, "xlab")
	if err := os.Chmod(state, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	said := xlab("read", "--devices", "r0c0")
	if !strings.Contains(said, state+" was open to other users (dtrwxrwxrwx) and is yours alone now") {
		t.Errorf("nothing is said of it:\n%s", said)
	}
	if info, err := os.Stat(state); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("it is %v, %v", info.Mode(), err)
	}
}

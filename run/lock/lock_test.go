package lock

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
)

// holding makes a test binary a process that holds the locks named in it until
// its input ends or it is killed.
const holding = "LOCK_TEST_HOLD"

func TestMain(m *testing.M) {
	if files := os.Getenv(holding); files != "" {
		becomeOther()
		l, err := Acquire(context.Background(), filepath.SplitList(files),
			Options{Shared: true, Owner: Owner{Command: "other", Bench: "the bench", Run: "r1"}})
		fmt.Println(err)
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		if err := l.Release(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// other is another process that holds locks.
type other struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
}

func hold(t *testing.T, files ...string) *other {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holding+"="+strings.Join(files, string(filepath.ListSeparator)))
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "<nil>\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return &other{t, cmd, in}
}

func (o *other) end(kill bool) {
	o.t.Helper()
	if kill {
		must(o.t, o.cmd.Process.Kill())
	} else {
		must(o.t, o.stdin.Close())
	}
	if err := o.cmd.Wait(); (err != nil) != kill {
		o.t.Errorf("the other process ended with %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOneProcess(t *testing.T) {
	for _, kill := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "locks")
		a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
		process := hold(t, b, c)
		// One instrument in common is enough.
		l, err := Acquire(t.Context(), []string{b, a}, Options{})
		var held *HeldError
		if l != nil || !errors.As(err, &held) || instrument.KindOf(err) != instrument.KindBusy {
			t.Fatalf("got %v, %v", l, err)
		}
		if held.Owner == nil || held.Owner.PID != process.cmd.Process.Pid || held.File != b {
			t.Errorf("held %+v", held)
		}
		for _, want := range []string{"the bench is in use by process ", "`other`", "run r1", "since ", "--wait",
			"kill -INT"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
		// What was taken before the refusal is free again.
		l, err = Acquire(t.Context(), []string{a}, Options{})
		must(t, err)
		must(t, l.Release())
		process.end(kill)
		l, err = Acquire(t.Context(), []string{a, b, c, a}, Options{})
		must(t, err)
		if _, err := Acquire(t.Context(), []string{c}, Options{}); instrument.KindOf(err) != instrument.KindBusy {
			t.Errorf("a second lock in the same process: %v", err)
		}
		must(t, l.Release())
		must(t, l.Release())
	}
}

// More can be locked later, with all that was said of the first, and what another
// process has of it leaves the first as they are.
func TestExtend(t *testing.T) {
	dir := t.TempDir()
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	process := hold(t, c)
	l, err := Acquire(t.Context(), []string{a}, Options{})
	must(t, err)
	must(t, l.Working("run-1"))
	if err := l.Extend(t.Context(), []string{b, c}); instrument.KindOf(err) != instrument.KindBusy {
		t.Errorf("extended to what another process has: %v", err)
	}
	process.end(false)
	must(t, l.Extend(t.Context(), []string{a, b, b})) // what is held already is no obstacle
	for _, file := range []string{a, b} {
		var held *HeldError
		if _, err := Acquire(t.Context(), []string{file}, Options{}); !errors.As(err, &held) || held.Owner == nil ||
			held.Owner.Run != "run-1" {
			t.Errorf("%s: %v", file, err)
		}
	}
	must(t, l.Release())
	l, err = Acquire(t.Context(), []string{a, b, c}, Options{})
	must(t, err)
	must(t, l.Release())
	var none *Lock
	must(t, none.Extend(t.Context(), []string{a}))
}

func TestWait(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	process := hold(t, file)
	told := 0
	begin := Options{Wait: time.Minute, Waiting: func(e *HeldError) {
		told++
		process.end(true)
	}}
	l, err := Acquire(t.Context(), []string{file}, begin)
	must(t, err)
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	must(t, l.Release())
}

// The lock of one process is another open file to the system, so that waiting
// can be tested without waiting.
func TestWaitEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	synctest.Test(t, func(t *testing.T) {
		l, err := Acquire(t.Context(), []string{file}, Options{})
		must(t, err)
		began := time.Now()
		_, err = Acquire(t.Context(), []string{file}, Options{Wait: 5 * time.Second})
		if waited := time.Since(began); instrument.KindOf(err) != instrument.KindBusy || waited < 5*time.Second ||
			waited > 5*time.Second+2*pause {
			t.Errorf("%v after %v", err, waited)
		}
		if !strings.Contains(err.Error(), "not free within 5s") {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Acquire(ctx, []string{file}, Options{Wait: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		must(t, l.Release())
	})
}

func TestOwnerIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	l, err := Acquire(t.Context(), []string{file},
		Options{Owner: Owner{Command: strings.Repeat("ä", 1<<20), Bench: "b", Reason: "r"}})
	must(t, err)
	must(t, l.Working("run-1"))
	f, err := os.Open(file)
	must(t, err)
	o := readOwner(f)
	if o == nil || o.PID != os.Getpid() || o.Run != "run-1" || o.Reason != "r" || o.Since.IsZero() ||
		len(o.Command) > maxCommand+10 {
		t.Errorf("owner %+v", o)
	}
	must(t, l.Working(""))
	if o := readOwner(f); o == nil || o.Run != "" {
		t.Errorf("owner %+v", o)
	}
	must(t, l.Release())
	if o := readOwner(f); o != nil {
		t.Errorf("nobody has it, but the file says %+v", o)
	}
	must(t, f.Close())
	var none *Lock
	must(t, none.Working("x"))
	must(t, none.Release())
}

// What is in a lock file is for people; garbage in it does not stop anybody.
func TestGarbage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	must(t, os.WriteFile(file, []byte("\x00garbage"), 0o600))
	l, err := Acquire(t.Context(), []string{file}, Options{})
	must(t, err)
	must(t, os.WriteFile(file, []byte("garbage again"), 0o600))
	if _, err := Acquire(t.Context(), []string{file}, Options{}); err == nil ||
		!strings.Contains(err.Error(), "another process has it") {
		t.Error(err)
	}
	must(t, l.Release())
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Acquire(t.Context(), []string{filepath.Join(file, "a")},
		Options{}); instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), "writable") {
		t.Errorf("a lock below a file: %v", err)
	}
	if runtime.GOOS != "windows" {
		link := filepath.Join(dir, "link")
		must(t, os.Symlink(file, link))
		if _, err := Acquire(t.Context(), []string{link}, Options{}); err == nil {
			t.Error("a symbolic link was followed")
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	seen := make(map[string]string)
	for _, address := range []string{"serial:/dev/ttyUSB0", "serial:COM1", "serial:COM2", "tcp:[::1]:1", "tcp:__1_:1",
		"spi:SPI0.0", "spi:SPI0.1", "serial:" + strings.Repeat("x", 300), "serial:" + strings.Repeat("x", 301)} {
		file := InstrumentFile(dir, address)
		if before, ok := seen[file]; ok {
			t.Errorf("%s and %s are not the same", before, address)
		}
		if seen[file] = address; filepath.Dir(file) != dir || len(filepath.Base(file)) > 130 {
			t.Errorf("file %s", file)
		}
	}
	chip := filepath.Join(dir, "chip.json")
	before := ChipFile(chip)
	must(t, os.WriteFile(chip, nil, 0o600))
	if after := ChipFile(chip); after != before {
		t.Errorf("%s before the chip is made, %s after", before, after)
	}
	link := filepath.Join(dir, "link")
	if os.Symlink(chip, link) == nil && ChipFile(link) != before {
		t.Errorf("a link to the chip has the lock %s, the chip %s", ChipFile(link), before)
	}
	if !filepath.IsAbs(SharedDirectory()) {
		t.Error(SharedDirectory())
	}
}

func FuzzOwner(f *testing.F) {
	text, err := Owner{PID: 1, Host: "h", User: "u", Command: "c", Since: time.Unix(1, 0)}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"pid":-1}`))
	f.Add([]byte("null\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		o := parseOwner(line)
		if o == nil {
			return
		}
		e := &HeldError{File: "f", Owner: o}
		if e.Error() == "" || e.advice() == "" {
			t.Error("nothing is said")
		}
		text, err := o.encode()
		if err != nil || !json.Valid(text) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

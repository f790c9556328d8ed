package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xlab/lab"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
)

// served is a process that runs `xlab sim serve`.
type served struct {
	t         *testing.T
	process   *exec.Cmd
	endpoints []lab.Endpoint
	err       *output
	ended     chan error
}

// serve starts the servers around a new chip in a file, with more arguments.
func serve(t *testing.T, chip string, seed int, more ...string) *served {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("another process cannot be interrupted on this system")
	}
	s := &served{t: t, err: newOutput(), ended: make(chan error, 1)}
	s.process = exec.Command("xlab", append([]string{"sim", "serve",
		"--set", "simulation.chip=" + chip, "--set", fmt.Sprint("simulation.seed=", seed)}, more...)...)
	s.process.Stderr = s.err
	lines, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	// Four instruments, each on TCP and, where there are any, on a
	// pseudo-terminal.
	scanner := bufio.NewScanner(lines)
	for tcp := 0; tcp < 4 && scanner.Scan(); {
		var e lab.Endpoint
		decoder := json.NewDecoder(bytes.NewReader(scanner.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			t.Fatalf("%v in %q", err, scanner.Text())
		}
		s.endpoints = append(s.endpoints, e)
		if e.Transport == "tcp" {
			tcp++
		}
	}
	s.err.await(t, "serving until interrupted (Ctrl-C); the chip is then kept in "+chip)
	go func() {
		if _, err := io.Copy(io.Discard, lines); err != nil {
			s.ended <- err
			return
		}
		s.ended <- s.process.Wait()
	}()
	return s
}

// stop interrupts the process, which must end at once and in order.
func (s *served) stop(signal os.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("serving ended with %v:\n%s", err, s.err)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatalf("serving does not end at %s:\n%s", signal, s.err)
	}
}

// address finds an endpoint; without a pseudo-terminal the test is skipped.
func (s *served) address(instrument, transport, board string) string {
	s.t.Helper()
	for _, e := range s.endpoints {
		if e.Instrument == instrument && e.Transport == transport && e.Board == board {
			return e.Address
		}
	}
	s.t.Skipf("%s is not offered by %s here:\n%s", instrument, transport, s.err)
	return ""
}

// writeBench writes a bench description with array A at the addresses given.
func writeBench(t *testing.T, dir, analyzer, board, more string) string {
	t.Helper()
	file := filepath.Join(dir, config.FileName)
	text := fmt.Sprintf(`analyzer:
  address: %q
boards:
  - {name: A, address: %q, wiring: array-a.yaml}
%s
limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}
`, analyzer, board, more)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func byTCP(a string) string { return "tcp:" + a }

// writeBench writes the description of the bench that is served, reached by a
// transport whose endpoints are written as address says.
func (s *served) writeBench(dir, transport string, address func(string) string) string {
	s.t.Helper()
	board := func(name string) string { return "buspirate:" + address(s.address("adg1438", transport, name)) }
	return writeBench(s.t, dir, address(s.address("b1500a", transport, "")), board("A"),
		fmt.Sprintf("  - {name: B, address: %q, wiring: array-b.yaml}", board("B")))
}

// evidence is everything that a run left behind, without wall-clock time and
// without what says which way it came.
type evidence struct {
	Defects map[string]any
	Devices string
	Header  map[string]any
	Journal []string // between the first and the last line, checksums included
	Summary map[string]any
	Chip    string
}

func collectEvidence(t *testing.T, runs, chip string) evidence {
	t.Helper()
	s, err := run.Load(runs, "last")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	object := func(text []byte, strip ...string) map[string]any {
		t.Helper()
		var v map[string]any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		for _, key := range strip {
			delete(v, key)
		}
		return v
	}
	lines := strings.Split(strings.TrimSpace(string(read(filepath.Join(s.Dir, "journal.jsonl")))), "\n")
	header := object([]byte(lines[0]))["data"].(map[string]any)
	for _, key := range []string{"run", "arguments", "bench", "started", "simulated", "chip", "seed"} {
		delete(header, key)
	}
	delete(header["limits"].(map[string]any), "origin")
	return evidence{
		Defects: object(read(filepath.Join(s.Dir, procedure.DefectsFile)), "run", "chip"),
		Devices: string(read(filepath.Join(s.Dir, "devices.csv"))),
		Header:  header,
		Journal: lines[1 : len(lines)-1],
		Summary: object(s.Summary.Summary, "run", "wall_seconds"),
		Chip:    string(read(chip)),
	}
}

// TestSameBytes forms some rows of the same fresh chip over every kind of
// connection: the results, the journal and the chip afterwards are identical,
// byte for byte. The benches have one configuration but for the addresses: a
// default that depends on these, as that of analyzer.fixed_ranges does, is set,
// because every character that is sent takes bench time, and with it the noise
// becomes another.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	const seed = 3
	devices, formed, lines := "r0-1c*", 20.0, 100
	if testing.Short() {
		devices, formed, lines = "r0c0-9", 5, 30
	}
	form := func(t *testing.T, config string) string {
		t.Helper()
		runs := t.TempDir()
		out, errs := newOutput(), newOutput()
		a := newApp(strings.NewReader(""), out, errs)
		a.Signals = make(chan os.Signal)
		a.Silence = time.Millisecond // asked of the bench in this process as of others
		if code := a.execute([]string{"form", "--devices", devices, "--json", "--config", config,
			"--set", "runs=" + runs, "--set", "analyzer.fixed_ranges=true"}); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, errs)
		}
		return runs
	}
	dir := t.TempDir()
	chip := filepath.Join(dir, "chip.json")
	config := writeBench(t, dir, "sim", "sim", fmt.Sprintf("  - {name: B, address: sim, wiring: array-b.yaml}\n"+
		"simulation: {seed: %d, chip: %q}", seed, chip))
	want := collectEvidence(t, form(t, config), chip)
	if n, _ := want.Summary["formed"].(float64); n < formed || len(want.Journal) < lines {
		t.Fatalf("too little was done to compare anything: %v, %d lines", want.Summary, len(want.Journal))
	}
	for name, address := range map[string]func(string) string{
		"pty with bugst": func(a string) string { return "serial:" + a + "?library=bugst" },
		"pty with tarm":  func(a string) string { return "serial:" + a + "?library=tarm" },
		"tcp":            byTCP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasSuffix(name, "tarm") && runtime.GOOS != "linux" {
				t.Skip("the library needs cgo on this system")
			}
			dir := t.TempDir()
			chip := filepath.Join(dir, "chip.json")
			s := serve(t, chip, seed)
			transport, _, _ := strings.Cut(name, " ")
			runs := form(t, s.writeBench(dir, transport, address))
			s.stop(os.Interrupt)
			if diff := cmp.Diff(want, collectEvidence(t, runs, chip)); diff != "" {
				t.Errorf("in process (-) and by %s (+):\n%s", name, diff)
			}
		})
	}
}

// TestServeEnds checks that serving ends at once when it is told to, with
// clients connected and in the middle of a line, and that the chip is kept.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			chip := filepath.Join(t.TempDir(), "chip.json")
			s := serve(t, chip, 1)
			if e := s.endpoints[0]; e.Instrument != "b1500a" || e.GPIB == nil || *e.GPIB != 17 {
				t.Errorf("the first endpoint is %+v", e)
			}
			if !slices.ContainsFunc(s.endpoints, func(e lab.Endpoint) bool {
				return e.Instrument == "adg1438" && e.Board == "B" && e.GPIB == nil
			}) {
				t.Errorf("board B is not among %+v", s.endpoints)
			}
			made, err := os.ReadFile(chip)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range s.endpoints {
				if e.Transport != "tcp" {
					far, err := os.OpenFile(e.Address, os.O_RDWR, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer far.Close()
					continue
				}
				// Several at a time.
				for range 3 {
					c, err := net.Dial("tcp", e.Address)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
				}
			}
			// Bench time passes for whoever is answered.
			c, err := net.Dial("tcp", s.address("b1500a", "tcp", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "++addr 17\n*IDN?\n++read eoi\n++addr 1"); err != nil {
				t.Fatal(err)
			}
			if answer, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(answer, "B1500A") {
				t.Fatalf("%q, %v", answer, err)
			}
			s.stop(signal)
			if kept, err := os.ReadFile(chip); err != nil || bytes.Equal(kept, made) {
				t.Errorf("the chip's file was not written again: %v", err)
			}
		})
	}
}

// `xlab sim serve` offers the neuron board like every other instrument.
func TestServeNeurons(t *testing.T) {
	stderr := newOutput()
	ctx, cancel := context.WithCancel(t.Context())
	t.Chdir(t.TempDir())
	a := newApp(strings.NewReader(""), io.Discard, stderr)
	if err := a.ReadConfig("", []string{"neurons.address=sim", "simulation.chip=chip.json"}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	var offered []lab.Endpoint
	go func() {
		ended <- a.Serve(ctx, "127.0.0.1", func(e lab.Endpoint) error {
			if e.Instrument == "neurons" && e.Transport == "tcp" {
				offered = append(offered, e)
			}
			return nil
		})
	}()
	stderr.await(t, "serving until interrupted")
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("serving does not end")
	}
	if len(offered) != 1 {
		t.Errorf("the neuron board is offered %d times: %+v", len(offered), offered)
	}
}

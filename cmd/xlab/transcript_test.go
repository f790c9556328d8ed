package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spireg"

	"xlab/lab"
	"xlab/lab/boxes"
	"xlab/lab/sim"
	"xlab/lab/sim/serving"
	"xlab/mock/fault"
	"xlab/run"
)

// command carries a command line out in this process.
func command(args ...string) (code int, out, said string) {
	stdout, stderr := newOutput(), newOutput()
	a := newApp(strings.NewReader(""), stdout, stderr)
	a.Signals = make(chan os.Signal)
	code = a.execute(args)
	return code, stdout.String(), stderr.String()
}

// retold replays a transcript, which has to end with an exit code.
func retold(t *testing.T, want int, name string, more ...string) (r lab.Retold) {
	t.Helper()
	code, out, said := command(append([]string{"replay", "--transcript", name, "--json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != want {
		t.Fatalf("exit code %d, want %d, %v:\n%.2000s\n%s", code, want, err, out, said)
	}
	return r
}

// TestTranscripts forms 20 devices over every kind of link and carries the same out
// again from the transcript, when there is no instrument any more.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, dir string) (config string, stop func()){
		"tcp": func(t *testing.T, dir string) (string, func()) {
			s := serve(t, filepath.Join(dir, "chip.json"), 3)
			return s.writeBench(dir, "tcp", byTCP), func() { s.stop(os.Interrupt) }
		},
		"serial": func(t *testing.T, dir string) (string, func()) {
			s := serve(t, filepath.Join(dir, "chip.json"), 3)
			return s.writeBench(dir, "pty", func(a string) string { return "serial:" + a }), func() { s.stop(os.Interrupt) }
		},
		"spi": serveSPI,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, stop := open(t, dir)
			shared := []string{"--config", file, "--set", "runs=" + filepath.Join(dir, "runs"), "--set",
				"locks=" + filepath.Join(dir, "locks")}
			code, _, said := command(append([]string{"form", "--devices", "r0c*", "--transcript"}, shared...)...)
			if code != 0 && code != run.ExitPartial {
				t.Fatalf("exit code %d:\n%s", code, said)
			}
			stop()
			s, err := run.Load(filepath.Join(dir, "runs"), "last")
			if err != nil {
				t.Fatal(err)
			}
			before := contents(t, dir)
			r := retold(t, 0, s.ID, shared...)
			if r.Records < 100 || r.Frames < 500 {
				t.Errorf("%d records and %d frames are too few to say anything", r.Records, r.Frames)
			}
			if after := contents(t, dir); after != before {
				t.Errorf("the replay has changed %s; before:\n%s\nnow:\n%s", dir, before, after)
			}
			checkTranscript(t, filepath.Join(s.Dir, "transcript"), name)
		})
	}
}

// checkTranscript looks at the form of the files.
func checkTranscript(t *testing.T, dir, kind string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	line := regexp.MustCompile(`^(# \d+\.\d{6}|# closed|# read: i/o timeout|== .*|[<>] .*)$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if want := fmt.Sprintf(`# xlab %s ["form","--devices","r0c*",`, run.Program()); !strings.HasPrefix(lines[0], want) {
			t.Errorf("%s begins with %q", file, lines[0])
		}
		last := -1.0
		for i, text := range lines[2:] {
			if !line.MatchString(text) {
				t.Errorf("%s:%d: %q", file, i+3, text)
			}
			var at float64
			if n, _ := fmt.Sscanf(text, "# %f", &at); n == 1 {
				if at < last {
					t.Errorf("%s:%d: time goes back from %f", file, i+3, last)
				}
				last = at
			}
		}
		if kind == "spi" && strings.Contains(file, "board") && !bytes.Contains(text, []byte("== simulated\n")) {
			t.Errorf("%s is of no SPI port:\n%.500s", file, text)
		}
	}
}

// contents names all files below a directory with their sizes and times.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// serveSPI serves the analyzer over TCP and puts the switch boards on SPI ports of
// this computer.
func serveSPI(t *testing.T, dir string) (string, func()) {
	a := newApp(strings.NewReader(""), newOutput(), newOutput())
	a.set = []string{"simulation.chip=" + filepath.Join(dir, "chip.json"), "simulation.seed=3"}
	if err := a.configure(); err != nil {
		t.Fatal(err)
	}
	s, _, err := sim.Open(boxes.Default(), a.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := s.Start(context.Background())
	host := serving.Host{Bench: s, Address: "127.0.0.1", Log: slog.New(slog.DiscardHandler)}
	analyzer, err := host.TCP(ctx, s.Analyzer)
	if err != nil {
		t.Fatal(err)
	}
	port := func(board string) string {
		name := "XLAB-TEST-" + board
		if err := spireg.Register(name, nil, -1, func() (spi.PortCloser, error) {
			return &simulatedSPI{bench: s, board: board}, nil
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = spireg.Unregister(name) })
		return "spi:" + name
	}
	file := writeBench(t, dir, byTCP(analyzer), port("A"),
		fmt.Sprintf("  - {name: B, address: %q, wiring: array-b.yaml}", port("B")))
	return file, func() {
		for _, board := range []string{"A", "B"} {
			if err := spireg.Unregister("XLAB-TEST-" + board); err != nil {
				t.Error(err)
			}
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// simulatedSPI is an SPI port with a simulated switch board, as plain as one of a
// computer: its chip select goes up after every transfer.
type simulatedSPI struct {
	bench *sim.Bench
	board string
}

func (p *simulatedSPI) String() string                    { return "simulated" }
func (p *simulatedSPI) Close() error                      { return nil }
func (p *simulatedSPI) LimitSpeed(physic.Frequency) error { return nil }
func (p *simulatedSPI) Duplex() conn.Duplex               { return conn.Full }
func (p *simulatedSPI) MaxTxSize() int                    { return 4096 }

func (p *simulatedSPI) Connect(_ physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	if mode != spi.Mode1 || bits != 8 {
		return nil, fmt.Errorf("mode %s, %d bits", mode, bits)
	}
	return p, nil
}

func (p *simulatedSPI) Tx(w, r []byte) error {
	if len(w) != len(r) {
		return fmt.Errorf("%d bytes are sent and %d read", len(w), len(r))
	}
	p.bench.Netlist.Do(func() {
		chain := p.bench.Chains[p.board]
		chain.Select(true)
		chain.Transfer(w, r)
		chain.Select(false)
	})
	return nil
}

func (p *simulatedSPI) TxPackets(list []spi.Packet) error {
	for _, packet := range list {
		if err := p.Tx(packet.W, packet.R); err != nil {
			return err
		}
	}
	return nil
}

// TestTranscriptOfLostLinks: what was said on a link that was opened again is said
// again, on the way back and after it.
func TestTranscriptOfLostLinks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fault, file, trace string }{
		"cable": {"{what: cut, on: analyzer, command: WNX, number: 2, attempts: 2}", "analyzer", "== tcp:"},
		"board": {"{what: cut, on: board A, piece: 5, attempts: 1}", "switch-board-A", "== tcp:"},
		"bytes": {"{what: lose, on: board A, toward: host, piece: 5}", "switch-board-A", "# read: i/o timeout"},
		"silent": {"{what: adapter_silence, on: analyzer, command: MCPNX, number: 1, pieces: 2}", "analyzer",
			"# read: i/o timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script := filepath.Join(dir, "faults.yaml")
			if err := os.WriteFile(script, []byte("faults:\n- "+c.fault+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			s := serve(t, filepath.Join(dir, "chip.json"), 1, "--faults", script)
			file := s.writeBench(dir, "tcp", byTCP)
			code, said := formAt(t, dir, file, "--transcript")
			s.stop(os.Interrupt)
			stored, err := run.Load(filepath.Join(dir, "runs"), "last")
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(stored.Dir, "transcript", c.file+".txt"))
			if n := bytes.Count(text, []byte("\n"+c.trace)); err != nil || n < 2 {
				t.Errorf("%v; the transcript has %d of %q: nothing went wrong (exit code %d):\n%s", err, n, c.trace, code, said)
			}
			if r := retold(t, 0, stored.Dir); r.Frames < 50 {
				t.Errorf("%d frames are too few", r.Frames)
			}
		})
	}
}

// TestTranscriptOfAnInterruptedRun: the comparison ends where somebody interrupted it.
func TestTranscriptOfAnInterruptedRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.heard = func(_ int, message string, _ io.Closer) {
		if strings.Contains(message, "MCPNX") {
			r.signals <- os.Interrupt
			r.heard = nil
		}
	}
	if code := r.run("form", "--devices", "r0c*", "--transcript"); code != run.ExitInterrupted {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	told := retold(t, run.ExitPartial, r.stored().Dir)
	if told.Records < 2 || told.Frame == nil || told.Frame.Cut {
		t.Errorf("%+v", told)
	}
}

// TestTranscriptOfAKilledRun: the comparison ends where the process was killed.
func TestTranscriptOfAKilledRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	form := programIn(dir)("form", "--transcript")
	awaitRecords(t, dir, "*", 3, run.TypeResult, start(t, form))
	time.Sleep(time.Second) // what was read of a line is written after a moment
	if err := form.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := form.Wait(); err == nil {
		t.Fatal("the process had ended before")
	}
	runs, err := filepath.Glob(filepath.Join(dir, "*", "journal.jsonl"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v, %v", runs, err)
	}
	told := retold(t, run.ExitPartial, filepath.Dir(runs[0]))
	if told.Records < 3 || told.Frame == nil || !told.Frame.Cut {
		t.Errorf("%+v", told)
	}
}

// TestTranscriptThatCannotBeWritten: the run goes on as it would have, which is said
// once and noted.
func TestTranscriptThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.app.Keep = func(o run.Options) run.Options {
		o.Create = func(path string) (run.File, error) {
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "transcript"), nil, 0o600); err != nil {
				t.Error(err)
			}
			return run.CreateFile(path)
		}
		return o
	}
	if code := r.run("form", "--devices", "r0c0-1", "--transcript"); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	if n := strings.Count(r.err.String(), "warning: the transcript of the links ends here: "); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, r.err)
	}
	s := r.stored()
	noted := 0
	if _, err := run.ScanJournal(s.Dir, func(record run.Record) error {
		if record.Type == run.TypeNote && bytes.Contains(record.Data, []byte("the transcript of the links ends early")) {
			noted++
		}
		return nil
	}); err != nil || noted != 1 || s.Outcome != run.OutcomeComplete {
		t.Errorf("%v; the run is %s and has %d notes", err, s.Outcome, noted)
	}
}

// TestTranscriptOfAResumedRun: every segment has its own, and the first is replayed.
func TestTranscriptOfAResumedRun(t *testing.T) {
	t.Parallel()
	r := newTrial(t, 1)
	r.hurry = 0
	r.script = &fault.Script{Faults: []fault.Fault{{What: fault.Cut, On: "analyzer", Command: "MCPNX", Number: 8,
		Attempts: 1000}}}
	form := []string{"form", "--devices", "r0-1c0-3", "--transcript", "--set", "recovery.hold=0s"}
	if code := r.run(form...); code == 0 {
		t.Fatalf("nothing went wrong:\n%s", r.said)
	}
	r.script = nil
	if code := r.run("resume", "last", "--accept", "--transcript"); code != 0 && code != run.ExitPartial {
		t.Fatalf("exit code %d:\n%s", code, r.said)
	}
	s := r.stored()
	if told := retold(t, 0, s.Dir); told.Records < 3 {
		t.Errorf("%+v", told)
	}
	_, _, said := command("replay", "--transcript", filepath.Join(s.Dir, "transcript-0002"))
	if !strings.Contains(said, "of the first segment") {
		t.Errorf("the second segment's is not refused: %s", said)
	}
}

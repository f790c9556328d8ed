package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

var _ array.Journal = (*Journal)(nil)

// crc32c is written from the definition, bit by bit, so that the documented
// checksum is checked against something else than the code that writes it.
func crc32c(text []byte) uint32 {
	crc := ^uint32(0)
	for _, b := range text {
		crc ^= uint32(b)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x82f63b78
			} else {
				crc >>= 1
			}
		}
	}
	return ^crc
}

func TestLinesAreAsDocumented(t *testing.T) {
	if got := crc32c([]byte("123456789")); got != 0xe3069283 {
		t.Fatalf("the test's own CRC-32C is wrong: %08x", got)
	}
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	id, err := j.Intent(pulse{row: 3, col: 7, v: 1.25})
	must(t, err)
	j.SetBenchTime(1.5)
	must(t, j.Part(id, map[string]any{"i": 1e-6}))
	j.SetBenchTime(instrument.Seconds(math.NaN()))
	must(t, j.Result(id, nil))
	must(t, j.Event("dev\"ice", []int{1, 2}))
	must(t, j.Note("a\nb"))
	must(t, j.Close())

	contents, _, _ := disk.state()
	lines := bytes.Split(bytes.TrimSuffix(contents, []byte("\n")), []byte("\n"))
	want := []string{
		`{"seq":1,"type":"header","version":1,"segment":1,"data":{"run":"run","command":"form",`,
		`{"seq":2,"type":"intent","data":{"cell":[3,7],"v":1.25}`,
		`{"seq":3,"bench":1.5,"type":"part","of":2,"data":{"i":0.000001}`,
		`{"seq":4,"type":"result","of":2,"data":null`,
		`{"seq":5,"type":"event","kind":"dev\"ice","data":[1,2]`,
		`{"seq":6,"type":"note","data":"a\nb"`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), contents)
	}
	for i, line := range lines {
		if i == 0 && !strings.HasPrefix(string(line), want[0]) {
			t.Errorf("line 1 is %s", line)
		}
		at := len(line) - 18
		if i > 0 && string(line[:at]) != want[i] {
			t.Errorf("line %d is %s, want %s", i+1, line[:at], want[i])
		}
		if tail := fmt.Sprintf(`,"crc":"%08x"}`, crc32c(line[:at])); string(line[at:]) != tail {
			t.Errorf("line %d ends with %s, want %s", i+1, line[at:], tail)
		}
		if !json.Valid(line) {
			t.Errorf("line %d is not JSON: %s", i+1, line)
		}
	}
}

func TestAppendString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()),
			func(b []byte) string { return string(b) })).Draw(t, "s")
		var back string
		if err := json.Unmarshal(AppendString(nil, s), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") &&
			len(s) == len(back) {
			t.Fatalf("%q became %s and %q, %v", s, AppendString(nil, s), back, err)
		}
	})
}

func TestAppendFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		text := AppendFloat(nil, x)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			if string(text) != "null" {
				t.Fatalf("%v became %s", x, text)
			}
			return
		}
		var back float64
		if err := json.Unmarshal(text, &back); err != nil || math.Float64bits(back) != math.Float64bits(x) {
			t.Fatalf("%v became %s and %v, %v", x, text, back, err)
		}
	})
}

func TestIntentIsOnDiskWhenItReturns(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	for i := range 5 {
		id, err := j.Intent(i)
		must(t, err)
		contents, synced, _ := disk.state()
		_, records, err := scanBytes(contents[:synced])
		must(t, err)
		if last := records[len(records)-1]; last.Seq != id || string(last.Data) != fmt.Sprint(i) {
			t.Fatalf("after intent %d the disk ends with %+v", i, last)
		}
		must(t, j.Result(id, "done"))
	}
}

// A result outlives the process as soon as Result returns, and it is on disk
// before the next stress.
func TestResultIsHandedOverAtOnce(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	id, err := j.Intent("a")
	must(t, err)
	must(t, j.Result(id, "measured"))
	contents, synced, syncs := disk.state()
	if !bytes.Contains(contents, []byte("measured")) {
		t.Error("the operating system does not have the result")
	}
	if bytes.Contains(contents[:synced], []byte("measured")) {
		t.Error("the result waited for the disk")
	}
	_, err = j.Intent("b")
	must(t, err)
	if contents, synced, after := disk.state(); !bytes.Contains(contents[:synced], []byte("measured")) ||
		after != syncs+1 {
		t.Errorf("the next intent did not take the result along in its one sync (%d)", after-syncs)
	}
}

func TestResultDoesNotWaitForABusyDisk(t *testing.T) {
	disk := newSimDisk()
	o := disk.options()
	o.FlushEvery = time.Hour // the test alone says when
	j := mustOpen(t, o)
	id, err := j.Intent("a")
	must(t, err)
	must(t, j.Event("x", nil))
	disk.entered, disk.gate = make(chan struct{}), make(chan struct{})
	flushed := make(chan error)
	go func() { flushed <- j.Flush() }()
	<-disk.entered
	must(t, j.Result(id, "measured")) // would hang here
	if contents, synced, _ := disk.state(); !bytes.Contains(contents, []byte("measured")) ||
		bytes.Contains(contents[:synced], []byte("measured")) {
		t.Error("the result did not go to the operating system while the disk was busy")
	}
	disk.gate <- struct{}{}
	must(t, <-flushed)
	go func() {
		for range disk.entered {
			disk.gate <- struct{}{}
		}
	}()
	must(t, j.Close())
	close(disk.entered)
}

// What waits for a disk that hangs is bounded.
func TestMemoryIsBoundedOnASlowDisk(t *testing.T) {
	disk := newSimDisk()
	o := disk.options()
	o.FlushEvery = time.Hour // the test alone says when
	j := mustOpen(t, o)
	disk.entered, disk.gate, disk.gateWrites = make(chan struct{}), make(chan struct{}), true
	go func() {
		if err := j.Event("x", nil); err != nil {
			t.Error(err)
		}
	}()
	<-disk.entered
	big := strings.Repeat("x", maxBuffered/4)
	blocked := make(chan int)
	go func() {
		for i := range 100 {
			if err := j.Note(big); err != nil {
				t.Error(err)
			}
			blocked <- i
		}
		close(blocked)
	}()
	for i := range 3 {
		if n := <-blocked; n != i {
			t.Fatal(n)
		}
	}
	disk.gate <- struct{}{}
	go func() {
		for range disk.entered {
			disk.gate <- struct{}{}
		}
	}()
	for range blocked {
	}
	must(t, j.Close())
	close(disk.entered)
	if cap(j.buf) > 4*maxBuffered || cap(j.spare) > 4*maxBuffered {
		t.Errorf("buffers of %d and %d bytes are kept", cap(j.buf), cap(j.spare))
	}
}

func TestResultsReachTheDiskInBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSimDisk()
		o := disk.options()
		o.FlushEvery = 3 * time.Second
		j := mustOpen(t, o)
		for range 4 {
			must(t, j.Event("x", "measured"))
			time.Sleep(2999 * time.Millisecond)
			_, before, _ := disk.state()
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			contents, synced, _ := disk.state()
			if before == len(contents) || synced != len(contents) {
				t.Fatalf("on disk before the time: %d, after it: %d of %d", before, synced, len(contents))
			}
		}
		must(t, j.Close())
	})
}

func TestIntentsShareASync(t *testing.T) {
	disk := newSimDisk()
	o := disk.options()
	o.FlushEvery = time.Hour // the test alone says when
	j := mustOpen(t, o)
	_, _, before := disk.state()
	disk.entered, disk.gate = make(chan struct{}, 100), make(chan struct{}, 100)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := j.Intent(i); err != nil {
				t.Error(err)
			}
		})
	}
	<-disk.entered
	for accepted := uint64(0); accepted < 21; { // the header and all intents
		j.mu.Lock()
		accepted = j.seq
		j.mu.Unlock()
		runtime.Gosched()
	}
	for range 100 {
		disk.gate <- struct{}{}
	}
	all.Wait()
	contents, synced, after := disk.state()
	if after-before > 2 {
		t.Errorf("%d syncs for 20 intents at the same time", after-before)
	}
	if report, _, err := scanBytes(contents[:synced]); err != nil || len(report.Unknown) != 20 {
		t.Errorf("%d intents on disk, %v", len(report.Unknown), err)
	}
	must(t, j.Close())
}

// A measurement that JSON has no words for is kept as text, and the run stops.
func TestNothingMeasuredIsLost(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	id, err := j.Intent("a")
	must(t, err)
	data := struct{ I, V float64 }{math.NaN(), 0.12345}
	if err := j.Result(id, data); err == nil {
		t.Fatal("accepted")
	}
	contents, _, _ := disk.state()
	report, records, err := scanBytes(contents)
	must(t, err)
	last := records[len(records)-1]
	if last.Type != TypeNote || !strings.Contains(string(last.Data), "NaN") ||
		!strings.Contains(string(last.Data), "0.12345") {
		t.Errorf("the measurement is not in the journal: %+v", last)
	}
	if len(report.Unknown) != 1 {
		t.Errorf("the intent is not unknown: %+v", report.Unknown)
	}
	if _, err := j.Intent("b"); err == nil {
		t.Error("the run goes on although a result is lost")
	}
	must(t, j.Event("end", nil)) // but it can still say why it ends
}

func TestBadDataSpoilsNothing(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	for name, data := range map[string]any{
		"channel":       make(chan int),
		"two lines":     pulse{broken: "{\n}"},
		"not JSON":      pulse{broken: "{"},
		"nothing":       json.RawMessage("{"),
		"half a string": pulse{broken: `"x`},
		"too long":      strings.Repeat("x", maxLine),
	} {
		if _, err := j.Intent(data); err == nil || !strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("%s: %v", name, err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic disappeared")
			}
		}()
		_, _ = j.Intent(pulse{explode: true})
	}()
	id, err := j.Intent("good")
	must(t, err)
	must(t, j.Result(id, json.RawMessage("{ \"a\" :\n1 }"))) // several lines become one
	must(t, j.Close())
	contents, _, _ := disk.state()
	report, records, err := scanBytes(contents)
	if err != nil || len(report.Damage) != 0 || len(records) != 3 || len(report.Unknown) != 0 {
		t.Errorf("%+v, %v\n%s", report, err, contents)
	}
}

func TestMisuseIsRefused(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	id, err := j.Intent("a")
	must(t, err)
	must(t, j.Result(id, nil))
	for what, err := range map[string]error{
		"second result":         j.Result(id, nil),
		"part after the result": j.Part(id, nil),
		"result of nothing":     j.Result(0, nil),
		"result of the header":  j.Result(1, nil),
		"part of the future":    j.Part(99, nil),
	} {
		if err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	must(t, j.Err()) // none of it reached the journal
	must(t, j.Close())
	must(t, j.Close())
	if _, err := j.Intent("late"); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("intent after closing: %v", err)
	}
	if err := j.Event("late", nil); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("event after closing: %v", err)
	}
}

func TestBrokenStart(t *testing.T) {
	disk := newSimDisk()
	disk.failSync = true
	if _, err := openJournal(t.TempDir(), 1, 0, nil, Header{}, disk.options()); !errors.Is(err, errDiskSync) {
		t.Errorf("a journal whose header is not on disk was started: %v", err)
	}
	o := newSimDisk().options()
	o.Create = func(string) (File, error) { return nil, errors.New("read-only") }
	if _, err := openJournal(t.TempDir(), 1, 0, nil, Header{}, o); instrument.KindOf(err) != instrument.KindTrip {
		t.Errorf("a journal without a file was started: %v", err)
	}
	dir := t.TempDir()
	j, err := openJournal(dir, 1, 0, nil, Header{}, Options{})
	must(t, err)
	must(t, j.Close())
	if _, err := openJournal(dir, 1, 0, nil, Header{}, Options{}); err == nil {
		t.Error("a journal was written over")
	}
}

// A run of a million pulses writes millions of lines.
func TestPairAllocatesLittle(t *testing.T) {
	o := Options{Sync: discardSync, FlushEvery: time.Hour,
		Create: func(string) (File, error) { return nowhere{}, nil },
		Free:   func(string) (uint64, error) { return 1 << 40, nil }}
	j := mustOpen(t, o)
	data := any(pulse{row: 3, col: 7, v: 1.25})
	allocations := testing.AllocsPerRun(1000, func() {
		id, err := j.Intent(data)
		if err == nil {
			err = j.Result(id, data)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 2 { // none, but for what the race detector adds
		t.Errorf("%v allocations for an intent and its result", allocations)
	}
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) Sync() error                 { return nil }
func (nowhere) Close() error                { return nil }

func TestConcurrentUse(t *testing.T) {
	disk := newSimDisk()
	o := disk.options()
	o.FlushEvery = time.Microsecond
	j := mustOpen(t, o)
	const workers, rounds = 8, 50
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range rounds {
				id, err := j.Intent([]int{w, i})
				if err != nil {
					t.Error(err)
					return
				}
				j.SetBenchTime(instrument.Seconds(i))
				for _, err := range []error{j.Part(id, i), j.Event("x", w), j.Result(id, i)} {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	must(t, j.Close())
	contents, synced, _ := disk.state()
	report, records, err := scanBytes(contents)
	if err != nil || len(report.Damage) != 0 || len(report.Unknown) != 0 || len(records) != 1+4*workers*rounds ||
		synced != len(contents) {
		t.Errorf("%d records, damage %v, unknown %d, %d of %d bytes on disk, %v", len(records), report.Damage,
			len(report.Unknown), synced, len(contents), err)
	}
}

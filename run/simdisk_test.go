package run

import (
	"bytes"
	"errors"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errDiskWrite = errors.New("simulated: input/output error on write")
	errDiskSync  = errors.New("simulated: input/output error on sync")
)

// simDisk is a disk with one file that remembers what has been synchronised,
// and that can be slow, full or failing.
type simDisk struct {
	mu        sync.Mutex
	contents  []byte // what the operating system has
	synced    int    // how much of it survives a power cut
	syncs     int
	free      uint64
	freeErr   error
	failWrite bool // half of the next write arrives, and then an error
	failSync  bool

	// With a gate, every Sync, or every Write, says so on entered and waits for
	// a value from gate.
	entered, gate chan struct{}
	gateWrites    bool
}

func newSimDisk() *simDisk { return &simDisk{free: 1 << 40} }

func (d *simDisk) options() Options {
	return Options{
		Create: func(string) (File, error) { return d, nil },
		Free: func(string) (uint64, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.free, d.freeErr
		},
	}
}

func (d *simDisk) Write(b []byte) (int, error) {
	if d.gateWrites {
		d.entered <- struct{}{}
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failWrite {
		d.contents = append(d.contents, b[:len(b)/2]...)
		return len(b) / 2, errDiskWrite
	}
	d.contents = append(d.contents, b...)
	return len(b), nil
}

func (d *simDisk) Sync() error {
	if d.gate != nil && !d.gateWrites {
		d.entered <- struct{}{}
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if d.failSync {
		return errDiskSync
	}
	d.synced = len(d.contents)
	return nil
}

func (d *simDisk) Close() error { return nil }

func (d *simDisk) set(f func(d *simDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

func (d *simDisk) state() (contents []byte, synced, syncs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.contents), d.synced, d.syncs
}

// scanBytes reads segments from memory.
func scanBytes(segments ...[]byte) (*Report, []Record, error) {
	var records []Record
	s := scanner{visit: func(r Record) error { records = append(records, r); return nil }, open: make(map[uint64]*Unknown)}
	for i, text := range segments {
		if err := s.segment(bytes.NewReader(text), segmentName(i+1), i+1); err != nil {
			return nil, nil, err
		}
	}
	return s.finish(), records, nil
}

func mustOpen(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := openJournal(t.TempDir(), 1, 0, nil, Header{ID: "run", Command: "form"}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // some tests close it, or break it, themselves
	return j
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pulse is data as an algorithm would journal it at every step.
type pulse struct {
	row, col int
	v        float64
	broken   string // what to append instead
	explode  bool
}

func (p pulse) AppendJSON(b []byte) ([]byte, error) {
	if p.explode {
		panic("appending failed")
	}
	if p.broken != "" {
		return append(b, p.broken...), nil
	}
	b = strconv.AppendInt(append(b, `{"cell":[`...), int64(p.row), 10)
	b = strconv.AppendInt(append(b, ','), int64(p.col), 10)
	b = AppendFloat(append(b, `],"v":`...), p.v)
	return append(b, '}'), nil
}

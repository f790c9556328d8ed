package run

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"time"

	"xlab/instrument"
	"xlab/run/atomicfile"
)

// Options are the parts of a run's keeping that a test, a simulated disk or a
// special site replaces. The zero value is the real thing.
type Options struct {
	Create     func(path string) (File, error)          // opens a new journal file, which must not exist
	Sync       func(f File) error                       // puts on disk what was written; default f.Sync
	Free       func(dir string) (bytes uint64, e error) // space left on dir's disk; errors.ErrUnsupported = not known
	Reserve    uint64                                   // space below which no intent is accepted, in bytes; 0 = 64 MiB
	FlushEvery time.Duration                            // bound on how long a result may wait for the disk; 0 = 1 s
	Now        func() time.Time                         // wall clock
	// Announce is told of a new run's ID before there is a directory of that name,
	// and again where the name turns out to be taken. It returns when who has to
	// know will know after a crash too. An error begins no run; nil = nobody is told.
	Announce func(id string) error
}

const (
	defaultReserve    = 64 << 20
	defaultFlushEvery = time.Second
	// maxBuffered bounds what waits in memory for a slow disk; beyond it even a
	// result waits.
	maxBuffered = 1 << 20
	// maxKept bounds the text that is kept of data that cannot be journaled.
	maxKept = 64 << 10
)

func (o Options) withDefaults() Options {
	if o.Create == nil {
		o.Create = CreateFile
	}
	if o.Sync == nil {
		o.Sync = syncFile
	}
	if o.Free == nil {
		o.Free = freeBytes
	}
	o.Reserve = cmp.Or(o.Reserve, defaultReserve)
	if o.FlushEvery <= 0 {
		o.FlushEvery = defaultFlushEvery
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Journal writes one segment of a run's journal. All methods may be called by
// several goroutines. Once the disk has failed, every method returns that first
// failure: the run has to stop, because what it does is no longer recorded.
type Journal struct {
	dir, path string
	options   Options
	file      File
	flushes   sync.WaitGroup // timed flushes under way

	// disk is held while the file is synchronised, writing while it is written:
	// what is measured while the disk is busy shall outlive the process. They are
	// taken in this order and before mu, never the other way round.
	disk    sync.Mutex
	synced  uint64 // lines up to this one are on disk; under disk
	writing sync.Mutex
	spare   []byte // the buffer not being filled; under writing

	mu       sync.Mutex
	buf      []byte // lines not yet written
	seq      uint64 // of the last line accepted
	open     map[uint64]struct{}
	bench    instrument.Seconds
	hasBench bool
	timer    *time.Timer
	armed    bool
	err      error // first failure; no more intents
	broken   bool  // the file cannot be written; no more lines at all
	closed   bool
}

// openJournal starts segment number n of the journal in dir with its header
// line, on disk. The segment goes on from line last; open lists the intents of
// earlier segments that still have no result.
func openJournal(dir string, n int, last uint64, open []uint64, header any, o Options) (*Journal, error) {
	o = o.withDefaults()
	path := filepath.Join(dir, segmentName(n))
	if err := checkFree(o.Free, dir, o.Reserve); err != nil {
		return nil, err
	}
	f, err := o.Create(path)
	if err != nil {
		return nil, &instrument.Error{Op: "journal", Channel: path, Kind: instrument.KindTrip,
			Err: fmt.Errorf("the journal cannot be started: %w", err), Advice: "check the directory and its disk; nothing " +
				"was sent"}
	}
	j := &Journal{dir: dir, path: path, options: o, file: f, seq: last, synced: last, open: make(map[uint64]struct{})}
	for _, intent := range open {
		j.open[intent] = struct{}{}
	}
	seq, err := j.append(line{kind: TypeHeader, version: Version, segment: n, data: header})
	if err == nil {
		err = j.flush(seq)
	}
	if err == nil {
		if err = atomicfile.SyncDir(dir); err != nil {
			err = j.fail("put on disk", err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// Intent says what is about to be done to a device and returns when that is on
// disk: write and fsync. The number returned names the intent for Part and
// Result. It returns an error, and nothing may be sent, when the disk has less
// than the reserve left (instrument.KindTrip; not sticky), when the journal has
// failed before, or when data cannot be written as JSON.
//
// One intent may cover a bounded group of next steps on one device. It blocks
// for as long as the disk takes; there is nothing to cancel in that.
func (j *Journal) Intent(data any) (uint64, error) {
	if err := j.Err(); err != nil {
		return 0, err
	}
	if err := checkFree(j.options.Free, j.dir, j.options.Reserve); err != nil {
		return 0, err
	}
	seq, err := j.append(line{kind: TypeIntent, data: data})
	if err != nil {
		return 0, err
	}
	if err := j.flush(seq); err != nil {
		return 0, err
	}
	return seq, nil
}

// Part records what came of some of an intent's steps; the intent stays open.
// It does not wait for the disk.
func (j *Journal) Part(intent uint64, data any) error {
	return j.record(line{kind: TypePart, of: intent, data: data})
}

// Result records what came of an intent and closes it. It does not wait for
// the disk, unless that is so slow that a megabyte waits already.
func (j *Journal) Result(intent uint64, data any) error {
	return j.record(line{kind: TypeResult, of: intent, data: data})
}

// Event records something worth knowing. kind sorts events and is one word.
// It does not wait for the disk.
func (j *Journal) Event(kind string, data any) error {
	return j.record(line{kind: TypeEvent, event: kind, data: data})
}

// Note records text for a person. It does not wait for the disk.
func (j *Journal) Note(text string) error {
	return j.record(line{kind: TypeNote, data: text})
}

// SetBenchTime tells the bench's time as last known, since the run began and
// without what passed between its segments. Every later line carries it. A value that is not finite means that it is
// not known.
func (j *Journal) SetBenchTime(t instrument.Seconds) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bench, j.hasBench = t, !math.IsNaN(float64(t)) && !math.IsInf(float64(t), 0)
}

// Flush returns when every line accepted so far is on disk.
func (j *Journal) Flush() error {
	j.mu.Lock()
	last := j.seq
	j.mu.Unlock()
	if err := j.flush(last); err != nil {
		return err
	}
	return j.Err()
}

// Err is the first failure of the journal, nil while there is none.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil && j.closed {
		return errClosed(j.path)
	}
	return j.err
}

// Close puts everything on disk and closes the segment. Intents that are still
// open remain unknown. Closing again does nothing and returns the same error.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		defer j.mu.Unlock()
		return j.err
	}
	j.closed = true
	last := j.seq
	if j.armed && j.timer.Stop() {
		j.armed = false
		j.flushes.Done()
	}
	j.mu.Unlock()

	// A failure is kept in err, which is returned below.
	_ = j.flush(last)
	j.flushes.Wait()
	j.disk.Lock()
	defer j.disk.Unlock()
	j.writing.Lock()
	defer j.writing.Unlock()
	if err := j.file.Close(); err != nil {
		return j.fail("closed", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// benchTime is what SetBenchTime was told last.
func (j *Journal) benchTime() (t instrument.Seconds, known bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bench, j.hasBench
}

func (j *Journal) record(l line) error {
	_, err := j.append(l)
	// Also after an error: what could not be encoded is kept as a note.
	if herr := j.handOver(); err == nil {
		err = herr
	}
	return err
}

// append gives a line its place and puts it into the buffer.
func (j *Journal) append(l line) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock() // deferred, because a JSONAppender that panics must not lock the journal for good
	if j.broken {
		return 0, j.err
	}
	if j.closed {
		return 0, errClosed(j.path)
	}
	if l.of != 0 {
		if _, ok := j.open[l.of]; !ok {
			return 0, fmt.Errorf("journal: %s for intent %d, which is not open", l.kind, l.of)
		}
	} else if l.kind == TypeResult || l.kind == TypePart {
		return 0, fmt.Errorf("journal: %s without an intent", l.kind)
	}
	b, err := appendLine(j.buf, j.seq+1, j.bench, j.hasBench, l)
	if err != nil {
		if l.kind == TypeIntent {
			return 0, fmt.Errorf("journal: %w; nothing was sent", err)
		}
		return 0, j.keep(l, err)
	}
	j.buf = b
	j.seq++
	switch l.kind {
	case TypeIntent:
		j.open[j.seq] = struct{}{}
	case TypeResult:
		delete(j.open, l.of)
	}
	if l.kind != TypeIntent && l.kind != TypeHeader {
		j.arm()
	}
	return j.seq, nil
}

// arm makes sure that a timed flush is coming; mu is held.
func (j *Journal) arm() {
	if !j.armed {
		j.armed = true
		j.flushes.Add(1)
		j.timer = time.AfterFunc(j.options.FlushEvery, j.timedFlush)
	}
}

// keep saves as text what could not be encoded: it may be a measurement of a
// stress that cannot be repeated. The run stops at the next intent.
func (j *Journal) keep(l line, cause error) error {
	err := fmt.Errorf("journal: %w", cause)
	if j.err == nil {
		j.err = err
	}
	text := fmt.Sprintf("a %s (of intent %d, kind %q) could not be journaled: %v; its data: %+v", l.kind, l.of, l.event,
		cause, l.data)
	if len(text) > maxKept {
		text = text[:maxKept] + " ..."
	}
	if b, e := appendLine(j.buf, j.seq+1, j.bench, j.hasBench, line{kind: TypeNote, data: text}); e == nil {
		j.buf = b
		j.seq++
		j.arm()
	}
	return err
}

// timedFlush runs on the timer's goroutine. A failure is kept for the next
// call of the run's own.
func (j *Journal) timedFlush() {
	defer j.flushes.Done()
	j.mu.Lock()
	j.armed = false
	last := j.seq
	j.mu.Unlock()
	_ = j.flush(last)
}

// handOver gives the buffer to the operating system unless that is taking one
// from somebody else, who takes this along then.
func (j *Journal) handOver() error {
	if !j.writing.TryLock() {
		j.mu.Lock()
		waiting := len(j.buf)
		j.mu.Unlock()
		if waiting < maxBuffered {
			return nil
		}
		j.writing.Lock()
	}
	defer j.writing.Unlock()
	_, err := j.writeAll()
	return err
}

// flush returns when the lines up to upTo are on disk. Callers that wait for
// the disk at the same time share one synchronisation.
func (j *Journal) flush(upTo uint64) error {
	j.disk.Lock()
	defer j.disk.Unlock()
	if j.synced >= upTo {
		return nil
	}
	last, err := j.writeOut()
	if err != nil {
		return err
	}
	if err := j.options.Sync(j.file); err != nil {
		// What a failed fsync leaves behind is unknown, and trying again may
		// report success without it.
		return j.fail("put on disk", err)
	}
	j.synced = last
	return nil
}

// writeOut writes the buffer to the file. It returns the last line written.
func (j *Journal) writeOut() (uint64, error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	return j.writeAll()
}

// writeAll is writeOut with writing held. What is put into the buffer
// meanwhile, by those who do not wait, is written too.
func (j *Journal) writeAll() (uint64, error) {
	for {
		last, err := j.writeOnce()
		if err != nil {
			return 0, err
		}
		j.mu.Lock()
		more := len(j.buf) > 0
		j.mu.Unlock()
		if !more {
			return last, nil
		}
	}
}

func (j *Journal) writeOnce() (uint64, error) {
	j.mu.Lock()
	if j.broken {
		defer j.mu.Unlock()
		return 0, j.err
	}
	out := j.buf
	if len(out) > 0 {
		j.buf = j.spare[:0]
	}
	last := j.seq
	j.mu.Unlock()
	if len(out) == 0 {
		return last, nil
	}
	_, err := j.file.Write(out)
	if cap(out) > maxBuffered {
		out = nil // one huge record shall not hold its memory for the rest of the run
	}
	j.spare = out
	if err != nil {
		return 0, j.fail("written", err)
	}
	return last, nil
}

// fail breaks the journal. The first failure stays.
func (j *Journal) fail(what string, cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.broken {
		j.broken = true
		do := "check the disk"
		if diskFull(cause) {
			do = "free some space"
		}
		j.err = errors.Join(j.err, &instrument.Error{Op: "journal", Channel: j.path, Kind: instrument.KindTrip,
			Err:    fmt.Errorf("the journal cannot be %s: %w", what, cause),
			Advice: "the run stops here because it can no longer be recorded; " + do})
	}
	return j.err
}

func errClosed(path string) error {
	return fmt.Errorf("journal %s is closed: the run has ended", path)
}

// CheckSpace refuses a directory for runs whose disk has less left than the
// reserve, as the beginning of a run does.
func (o Options) CheckSpace(dir string) error {
	o = o.withDefaults()
	return checkFree(o.Free, dir, o.Reserve)
}

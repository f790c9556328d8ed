package run

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
)

func TestFullDiskIsNoticedBeforeAPulse(t *testing.T) {
	disk := newSimDisk()
	o := disk.options()
	o.Reserve = 1000
	j := mustOpen(t, o)
	id, err := j.Intent("a")
	must(t, err)
	before, _, _ := disk.state()

	disk.set(func(d *simDisk) { d.free = 999 })
	if _, err = j.Intent("b"); instrument.KindOf(err) != instrument.KindTrip ||
		!strings.Contains(err.Error(), "999 bytes") {
		t.Fatalf("on a full disk: %v", err)
	}
	if after, _, _ := disk.state(); !bytes.Equal(before, after) {
		t.Error("the refused intent was written")
	}
	// The reserve is for what is under way, and the run goes on when there is
	// space again.
	must(t, j.Result(id, "measured"))
	disk.set(func(d *simDisk) { d.free = 1000 })
	_, err = j.Intent("c")
	must(t, err)

	disk.set(func(d *simDisk) { d.freeErr = errors.New("unmounted") })
	if _, err = j.Intent("d"); instrument.KindOf(err) != instrument.KindTrip ||
		!strings.Contains(err.Error(), "unmounted") {
		t.Errorf("on a disk that does not tell its space: %v", err)
	}
	disk.set(func(d *simDisk) { d.freeErr = errors.ErrUnsupported })
	_, err = j.Intent("e")
	must(t, err)
}

// The first failure of the disk stops everything, and it is the one reported.
func TestFailingDiskStopsTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt func(d *simDisk)
		cause   error
	}{
		"write": {func(d *simDisk) { d.failWrite = true }, errDiskWrite},
		"sync":  {func(d *simDisk) { d.failSync = true }, errDiskSync},
	} {
		t.Run(name, func(t *testing.T) {
			disk := newSimDisk()
			j := mustOpen(t, disk.options())
			id, err := j.Intent("a")
			must(t, err)
			_, synced, _ := disk.state()
			disk.set(c.breakIt)
			if _, err := j.Intent("b"); !errors.Is(err, c.cause) || instrument.KindOf(err) != instrument.KindTrip {
				t.Fatalf("intent on a failing disk: %v", err)
			}
			disk.set(func(d *simDisk) { d.failWrite, d.failSync = false, false })
			_, intent := j.Intent("c")
			for what, err := range map[string]error{
				"intent": intent, "result": j.Result(id, nil), "part": j.Part(id, nil), "event": j.Event("x", nil),
				"note": j.Note("x"), "flush": j.Flush(), "err": j.Err(), "close": j.Close(), "close again": j.Close(),
			} {
				if !errors.Is(err, c.cause) {
					t.Errorf("%s after the failure: %v", what, err)
				}
			}
			contents, _, _ := disk.state()
			report, records, err := scanBytes(contents[:synced])
			if err != nil || len(report.Damage) != 0 || records[len(records)-1].Seq != id {
				t.Errorf("what was on disk before is spoilt: %+v, %v", report, err)
			}
		})
	}
}

func TestFailureInTheBackgroundIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSimDisk()
		j := mustOpen(t, disk.options())
		must(t, j.Event("x", nil))
		disk.set(func(d *simDisk) { d.failSync = true })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, err := j.Intent("a"); !errors.Is(err, errDiskSync) {
			t.Errorf("intent after a failed flush: %v", err)
		}
		if err := j.Close(); !errors.Is(err, errDiskSync) {
			t.Errorf("close after a failed flush: %v", err)
		}
	})
}

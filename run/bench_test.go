package run

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func discardSync(File) error { return nil }

// BenchmarkPair is an intent and its result as an algorithm writes them at
// every group of pulses. Without fsync it shows what the journal itself costs:
// two writes to the operating system and one look at the free space.
func BenchmarkPair(b *testing.B) {
	type plain struct {
		Cell [2]int  `json:"cell"`
		V    float64 `json:"v"`
	}
	for _, c := range []struct {
		name string
		data any
		o    Options
	}{
		{"appender/nosync", pulse{row: 3, col: 7, v: 1.25}, Options{Sync: discardSync}},
		{"reflection/nosync", plain{Cell: [2]int{3, 7}, V: 1.25}, Options{Sync: discardSync}},
		{"appender/fsync", pulse{row: 3, col: 7, v: 1.25}, Options{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			j, err := openJournal(b.TempDir(), 1, 0, nil, Header{ID: "run"}, c.o)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				id, err := j.Intent(c.data)
				if err == nil {
					err = j.Result(id, c.data)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkScan reads a journal back; the time is per record.
func BenchmarkScan(b *testing.B) {
	dir := b.TempDir()
	j, err := openJournal(dir, 1, 0, nil, Header{ID: "run"}, Options{Sync: discardSync})
	if err != nil {
		b.Fatal(err)
	}
	const pairs = 10000
	for i := range pairs {
		id, err := j.Intent(pulse{row: i % 20, v: 1.25})
		if err == nil {
			err = j.Result(id, pulse{row: i % 20, v: 1.25})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, firstSegment))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(info.Size())
	rounds, began := 0, time.Now()
	for b.Loop() {
		rounds++
		report, err := ScanJournal(dir, nil)
		if err != nil || report.Records != 2*pairs+1 {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(rounds*(2*pairs+1)), "ns/record")
}

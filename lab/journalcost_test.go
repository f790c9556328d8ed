package lab_test

import (
	"path/filepath"
	"testing"
	"time"

	"xlab/lab"
	"xlab/run"
)

// BenchmarkJournalOfTune is what the journal itself takes of a tuning of 400
// devices, by the clock of a realistic bench: every record that the tuning made
// is journaled once more, with its synchronisations, on the disk of the temporary
// directory. The time per round is over the bench time of the tuning, in percent.
func BenchmarkJournalOfTune(b *testing.B) {
	l, dir := lab.New(), b.TempDir()
	if err := l.ReadConfig("", []string{"runs=" + dir, "simulation.chip=" + filepath.Join(dir, "chip.json"),
		"simulation.seed=1"}); err != nil {
		b.Fatal(err)
	}
	for _, command := range [][]string{{"form"}, {"tune", "--tolerance", "5%"}} {
		if err := carryOut(b, l, command[0], command[1:]...); err != nil && run.ExitCode(err) != run.ExitPartial {
			b.Fatalf("%q: %v", command, err)
		}
	}
	tuned, err := run.Load(dir, "last")
	if err != nil {
		b.Fatal(err)
	}
	var records []run.Record
	if _, err := run.ScanJournal(tuned.Dir, func(r run.Record) error {
		records = append(records, r)
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	bench := float64(*tuned.Bench)
	h := tuned.Header
	h.Spec = tuned.Spec
	root := b.TempDir()
	intents, rounds, began := 0, 0, time.Now()
	for b.Loop() {
		rounds++
		again, err := run.Create(root, h, run.Options{})
		if err != nil {
			b.Fatal(err)
		}
		j := again.Journal()
		intents = 0
		names := make(map[uint64]uint64) // of intents, by those of the record
		for _, record := range records {
			if record.HasBench {
				j.SetBenchTime(record.Bench)
			}
			data := record.Data
			switch record.Type {
			case run.TypeIntent:
				intents++
				names[record.Seq], err = j.Intent(data)
			case run.TypePart:
				err = j.Part(names[record.Of], data)
			case run.TypeResult:
				err = j.Result(names[record.Of], data)
			case run.TypeEvent:
				err = j.Event(record.Kind, data)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := again.End(nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	each := time.Since(began).Seconds() / float64(rounds)
	if intents < 400 {
		b.Fatalf("%d intents: that was no tuning", intents)
	}
	b.ReportMetric(100*each/bench, "%-of-bench-time")
	b.ReportMetric(bench, "bench-s")
	b.ReportMetric(float64(intents), "intents")
}

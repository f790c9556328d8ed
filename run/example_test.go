package run_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"xlab/instrument"
	"xlab/run"
)

// An intent is on disk before the stress, its result after. What a crash
// leaves without a result is unknown.
func Example_journal() {
	root, err := os.MkdirTemp("", "runs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)

	r, err := run.Create(root, run.Header{Command: "form", Array: "A", Spec: map[string]int{"attempts": 5}}, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	journal := r.Journal()
	first, err := journal.Intent("sweep r0c0")
	if err != nil {
		log.Fatal(err)
	}
	// ... the sweep ...
	if err := journal.Result(first, "formed"); err != nil {
		log.Fatal(err)
	}
	if _, err := journal.Intent("sweep r0c1"); err != nil {
		log.Fatal(err)
	}
	link := &instrument.Error{Op: "b1500 sweep", Kind: instrument.KindUnreachable, Err: errors.New("the cable was pulled")}
	err = r.End(link, map[string]int{"formed": 1})
	fmt.Println(err, "-> exit code", run.ExitCode(err))

	h, err := run.ScanJournal(r.Dir(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range h.Unknown {
		fmt.Printf("unknown: %s\n", u.Data)
	}
	list, err := run.List(root)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range list {
		fmt.Println(s.Command, s.Array, s.Outcome)
	}
	// Output:
	// b1500 sweep: the cable was pulled -> exit code 4
	// unknown: "sweep r0c1"
	// form A failed
}

type source struct{}

func (source) Safe(context.Context) error { fmt.Println("sources to 0 V"); return nil }

type switches struct{}

func (switches) Safe(context.Context) error { fmt.Println("switches open"); return nil }

// The bench is made safe on every way out, a panic included.
func ExampleGuard() {
	guard := run.GuardOptions{Safers: []run.NamedSafer{{Name: "analyzer", Safer: source{}},
		{Name: "switch board", Safer: switches{}}}}
	err := run.Guard(context.Background(), guard, func(ctx context.Context) error {
		for device := range 400 {
			if err := run.CheckStop(ctx); err != nil {
				return err // somebody pressed Ctrl-C
			}
			if device == 3 {
				panic("something nobody thought of")
			}
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// sources to 0 V
	// switches open
	// panic: something nobody thought of; this is a bug, the journal has the stack
}

// Only the work after a resume tells how fast it goes.
func ExampleMeter() {
	meter := run.NewMeter(0)
	meter.Skip("device", 300, []run.Work{{Kind: "device", Steps: 100, Each: 1}}, 0) // done last night
	for device := range 10 {
		meter.Advance("device", 1, []run.Work{{Kind: "device", Steps: 99 - device, Each: 1}},
			instrument.Seconds(2*(device+1)))
	}
	left, _ := meter.Remaining(20)
	fmt.Println(run.FormatDuration(left), "left")
	// Output: 3 min 00 s left
}

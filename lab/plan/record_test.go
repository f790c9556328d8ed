package plan_test

import (
	"slices"
	"testing"

	"xlab/lab/plan"
	"xlab/run"
)

// TestEitherLinkIsEnough: the run of a task is found from the plan's record alone,
// from its own header alone, and is not adopted for a task that has one.
func TestEitherLinkIsEnough(t *testing.T) {
	root := t.TempDir()
	create := func(h run.Header) *run.Run {
		t.Helper()
		r, err := run.Create(root, h, run.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	own := create(run.Header{Command: plan.Command})
	named := create(run.Header{Command: "form"}) // as versions made it whose headers name no plan
	orphan := create(run.Header{Command: "tune", Task: &run.Task{Plan: own.ID(), Index: 1, Name: "tune A"}})
	second := create(run.Header{Command: "form", Task: &run.Task{Plan: own.ID(), Index: 0, Name: "forming A"}})
	other := create(run.Header{Command: "tune", Task: &run.Task{Plan: "another", Index: 1, Name: "tune A"}})
	begun := plan.Entry{Task: 0, Name: "forming A", State: plan.Begun, Run: named.ID()}
	if err := plan.Recorder(own.Journal())(begun); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*run.Run{own, named, orphan, second, other} {
		if err := r.Finish(run.OutcomeInterrupted, nil); err != nil {
			t.Fatal(err)
		}
	}
	all, err := run.All(root)
	if err != nil {
		t.Fatal(err)
	}
	owners := plan.Owners(all)
	for _, r := range []*run.Run{named, orphan, second} {
		if s := owners[r.ID()]; s == nil || s.ID != own.ID() {
			t.Errorf("%s belongs to %v", r.ID(), s)
		}
	}
	if owners[other.ID()] != nil || owners[own.ID()] != nil {
		t.Errorf("owners %v", owners)
	}
	var record plan.Record
	if _, err := run.ScanJournal(own.Dir(), record.See); err != nil {
		t.Fatal(err)
	}
	record.Adopt(own.ID(), all)
	var runs []string
	for _, x := range record.Entries {
		runs = append(runs, x.Run)
	}
	if want := []string{named.ID(), orphan.ID()}; !slices.Equal(runs, want) || record.Entries[1].Task != 1 ||
		record.Entries[1].State != plan.Begun {
		t.Errorf("entries %+v, want runs %v", record.Entries, want)
	}
}

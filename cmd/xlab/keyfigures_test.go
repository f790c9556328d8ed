package main

import (
	"encoding/json"
	"testing"

	"xlab/lab/plan"
	"xlab/lab/procedure"
	"xlab/run/keyfigure"
)

// Every key figure that a run's summary holds has words, with a unit where it needs
// one: none is shown by its raw name.
func TestKeyFiguresHaveWords(t *testing.T) {
	for _, summary := range []any{procedure.FormResult{}, procedure.TuneResult{}, procedure.NetworkResult{},
		procedure.InSituResult{}, procedure.StabilityResult{}, procedure.TrainResult{},
		(&procedure.Console{}).Summary(nil, procedure.Figures{}), plan.Result{}, procedure.Figures{}} {
		text, err := json.Marshal(summary)
		if err != nil {
			t.Fatal(err)
		}
		var values map[string]json.RawMessage
		if err := json.Unmarshal(text, &values); err != nil {
			t.Fatal(err)
		}
		for key := range values {
			if !keyfigure.Known(key) {
				t.Errorf("%T: %q has no words in package keyfigure", summary, key)
			}
		}
	}
}

package main

import (
	"testing"
)

func TestInsituRows(t *testing.T) {
	var list []insituStudied
	for chip := range uint64(4) {
		for i, k := range insituCases() {
			list = append(list, insituStudied{insituCase: k, Chip: chip + 1, Accuracy: 100 - float64(i)*float64(chip),
				Epochs: 10 * (i + 1)})
		}
	}
	rows := insituRows(list)
	if len(rows) != 3 || rows[0].Published != "70 %" || rows[0].Perfect != 4 || rows[2].Perfect != 1 ||
		rows[2].Accuracy.Mean != 97 || rows[2].Accuracy.Min != 94 || rows[1].Epochs.Mean != 20 {
		t.Errorf("rows %+v", rows)
	}
}

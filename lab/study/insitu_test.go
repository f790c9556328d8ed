package study

import (
	"testing"
)

func TestInSituRows(t *testing.T) {
	var list []InSituChip
	for chip := range uint64(4) {
		for i, k := range inSituCases() {
			list = append(list, InSituChip{InSituCase: k, Chip: chip + 1, Accuracy: 100 - float64(i)*float64(chip),
				Epochs: 10 * (i + 1)})
		}
	}
	rows := inSituRows(list)
	if len(rows) != 3 || rows[0].Published != "70 %" || rows[0].Perfect != 4 || rows[2].Perfect != 1 ||
		rows[2].Accuracy.Mean != 97 || rows[2].Accuracy.Min != 94 || rows[1].Epochs.Mean != 20 {
		t.Errorf("rows %+v", rows)
	}
}

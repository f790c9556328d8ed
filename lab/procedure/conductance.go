package procedure

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"

	"xlab/instrument"
)

// ConductanceCSV writes values in siemens, row by row: a heading with the columns,
// and one line per row, empty where there is none.
func ConductanceCSV(cols int, values []float64) func(w io.Writer) error {
	return func(w io.Writer) error {
		out := csv.NewWriter(w)
		record := make([]string, cols)
		for c := range record {
			record[c] = fmt.Sprintf("c%d_S", c)
		}
		if err := out.Write(record); err != nil {
			return err
		}
		for line := range slices.Chunk(values, cols) {
			for c, v := range line {
				record[c] = instrument.Decimal(v)
			}
			if err := out.Write(record); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
}

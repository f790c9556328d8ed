package tuning

import (
	"encoding/json"
	"math"

	"xlab/instrument"
)

// MarshalJSON writes siemens row by row, null for a device that is not asked for.
func (t Targets) MarshalJSON() ([]byte, error) {
	rows := make([][]*float64, len(t))
	for r, row := range t {
		rows[r] = make([]*float64, len(row))
		for c, g := range row {
			if v := float64(g); !math.IsNaN(v) {
				rows[r][c] = &v
			}
		}
	}
	return json.Marshal(rows)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Targets) UnmarshalJSON(b []byte) error {
	var rows [][]*float64
	if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	*t = make(Targets, len(rows))
	for r, row := range rows {
		(*t)[r] = make([]instrument.Siemens, len(row))
		for c, g := range row {
			(*t)[r][c] = instrument.Siemens(math.NaN())
			if g != nil {
				(*t)[r][c] = instrument.Siemens(*g)
			}
		}
	}
	return nil
}

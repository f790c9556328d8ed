package export

import (
	"bufio"
	"io"
	"math"
	"strconv"

	"xlab/instrument"
	"xlab/run"
)

// WriteJSON writes one object: the provenance under "provenance", with the
// columns and their units, and the rows under "rows", one array per line, in the
// order of the columns. A value that was not measured is null.
func WriteJSON(w io.Writer, t *Table, p Provenance) error {
	b := bufio.NewWriterSize(w, 64<<10)
	head, err := marshal(t.of(p))
	if err != nil {
		return err
	}
	b.WriteString(`{"provenance":`)
	b.Write(head)
	b.WriteString(",\n\"rows\":[")
	var line []byte
	first := true
	err = t.Rows(func(row []Value) error {
		line = line[:0]
		if !first {
			line = append(line, ',')
		}
		first = false
		line = append(line, '\n', '[')
		for i, c := range t.Columns {
			if i > 0 {
				line = append(line, ',')
			}
			switch v := row[i]; c.Kind {
			case Integer:
				line = strconv.AppendInt(line, v.Integer, 10)
			case Text:
				line = run.AppendString(line, v.Text)
			default:
				if math.IsNaN(v.Real) || math.IsInf(v.Real, 0) {
					line = append(line, "null"...) // JSON has no word for them
				} else {
					line = instrument.AppendDecimal(line, v.Real)
				}
			}
		}
		_, err := b.Write(append(line, ']'))
		return err
	})
	if err != nil {
		return err
	}
	b.WriteString("\n]}\n")
	return b.Flush()
}

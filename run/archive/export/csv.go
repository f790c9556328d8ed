package export

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"xlab/instrument"
)

// WriteCSV writes comma-separated values (RFC 4180) with the names of the
// columns in the first line. Lines in front of it that begin with # hold the
// provenance, one fact per line; most readers can be told to skip them
// (comment="#"). A value that was not measured is empty.
func WriteCSV(w io.Writer, t *Table, p Provenance) error {
	b := bufio.NewWriterSize(w, 64<<10)
	for _, f := range t.of(p) {
		text, err := f.text()
		if err != nil {
			return err
		}
		// A line feed in a fact would begin a line of data.
		fmt.Fprintf(b, "# %s: %s\n", f.Name, strings.NewReplacer("\n", " ", "\r", " ").Replace(text))
	}
	out := csv.NewWriter(b)
	fields := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		fields[i] = c.Name
	}
	if err := out.Write(fields); err != nil {
		return err
	}
	err := t.Rows(func(row []Value) error {
		for i, c := range t.Columns {
			switch v := row[i]; c.Kind {
			case Integer:
				fields[i] = strconv.FormatInt(v.Integer, 10)
			case Text:
				fields[i] = v.Text
			default:
				fields[i] = instrument.Decimal(v.Real)
			}
		}
		return out.Write(fields)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err == nil {
		err = b.Flush()
	}
	return err
}

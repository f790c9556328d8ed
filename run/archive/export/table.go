package export

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Kind is what a column holds.
type Kind int

const (
	Real    Kind = iota // float64, NaN where there is no value
	Integer             // int64
	Text                // UTF-8
)

// Column describes a column of a table.
type Column struct {
	Name        string // lower case, with the unit at its end: "current_a"
	Unit        string // SI symbol; "" where there is none
	Description string
	Kind        Kind
}

// Value is one field of a row: the member that its column's kind says.
type Value struct {
	Real    float64
	Integer int64
	Text    string
}

// Table is a table that can be read from its beginning as often as necessary,
// always with the same rows.
type Table struct {
	Name    string // "readings"
	Title   string
	Columns []Column
	// Rows visits all rows, with a value per column, until visit gives an error,
	// which is returned. The row is the visitor's during the call only.
	Rows func(visit func(row []Value) error) error
}

// Format writes a table with its provenance. w need not be able to seek.
type Format func(w io.Writer, t *Table, p Provenance) error

// formats are the formats by name.
func formats() map[string]Format {
	return map[string]Format{"csv": WriteCSV, "json": WriteJSON, "npz": WriteNPZ, "parquet": WriteParquet,
		"netcdf": WriteNetCDF}
}

// Formats lists the names of the formats.
func Formats() []string { return slices.Sorted(maps.Keys(formats())) }

// FormatNamed finds a format by its name.
func FormatNamed(name string) (Format, error) {
	f := formats()[strings.ToLower(name)]
	if f == nil {
		return nil, fmt.Errorf("%q is none of the formats %s", name, strings.Join(Formats(), ", "))
	}
	return f, nil
}

// Binary tells whether a format is no text, which is not for terminals.
func Binary(name string) bool { return name != "csv" && name != "json" }

// FormatOfFile is the name of the format that a file's name ends with; "" for
// none.
func FormatOfFile(file string) string {
	dot := strings.LastIndexByte(file, '.')
	switch extension := strings.ToLower(file[dot+1:]); {
	case dot < 0:
		return ""
	case extension == "nc":
		return "netcdf"
	case formats()[extension] != nil:
		return extension
	}
	return ""
}

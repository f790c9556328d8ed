package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"xlab/instrument"
)

// content is a table as an independent reader gives it.
type content struct {
	Columns map[string][]any  `json:"columns"`
	Units   map[string]string `json:"units"`
	Run     string            `json:"run"`
}

// contentOf is what a reader has to give. Numbers are float64, as in JSON.
func contentOf(t *testing.T, table *Table, p Provenance) content {
	t.Helper()
	c := content{Columns: map[string][]any{}, Units: map[string]string{}, Run: p[0].Value.(string)}
	for _, column := range table.Columns {
		c.Columns[column.Name], c.Units[column.Name] = []any{}, column.Unit
	}
	must(t, table.Rows(func(row []Value) error {
		for i, column := range table.Columns {
			var v any
			switch column.Kind {
			case Text:
				v = row[i].Text
			case Integer:
				v = float64(row[i].Integer)
			default:
				if v = row[i].Real; math.IsNaN(row[i].Real) {
					v = nil
				}
			}
			c.Columns[column.Name] = append(c.Columns[column.Name], v)
		}
		return nil
	}))
	return c
}

// TestReadBack reads what was written with Go's own readers of CSV and JSON and
// with the Parquet library.
func TestReadBack(t *testing.T) {
	s := open(t, recorded(t))
	for _, name := range Tables() {
		table := tableOf(t, s, name)
		want := contentOf(t, table, s.Provenance)
		for format, read := range map[string]func([]byte, *Table) (content, error){"csv": readCSV, "json": readJSON,
			"parquet": readParquet} {
			var b bytes.Buffer
			write, err := FormatNamed(format)
			must(t, err)
			must(t, write(&b, table, s.Provenance))
			got, err := read(b.Bytes(), table)
			must(t, err)
			var o []cmp.Option
			if !Binary(format) {
				o = append(o, cmp.Comparer(func(a, b float64) bool { return instrument.Decimal(a) == instrument.Decimal(b) }))
				if digits := regexp.MustCompile(`\.[0-9]{13}`).FindString(b.String()); digits != "" {
					t.Errorf("%s of %s has more digits than instruments give: %s", format, name, digits)
				}
			}
			if d := cmp.Diff(want, got, o...); d != "" {
				t.Errorf("%s of %s (-want +got):\n%s", format, name, d)
			}
		}
	}
}

func readCSV(text []byte, table *Table) (content, error) {
	c := content{Columns: map[string][]any{}, Units: map[string]string{}}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comment = '#'
	records, err := r.ReadAll()
	if err != nil {
		return c, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "# run: "); ok {
			c.Run = rest
		}
	}
	for i, column := range table.Columns {
		c.Units[column.Name] = column.Unit // they are in the names
		values := []any{}
		for _, record := range records[1:] {
			var v any = record[i]
			if column.Kind != Text {
				x, err := strconv.ParseFloat(record[i], 64)
				if v = x; record[i] == "" {
					v, err = nil, nil
				}
				if err != nil {
					return c, err
				}
			}
			values = append(values, v)
		}
		c.Columns[records[0][i]] = values
	}
	return c, nil
}

type metadata struct {
	Run     string `json:"run"`
	Columns []struct{ Name, Unit string }
}

func (m metadata) content() content {
	c := content{Columns: map[string][]any{}, Units: map[string]string{}, Run: m.Run}
	for _, column := range m.Columns {
		c.Columns[column.Name], c.Units[column.Name] = []any{}, column.Unit
	}
	return c
}

func readJSON(text []byte, _ *Table) (content, error) {
	var file struct {
		Provenance metadata
		Rows       [][]any
	}
	err := json.Unmarshal(text, &file)
	c := file.Provenance.content()
	for _, row := range file.Rows {
		for i, column := range file.Provenance.Columns {
			c.Columns[column.Name] = append(c.Columns[column.Name], row[i])
		}
	}
	return c, err
}

func readParquet(text []byte, table *Table) (content, error) {
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return content{}, err
	}
	var m metadata
	all, _ := f.Lookup("xlab")
	if err := json.Unmarshal([]byte(all), &m); err != nil {
		return content{}, err
	}
	if name, _ := f.Lookup("run"); name != m.Run {
		return content{}, fmt.Errorf("run %q in the metadata", name)
	}
	c := m.content()
	for i, column := range f.Schema().Columns() {
		if column[0] != table.Columns[i].Name {
			return c, fmt.Errorf("column %d is %s", i, column)
		}
	}
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 10)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				for i, column := range table.Columns {
					var v any
					switch column.Kind {
					case Text:
						v = row[i].String()
					case Integer:
						v = float64(row[i].Int64())
					default:
						if v = row[i].Double(); math.IsNaN(row[i].Double()) {
							v = nil
						}
					}
					c.Columns[column.Name] = append(c.Columns[column.Name], v)
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return c, err
			}
		}
		if err := rows.Close(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// TestIndependentReaders opens the binary formats with Python: with readers
// that were written from the formats' descriptions, and with NumPy, SciPy, xarray
// and PyArrow where they are installed.
func TestIndependentReaders(t *testing.T) {
	// The system's Python has the system's packages; another one may come before
	// it in the path.
	var pythons []string
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if python, err := exec.LookPath(name); err == nil {
			pythons = append(pythons, python)
		}
	}
	if len(pythons) == 0 {
		t.Skip("python3 is not installed, so that the files cannot be opened by an independent reader")
	}
	dir := recorded(t)
	for reader, format := range map[string]string{
		"npz": "npz", "numpy": "npz", "netcdf": "netcdf", "scipy": "netcdf", "xarray": "netcdf", "pyarrow": "parquet",
	} {
		t.Run(reader, func(t *testing.T) {
			s := open(t, dir)
			for _, name := range Tables() {
				table := tableOf(t, s, name)
				file := filepath.Join(t.TempDir(), name)
				f, err := os.Create(file)
				must(t, err)
				write, err := FormatNamed(format)
				must(t, err)
				must(t, write(f, table, s.Provenance))
				must(t, f.Close())
				var out []byte
				var exit *exec.ExitError
				for _, python := range pythons {
					out, err = exec.Command(python, filepath.Join("testdata", "reader.py"), reader, file).Output()
					if !errors.As(err, &exit) || exit.ExitCode() != 77 {
						break
					}
				}
				if errors.As(err, &exit) && exit.ExitCode() == 77 {
					t.Skipf("not installed: %s", exit.Stderr)
				}
				if err != nil {
					if exit != nil {
						t.Logf("%s", exit.Stderr)
					}
					t.Fatal(err)
				}
				var got content
				must(t, json.Unmarshal(out, &got))
				if d := cmp.Diff(contentOf(t, table, s.Provenance), got); d != "" {
					t.Errorf("%s (-want +got):\n%s", name, d)
				}
			}
		})
	}
}

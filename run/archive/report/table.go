package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"xlab/input"
)

// tableLimit is the number of lines of a table beyond which the page only
// names the file: a browser is no place for a hundred thousand lines.
const tableLimit = 1000

// runTables takes a run's tables, in the order of their names.
func runTables(dir string) ([]Table, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return nil, err
	}
	var tables []Table
	for _, file := range files {
		text, err := input.ReadFile(file, input.Record)
		if err != nil {
			return nil, err
		}
		t, err := tableOf(filepath.Base(file), text)
		if err != nil {
			return nil, err
		}
		if t != nil {
			tables = append(tables, *t)
		}
	}
	return tables, nil
}

// tableOf makes a folded table of a CSV file that has a heading; nil for one
// that has none, such as a map in siemens.
func tableOf(name string, text []byte) (*Table, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(records) < 2 || !strings.ContainsAny(strings.Join(records[0], ""), "abcdfghijklmnopqrstuvwxyz") {
		return nil, nil
	}
	t := &Table{Caption: fmt.Sprintf("%s, %d lines", name, len(records)-1), Folded: true}
	shown := records[1:]
	if len(shown) > tableLimit {
		shown = shown[:tableLimit]
		t.Caption += fmt.Sprintf(", the first %d of them", tableLimit)
	}
	for i, head := range records[0] {
		text := slices.ContainsFunc(shown, func(record []string) bool {
			return i < len(record) && strings.ContainsAny(record[i], "ghijklmnopqrstuvwxyz")
		})
		t.Columns = append(t.Columns, Column{Name: head, Text: text})
	}
	for _, record := range shown {
		t.Rows = append(t.Rows, append(record, make([]string, max(0, len(t.Columns)-len(record)))...)[:len(t.Columns)])
	}
	return t, nil
}

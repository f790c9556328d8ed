package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// FuzzData exports a journal whose lines hold any data: it is exported, or
// refused with the place.
func FuzzData(f *testing.F) {
	f.Add([]byte(`{"array":"A","cell":[3,7],"steps":[{"op":"read","v":0.2,"comp":1,"aperture":1}],"results":[{"levels":[{"v":0.2,"i":1e-5}],"busy":0}]}`), "read", []byte(`{}`))
	f.Add([]byte(`{"array":"A,\n\"","cell":[0,0],"steps":[{"op":"parallel","rows":"1","cols":"2,3"},{"op":"pulse"}],"results":[{"levels":null,"status":255}]}`), "", []byte(`{"bench":"x\ny"}`))
	f.Add([]byte(`{"steps":[{"op":"sweep"}],"results":[{},{},{}]}`), "", []byte(`{"limits":null,"spec":[1]}`))
	f.Add([]byte(`{"steps":[{}]}`), "read", []byte(`7`))
	f.Fuzz(func(t *testing.T, data []byte, kind string, header []byte) {
		if !json.Valid(data) || !json.Valid(header) || bytes.ContainsAny(data, "\n\r") || bytes.ContainsAny(header, "\n\r") {
			return
		}
		dir := t.TempDir()
		word, err := json.Marshal(kind)
		must(t, err)
		var journal []byte
		for _, l := range []string{
			`{"seq":1,"type":"header","version":1,"segment":1,"data":` + string(header),
			`{"seq":2,"bench":1.5,"type":"intent","data":` + string(data),
			`{"seq":3,"bench":1.5,"type":"part","of":2,"data":` + string(data),
			`{"seq":4,"bench":1.5,"type":"event","kind":` + string(word) + `,"data":` + string(data),
			`{"seq":5,"type":"result","of":2,"data":` + string(data),
		} {
			journal = fmt.Appendf(journal, "%s,\"crc\":\"%s\"}\n", l, crcOf(l))
		}
		must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), journal, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "spec.json"), []byte("{}"), 0o600))
		s, err := Open(dir, true)
		if err != nil {
			return
		}
		for _, name := range Tables() {
			table, err := s.Table(name)
			must(t, err)
			rows := 0
			if err := table.Rows(func([]Value) error { rows++; return nil }); err != nil {
				continue // data of another form
			}
			for _, format := range Formats() {
				write, err := FormatNamed(format)
				must(t, err)
				var b bytes.Buffer
				if err := write(&b, table, s.Provenance); err != nil {
					t.Fatalf("%s of %s: %v", format, name, err)
				}
				switch format {
				case "csv":
					r := csv.NewReader(&b)
					r.Comment = '#'
					if records, err := r.ReadAll(); err != nil || len(records) != rows+1 {
						t.Errorf("%d lines for %d rows, %v", len(records), rows, err)
					}
				case "json":
					if !json.Valid(b.Bytes()) {
						t.Errorf("not JSON: %s", b.Bytes())
					}
				case "parquet":
					if c, err := readParquet(b.Bytes(), table); err != nil || len(c.Columns["row"]) != rows {
						t.Errorf("%d rows for %d, %v", len(c.Columns["row"]), rows, err)
					}
				}
			}
		}
	})
}

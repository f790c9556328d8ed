package export

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows wait in memory before they are written.
const rowGroup = 20_000

// WriteParquet writes an Apache Parquet file. The units and descriptions of the
// columns and the provenance are in its key-value metadata, one key per fact, and
// all together as JSON under "xlab".
func WriteParquet(w io.Writer, t *Table, p Provenance) error {
	// The schema is that of a struct, which keeps the order of the columns.
	var fields []reflect.StructField
	for i, c := range t.Columns {
		field := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[float64](),
			Tag: reflect.StructTag(fmt.Sprintf(`parquet:"%s,snappy"`, c.Name))}
		switch c.Kind {
		case Integer:
			field.Type = reflect.TypeFor[int64]()
		case Text:
			field.Type, field.Tag = reflect.TypeFor[string](), reflect.StructTag(fmt.Sprintf(`parquet:"%s,snappy,dict"`, c.Name))
		}
		fields = append(fields, field)
	}
	options := []parquet.WriterOption{parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()),
		parquet.CreatedBy("xlab", "", "")}
	all, err := marshal(t.of(p))
	if err != nil {
		return err
	}
	options = append(options, parquet.KeyValueMetadata("xlab", string(all)))
	for _, f := range t.of(p) {
		text, err := f.text()
		if err != nil {
			return err
		}
		options = append(options, parquet.KeyValueMetadata(f.Name, text))
	}
	out := parquet.NewWriter(w, options...)
	rows := 0
	line := make(parquet.Row, len(t.Columns))
	err = t.Rows(func(row []Value) error {
		for i, c := range t.Columns {
			var v parquet.Value
			switch c.Kind {
			case Integer:
				v = parquet.Int64Value(row[i].Integer)
			case Text:
				v = parquet.ByteArrayValue([]byte(row[i].Text))
			default:
				v = parquet.DoubleValue(row[i].Real)
			}
			line[i] = v.Level(0, 0, i)
		}
		if _, err := out.WriteRows([]parquet.Row{line}); err != nil {
			return err
		}
		if rows++; rows%rowGroup == 0 {
			return out.Flush()
		}
		return nil
	})
	if err != nil {
		return err // an unfinished file is no Parquet file, and who asked for it hears why
	}
	return out.Close()
}

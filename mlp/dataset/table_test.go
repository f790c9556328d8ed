package dataset

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"xlab/input/table"
	"xlab/mlp/dataset/datasettest"
)

func samplesOf(lines int, form func(i int) string) string {
	var b strings.Builder
	for i := range lines {
		b.WriteString(form(i) + "\n")
	}
	return b.String()
}

// Which column is the class, and which are no features.
func TestTableColumns(t *testing.T) {
	word := func(i int) string { return []string{"a", "b", "c"}[i%3] }
	for name, c := range map[string]struct {
		text    string
		o       TableOptions
		label   string // or the error
		samples int
		width   int
		leftOut int
		notable bool
	}{
		"no heading, class of words last": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("5.%d,3.5,%s", i%4, word(i)) }),
			TableOptions{}, "column 2", 12, 2, 0, false},
		"no heading, class of words first": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%s;5,%d;3,5", word(i), i%4) }),
			TableOptions{}, "column 0", 12, 2, 0, true},
		"label first": {"label,p1,p2\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d,%d", i%3, i*i, i%2) }),
			TableOptions{}, "column 0 (label)", 12, 2, 0, true},
		"class last, of numbers": {"height,width,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d.5,%d.5,%d", i%4, i*i, i%3) }),
			TableOptions{}, "column 2 (kind)", 12, 2, 0, false},
		"class first or last, of numbers": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%d", i%3, i, i%2) }),
			TableOptions{},
			"any column may be the class, all are numbers: " +
				"say --label 0 if it is the first one, (0, 1, 2), or --label 2 for the last, (0, 1)", 0, 0, 0, false},
		"the same, told": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%d", i%3, i*i, i%2) }),
			TableOptions{Label: "0"}, "column 0", 12, 2, 0, false},
		"nothing that is a class": {samplesOf(12, func(i int) string { return fmt.Sprintf("%d.5,%d.25", i*i, i) }),
			TableOptions{}, "any column may be the class", 0, 0, 0, false},
		"two columns of words": {"name,x,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("n%d,%d.5,%s", i, i*i, word(i)) }),
			TableOptions{}, "column 0 (name) and column 2 (kind) hold words: say with --label", 0, 0, 0, false},
		"words, and another called so": {"class,x,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i%2, i*i, word(i)) }),
			TableOptions{}, "column 2 (kind) holds words and column 0 (class) is called so", 0, 0, 0, false},
		"running number called so": {"Id,x,y,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,3,%s", i+1, i*i, word(i)) }),
			TableOptions{}, "column 3 (kind)", 12, 2, 1, false},
		"running number of pandas": {",x,y,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,3,%s", i, i*i, word(i)) }),
			TableOptions{}, "column 3 (kind)", 12, 2, 1, false},
		"identifiers of words": {"id,x,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("P%d,%d.5,%s", i, i*i, word(i)) }),
			TableOptions{}, "column 2 (kind)", 12, 1, 1, false},
		"identifiers that come again": {"id,x,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i/2, i*i, word(i)) }),
			TableOptions{}, "column 2 (kind)", 12, 1, 1, false},
		"numbers that are no identifiers": {"no,x,kind\n" +
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i/2, i*i, word(i)) }),
			TableOptions{}, "column 2 (kind)", 12, 2, 0, false},
		"numbers of patients, no heading": {
			samplesOf(40, func(i int) string { return fmt.Sprintf("%d,%s,%d.5", 842302+37*i*i, word(i), i%9) }),
			TableOptions{},
			"column 0 holds a different whole number in every line, as identifiers do: say --ignore 0", 0, 0, 0, false},
		"running number without a name": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i+1, i*i, word(i)) }),
			TableOptions{},
			"column 0 counts the samples, which is no feature: say --ignore 0, or --ignore none", 0, 0, 0, false},
		"the same, told to leave it out": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i+1, i*i, word(i)) }),
			TableOptions{Ignore: []string{"0"}}, "column 2", 12, 1, 1, false},
		"the same, told to keep it": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i+1, i*i, word(i)) }),
			TableOptions{Ignore: []string{}}, "column 2", 12, 2, 0, false},
		"no heading, but told": {
			samplesOf(12, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i*i, i*i, word(i)) }),
			TableOptions{Options: table.Options{Header: table.Yes}}, "column 2 (a)", 11, 2, 0, false},
	} {
		s, err := ReadTable(strings.NewReader(c.text), c.o)
		switch {
		case c.samples == 0 && (err == nil || !strings.Contains(err.Error(), c.label)):
			t.Errorf("%s: %v, want %q", name, err, c.label)
		case c.samples == 0:
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case s.Reading.Label != c.label || s.Len() != c.samples || s.Width() != c.width ||
			len(s.Reading.LeftOut) != c.leftOut || (s.Reading.Notable != "") != c.notable || s.Reading.Lines != c.samples:
			t.Errorf("%s: %+v, %d samples of %d", name, s.Reading, s.Len(), s.Width())
		}
	}
}

// The real sets in every dialect are the same samples.
func TestRealTables(t *testing.T) {
	for _, file := range []string{"iris.csv", "wdbc.csv"} {
		text, err := os.ReadFile(datasettest.Shared(t, "uci", file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := ReadTable(bytes.NewReader(text), TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		form := func(separator rune, cell func(record, column int, text string) string, heading bool) string {
			var b strings.Builder
			w := csv.NewWriter(&b)
			w.Comma = separator
			for i, record := range records {
				if i == 0 && !heading {
					continue
				}
				record = slices.Clone(record)
				for c := range record {
					record[c] = cell(i, c, record[c])
				}
				if err := w.Write(record); err != nil {
					t.Fatal(err)
				}
			}
			w.Flush()
			return b.String()
		}
		same := func(_, _ int, text string) string { return text }
		comma := func(_, _ int, text string) string { return strings.Replace(text, ".", ",", 1) }
		numbered := func(i, c int, text string) string {
			switch {
			case c > 0:
				return text
			case i == 0:
				return "Id;" + text
			}
			return strconv.Itoa(i) + ";" + text
		}
		for name, text := range map[string]string{
			"no heading":    form(',', same, false),
			"tabs":          form('\t', same, true),
			"blanks":        form(' ', same, true),
			"European":      "\ufeff" + form(';', comma, true),
			"numbered":      strings.ReplaceAll(form(';', numbered, true), `"`, ""),
			"with comments": "# made by somebody\n" + strings.ReplaceAll(form(',', same, true), "\n", "\r\n") + "\r\n,,\r\n",
		} {
			if file == "wdbc.csv" && name == "with comments" {
				text = strings.TrimSuffix(text, ",,\r\n")
			}
			s, err := ReadTable(strings.NewReader(text), TableOptions{})
			if err != nil || s.Digest() != want.Digest() {
				t.Errorf("%s, %s: %v", file, name, err)
			}
		}
	}
}

// What does not fit is noticed while it is read.
func TestTableTooLarge(t *testing.T) {
	text := samplesOf(100, func(i int) string { return fmt.Sprintf("%d.5,%d.5,a", i%7, i*i) })
	if _, err := ReadTable(strings.NewReader(text), TableOptions{most: 200}); err != nil {
		t.Errorf("as many as fit: %v", err)
	}
	endless := &endless{line: "1.5,2.5,a\n"}
	_, err := ReadTable(endless, TableOptions{most: 1000})
	if err == nil || !strings.Contains(err.Error(), "table:501:1: the table has more than 1000 values") {
		t.Errorf("a table without end: %v", err)
	}
	if endless.given > 1<<20 {
		t.Errorf("%d bytes were read of it", endless.given)
	}
}

// endless gives the same line again and again.
type endless struct {
	line  string
	given int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.line[(e.given+i)%len(e.line)]
	}
	e.given += len(p)
	return len(p), nil
}

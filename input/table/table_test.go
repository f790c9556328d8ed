package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// all reads a whole table.
func all(text string, o Options) (*Reader, [][]string, error) {
	o.Name = "t.csv"
	t, err := NewReader(strings.NewReader(text), o)
	if err != nil {
		return nil, nil, err
	}
	var lines [][]string
	for {
		cells, err := t.Next()
		if errors.Is(err, io.EOF) {
			return t, lines, nil
		}
		if err != nil {
			return t, lines, err
		}
		lines = append(lines, slices.Clone(cells))
	}
}

// A table is read back from every dialect in which a person may write it.
func TestDialects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 8).Draw(t, "rows"), rapid.IntRange(2, 5).Draw(t, "columns")
		separator := rapid.SampledFrom(separators).Draw(t, "separator")
		comma := separator != ',' && rapid.Bool().Draw(t, "decimal comma")
		heading := rapid.Bool().Draw(t, "heading")
		words := rapid.Bool().Draw(t, "words in the last column")
		value := rapid.OneOf(rapid.Float64Range(-1e3, 1e3),
			rapid.Map(rapid.IntRange(0, 1000), func(n int) float64 { return float64(n)/8 + 0.5 }))

		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma, w.UseCRLF = separator, rapid.Bool().Draw(t, "CRLF")
		want := make([][]float64, rows)
		var names []string
		line := func(cells []string) {
			if rapid.Bool().Draw(t, "a comment before") {
				w.Flush()
				b.WriteString("# 1,2;3 \"4\n")
			}
			if rapid.Bool().Draw(t, "an empty line before") {
				w.Flush()
				b.WriteString("\n")
			}
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
		}
		if heading {
			for c := range cols {
				names = append(names, "x"+strconv.Itoa(c))
			}
			line(names)
		}
		for r := range rows {
			cells := make([]string, cols)
			want[r] = make([]float64, cols)
			for c := range cols {
				x := value.Draw(t, "value")
				cells[c], want[r][c] = strconv.FormatFloat(x, 'g', -1, 64), x
				if !strings.ContainsAny(cells[c], ".e") {
					cells[c] += ".0" // that some sign is there
				}
				if comma {
					cells[c] = strings.Replace(cells[c], ".", ",", 1)
				}
			}
			if words {
				cells[cols-1], want[r][cols-1] = "w"+strconv.Itoa(r%2), math.NaN()
			}
			line(cells)
		}
		w.Flush()
		text := b.String()
		if rapid.Bool().Draw(t, "separators at the ends") && separator != ' ' {
			text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", string(separator)+"\n")
			text = strings.ReplaceAll(text, "\"4"+string(separator), "\"4")
		}
		switch rapid.IntRange(0, 2).Draw(t, "encoding") {
		case 1:
			text = "\ufeff" + text
		case 2:
			var u strings.Builder
			for _, x := range utf16.Encode([]rune("\ufeff" + text)) {
				u.Write([]byte{byte(x), byte(x >> 8)})
			}
			text = u.String()
		}

		in, lines, err := all(text, Options{})
		if err != nil {
			// Numbers whose commas might stand between thousands are the one doubt.
			if comma && strings.Contains(err.Error(), "--decimal comma") {
				in, lines, err = all(text, Options{Comma: Yes})
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
		}
		if !slices.Equal(in.Names, names) || in.Width != cols || len(lines) != rows {
			t.Fatalf("%v: names %q, %d lines of %d\n%s", in.Dialect, in.Names, len(lines), in.Width, text)
		}
		for r := range want {
			for c, x := range want[r] {
				if math.IsNaN(x) {
					if lines[r][c] != "w"+strconv.Itoa(r%2) {
						t.Fatalf("line %d, column %d: %q\n%s", r, c, lines[r][c], text)
					}
					continue
				}
				if got, err := in.Number(lines[r][c]); err != nil || got != x {
					t.Fatalf("line %d, column %d: %v is not %v (%v)\n%s", r, c, got, x, err, text)
				}
			}
		}
	})
}

// What is in doubt is an error that says what was seen and names the flag.
func TestDoubts(t *testing.T) {
	for text, want := range map[string]string{
		"":              "the file is empty",
		"# only this\n": "the file is empty",
		"1,234;5,678\n2,345;6,789\n": `the comma of "6,789" may be a decimal comma or stand ` +
			`between thousands: say --decimal comma`,
		"1,5;2\n2.5;3\n": `numbers like "1,5" and like "2.5": say --decimal comma or --decimal point`,
		"1.234,5;2\n":    `the number "1.234,5" has separators between its thousands`,
		"150,4,setosa,virginica\n5.1,3.5,1.4,0\n4.9,3,1.4,1\n": "the first line (150, 4, setosa, virginica) may be a " +
			"heading or values: say --header yes or --header no",
		"?,3,x1\n1,2,3\n2,3,4\n":      "may be a heading or values",
		"0,1,2,3\n5,6,7,a\n8,9,1,b\n": "may be a heading or values",
		"1,2,2\n1,2,3\n1,2\n": "t.csv:3:3: 2 cells in this line, the others have 3 " +
			"(separated by commas; --separator names another one)",
		"1,2\r3,4\r":   "its lines end as on an old Macintosh",
		"a,b\n1,\"2\n": "t.csv:2:",
	} {
		if _, _, err := all(text, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		"label,0,1,2\n5,0,0,0\n4,0,0,0\n":               "4 columns separated by commas, with a heading",
		",0,1\n0,1e-5,2e-5\n1,1e-5,2e-5\n":              "3 columns separated by commas, with a heading",
		"5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n":    "3 columns separated by commas, no heading",
		"1,5 2,5\n3,5 4,5\n":                            "2 columns separated by blanks, decimal comma, no heading",
		"0,5 w0\n1,5 w1\n":                              "2 columns separated by blanks, decimal comma, no heading",
		"20 uS,30 uS\n20 uS,30 uS\n":                    "2 columns separated by commas, no heading",
		"1, 5, 2\n3, 5, 4\n":                            "3 columns separated by commas, no heading",
		"sepal length (cm),petal width (cm)\n5.1,0.2\n": "2 columns separated by commas, with a heading",
		"\"a b\" \"c\"\n\"1\" 2\n":                      "2 columns separated by blanks, with a heading",
		"5\n6\n":                                        "a single column, no heading",
		"id,radius,diagnosis,\n1,17.99,M\n2,20.5,B\n":   "3 columns separated by commas, with a heading",
		"sep=;\r\na;b\r\n0,5;1\r\n":                     "2 columns separated by semicolons, decimal comma, with a heading",
		"sep=,\na,b\n0.5,1\n":                           "2 columns separated by commas, with a heading",
		"x\n0,5\n":                                      "",
		"a;b\n0,5;1\n;;\n;\n":                           "2 columns separated by semicolons, decimal comma, with a heading",
	} {
		in, _, err := all(text, Options{})
		if want != "" && err != nil || want != "" && in.String() != want {
			t.Errorf("%q: %v, %v", text, in, err)
		}
	}
	// Flags win.
	in, lines, err := all("1,2,3\n1,2,3\n", Options{Header: Yes})
	if err != nil || len(in.Names) != 3 || len(lines) != 1 {
		t.Errorf("%v, %v, %v", in, lines, err)
	}
	in, lines, err = all("1;2\n3;4\n", Options{Separator: ',', Header: No})
	if err != nil || in.Width != 1 || lines[0][0] != "1;2" {
		t.Errorf("%v, %v, %v", in, lines, err)
	}
}

// A sign that turns up behind the lines that were looked at is an error.
func TestLateSurprises(t *testing.T) {
	long := strings.Repeat("1;2\n", sampled/4+10)
	in, _, err := all(long+"1,5;2\n", Options{})
	if err != nil || len(in.Sample) > sampled/4 || in.Comma {
		t.Fatalf("%v, %v", in, err)
	}
	if _, err := in.Number("1,5"); err == nil || !strings.Contains(err.Error(), "--decimal comma") {
		t.Errorf("a late comma: %v", err)
	}
	if _, _, err := all(long+"1;2;3\n", Options{}); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("t.csv:%d:", sampled/4+11)) {
		t.Errorf("a late cell: %v", err)
	}
}

package procedure

import (
	"bufio"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"xlab/instrument/array"
)

// FuzzConsoleLine reads whatever comes: what is taken for steps says all that it does,
// on a device of the array or on whole lines.
func FuzzConsoleLine(f *testing.F) {
	for _, seed := range []string{
		`{"op":"read","cell":"r3c7"}`, `{"op":"pulse","cell":[3,7],"v":1,"width":0.0005}`, "\ufeff\r\n \n5",
		`{"op":"pulse","cell":"r3c7","v":"-1.2V","width":"500us","scheme":"v2","comp":"1mA"}`,
		`{"op":"sweep","cell":"r3c7","start":"0V","stop":"300mV","steps":31}`, `[{"op":"read"},{"op":"read"}]`,
		`[{"op":"pulse","cell":"r3c7","v":1,"width":"1ms"},{"op":"read","range":0}]`, `{"op":"re`, "\xff\n", `[null]`,
		`{"op":"multiply","from":"rows","v":["100mV",0,0,0.1]}`, `{"op":"read","cell":"r*c*"}`, `"read"`, "[",
		`{"op":"parallel","cell":"r3c7","rows":"3","cols":"6,7","v":-1,"width":"1ms"}`, `{"op":5,"cell":{}}`,
	} {
		f.Add(seed)
	}
	const rows, cols = 4, 8
	settings := DefaultSettings(nil)
	defaults, err := defaultsOf(&settings)
	if err != nil {
		f.Fatal(err)
	}
	reader := lineReader{array.StepKinds(), defaults, rows, cols}
	literal := reader
	literal.defaults = nil
	f.Fuzz(func(t *testing.T, text string) {
		for r := bufio.NewReader(strings.NewReader(text)); ; {
			l := readLine(r)
			if l.End || l.err != nil {
				return
			}
			cell, steps, err := reader.steps(l)
			if err != nil {
				continue
			}
			if len(steps) == 0 || cell != array.Whole && cell.Within(rows, cols) != nil {
				t.Fatalf("%s: %d steps on %s", l, len(steps), cell)
			}
			whole, err := json.Marshal(steps)
			if err != nil {
				t.Fatalf("%s: %v", l, err)
			}
			_, same, err := literal.steps(line{Text: string(whole)})
			if err != nil || !reflect.DeepEqual(same, steps) {
				t.Fatalf("%s is %+v, written %s, and read again %+v, %v", l, steps, whole, same, err)
			}
		}
	})
}

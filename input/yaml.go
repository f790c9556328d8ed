package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadYAML reads a YAML file that a person wrote and refuses numbers that mean
// one thing to people and another to YAML.
func ReadYAML(name string) ([]byte, error) {
	text, err := ReadText(name)
	if err != nil {
		return nil, err
	}
	return text, CheckYAML(text, name)
}

// OpenYAML is ReadYAML for those who want a reader.
func OpenYAML(name string) (io.Reader, error) {
	text, err := ReadYAML(name)
	return bytes.NewReader(text), err
}

// Numbers as people write them. YAML knows others: 017 is 15 to it (and 0o17,
// 0x11 and 0b11 are numbers, and 1_000 is 1000).
var (
	plainWhole = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	plainReal  = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
	odd        = regexp.MustCompile(`[0-9]_|(^|[^0-9A-Za-z_.])[-+]?0[0-9_xXoObB]`) // what every other form has somewhere
	noNumber   = regexp.MustCompile(`(?i)^([-+]?\.inf|\.nan)$`)                    // for the file's reader to refuse
)

// CheckYAML refuses every number that is not written the plain decimal way, with
// the line. A text that is no YAML is left to its reader, which knows what
// belongs there.
func CheckYAML(text []byte, name string) error {
	if !odd.Match(text) {
		return nil // without taking a long text apart twice
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var faults []error
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); err != nil {
			return errors.Join(faults...)
		}
		checkNumbers(&document, name, &faults)
	}
}

func checkNumbers(n *yaml.Node, name string, faults *[]error) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 {
		if whole := n.Tag == "!!int"; whole && !plainWhole.MatchString(n.Value) ||
			n.Tag == "!!float" && !plainReal.MatchString(n.Value) && !noNumber.MatchString(n.Value) {
			var value any
			reads := "another number"
			if n.Decode(&value) == nil {
				reads = fmt.Sprint(value)
			}
			*faults = append(*faults, fmt.Errorf("%s:%d: %s is read as %s by YAML: write plain decimal digits without "+
				"leading zeros (or quotes around it, if it is a text)", name, n.Line, n.Value, reads))
		}
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue // a key
		}
		checkNumbers(child, name, faults)
	}
}

// What the YAML library says.
var (
	yamlPlace   = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)
	yamlUnknown = regexp.MustCompile(`^field (.+) not found in type `)
	yamlKind    = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
)

// YAMLError says in words, with file and line, what the YAML library found wrong
// with a file.
func YAMLError(err error, name string) error {
	kinds, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		m := yamlPlace.FindStringSubmatch(err.Error())
		if m == nil {
			return fmt.Errorf("%s: this is not YAML: %w", name, err)
		}
		return fmt.Errorf("%s: this is not YAML: %s", at(name, m[1]), m[2])
	}
	var faults []error
	for _, text := range kinds.Errors {
		m := yamlPlace.FindStringSubmatch(text)
		place, what := at(name, m[1]), m[2]
		if unknown := yamlUnknown.FindStringSubmatch(what); unknown != nil {
			what = fmt.Sprintf("%q is not a known key", unknown[1])
		} else if kind := yamlKind.FindStringSubmatch(what); kind != nil {
			is := fmt.Sprintf("%q", kind[2])
			switch kind[1] {
			case "seq":
				is = "a list"
			case "map":
				is = "a group of keys"
			}
			what = is + " stands where " + goKind(kind[3]) + " belongs"
		}
		faults = append(faults, fmt.Errorf("%s: %s", place, what))
	}
	return errors.Join(faults...)
}

func at(name, line string) string {
	if line == "" {
		return name
	}
	return name + ":" + line
}

// goKind says what a type of the language holds.
func goKind(name string) string {
	switch {
	case strings.HasPrefix(name, "[]"):
		return "a list"
	case strings.HasPrefix(name, "map"), strings.HasPrefix(name, "struct"):
		return "a group of keys"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "uint"):
		return "a whole number"
	case strings.HasPrefix(name, "float"):
		return "a number"
	case name == "string":
		return "text"
	case name == "bool":
		return "true or false"
	}
	return "another kind of value"
}

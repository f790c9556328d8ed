package input

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Strict reads the one YAML document of a file into the struct that into points to. Every key of the struct must
// be in the document and every key of the document in the struct; numbers must be finite and obey the field's
// `rule` tag (see checkRule), and what reads itself from text, such as a quantity with its unit, does so. A field
// tagged `above:"key"` must be larger than that key beside it, by its magnitude; one tagged `yaml:"name,optional"` may
// be absent. Errors name file, line and key.
func Strict(text []byte, name string, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file is empty", name)
	} else if err != nil {
		return YAMLError(err, name)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one YAML document, and only one would be read", name)
	}
	return (&strictDecoder{file: name}).value(doc.Content[0], reflect.ValueOf(into).Elem(), "", "")
}

type strictDecoder struct{ file string }

func (d *strictDecoder) errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", d.file, n.Line, fmt.Sprintf(format, args...))
}

// value decodes n into v. path is the key's place in the file for messages, rule the field's tag.
func (d *strictDecoder) value(n *yaml.Node, v reflect.Value, path, rule string) error {
	if own, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if n.Kind != yaml.ScalarNode {
			return d.errorf(n, "%s must be a single value", path)
		}
		if err := own.UnmarshalText([]byte(n.Value)); err != nil {
			return d.errorf(n, "%s: %v", path, err)
		}
		return d.check(n, v, path, rule)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(n, v.Elem(), path, rule)
	case reflect.Struct:
		return d.mapping(n, v, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return d.errorf(n, "%s must be a list", path)
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			if err := d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), rule); err != nil {
				return err
			}
		}
		return nil
	case reflect.Float64, reflect.Int:
		what, tags := "a whole number", []string{"!!int"}
		if v.Kind() == reflect.Float64 {
			what, tags = "a number", []string{"!!int", "!!float"}
		}
		if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.Tag) || n.Decode(v.Addr().Interface()) != nil {
			return d.errorf(n, "%s must be %s, not %q", path, what, n.Value)
		}
		return d.check(n, v, path, rule)
	case reflect.String:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
			return d.errorf(n, "%s must be a text that is not empty", path)
		}
		v.SetString(n.Value)
		return nil
	default:
		return d.errorf(n, "%s: no value of type %s can be read from a file", path, v.Type())
	}
}

// check holds a number against its rule.
func (d *strictDecoder) check(n *yaml.Node, v reflect.Value, path, rule string) error {
	if !v.CanConvert(reflect.TypeFor[float64]()) {
		return nil
	}
	if err := checkRule(v.Convert(reflect.TypeFor[float64]()).Float(), rule); err != nil {
		return d.errorf(n, "%s is %v, %v", path, v.Interface(), err)
	}
	return nil
}

func (d *strictDecoder) mapping(n *yaml.Node, v reflect.Value, path string) error {
	if n.Kind != yaml.MappingNode {
		return d.errorf(n, "%s must be a section of keys and values", orFile(path))
	}
	fields, optional := keysOf(v.Type())
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], n.Content[i+1]
		index, known := fields[key.Value]
		if !known {
			return d.errorf(key, "unknown key %q in %s; the nearest key is %q",
				key.Value, orFile(path), nearest(key.Value, fields))
		}
		if line, twice := seen[key.Value]; twice {
			return d.errorf(key, "key %q in %s is already given on line %d", key.Value, orFile(path), line)
		}
		seen[key.Value] = key.Line
		field := v.Type().Field(index)
		if err := d.value(item, v.Field(index), join(path, key.Value), field.Tag.Get("rule")); err != nil {
			return err
		}
	}
	for i := 0; i < v.NumField(); i++ {
		key := keyOf(v.Type().Field(i))
		if _, given := seen[key]; key != "" && !given && !optional[key] {
			return d.errorf(n, "key %q is missing in %s", key, orFile(path))
		}
		if low := v.Type().Field(i).Tag.Get("above"); low != "" {
			x, y := v.Field(i), v.Field(fields[low])
			if math.Abs(x.Float()) <= math.Abs(y.Float()) {
				return d.errorf(&yaml.Node{Line: seen[key]}, "%s is %v and must be beyond %s, which is %v", join(path, key),
					x.Interface(), low, y.Interface())
			}
		}
	}
	return nil
}

func orFile(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keyOf returns the YAML key of a struct field, or "" for a field that does not come from the file.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func keysOf(t reflect.Type) (fields map[string]int, optional map[string]bool) {
	fields, optional = make(map[string]int), make(map[string]bool)
	for i := 0; i < t.NumField(); i++ {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		fields[name] = i
		optional[name] = option == "optional"
	}
	return fields, optional
}

// checkRule holds a number against the rule of its field: "positive", "nonnegative", "negative", "fraction" (0 to
// 1, both included) or "any" (finite).
func checkRule(x float64, rule string) error {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return errors.New("which is not a finite number")
	case rule == "positive" && x <= 0:
		return errors.New("but must be above 0")
	case rule == "nonnegative" && x < 0:
		return errors.New("but must not be below 0")
	case rule == "negative" && x >= 0:
		return errors.New("but must be below 0")
	case rule == "fraction" && (x < 0 || x > 1):
		return errors.New("but must be between 0 and 1")
	}
	return nil
}

// nearest returns the valid key with the smallest edit distance to the one that was written (the alphabetically first
// of equals, so that the message does not change from run to run).
func nearest(written string, fields map[string]int) string {
	best, bestDistance := "", math.MaxInt
	for key := range fields {
		if d := EditDistance(written, key); d < bestDistance || d == bestDistance && key < best {
			best, bestDistance = key, d
		}
	}
	return best
}

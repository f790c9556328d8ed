package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// checkKeys refuses keys that the configuration does not have, with the file,
// the line and the nearest valid key, and remembers the line of every key for
// later messages. It works on the file's text because the merged configuration
// no longer knows where anything came from.
func (c *Config) checkKeys(file string, text []byte) error {
	var document yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // an empty file sets nothing
		}
		return fmt.Errorf("%s: %w", file, err)
	}
	var faults []error
	c.walk(file, document.Content[0], reflect.TypeFor[Config](), "", &faults)
	return errors.Join(faults...)
}

func (c *Config) walk(file string, node *yaml.Node, t reflect.Type, path string, faults *[]error) {
	c.places[path], c.placeFile[path] = node.Line, file
	switch {
	case node.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		fields := keysOf(t)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := strings.ToLower(node.Content[i].Value)
			at := strings.TrimPrefix(path+"."+key, ".")
			field, known := fields[key]
			if !known {
				*faults = append(*faults, fmt.Errorf("%s:%d: %q is not a known key%s", file, node.Content[i].Line, at, suggestion(path, key, fields)))
				continue
			}
			c.walk(file, node.Content[i+1], field, at, faults)
			c.places[at] = node.Content[i].Line
		}
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, item := range node.Content {
			c.walk(file, item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), faults)
		}
	case node.Kind == yaml.MappingNode || node.Kind == yaml.SequenceNode || t.Kind() == reflect.Struct && node.Tag != "!!null":
		*faults = append(*faults, fmt.Errorf("%s:%d: %q does not have the form of its key: see `xlab init` for an example", file, node.Line, path))
	}
}

// knownKey checks a dotted key against the configuration's form.
func knownKey(key string) error {
	t, path := reflect.TypeFor[Config](), ""
	for part := range strings.SplitSeq(key, ".") {
		if t.Kind() != reflect.Struct {
			return fmt.Errorf("%q has no keys below it", path)
		}
		fields := keysOf(t)
		next, known := fields[part]
		if !known {
			return fmt.Errorf("%q is not a known key%s", key, suggestion(path, part, fields))
		}
		t, path = next, strings.TrimPrefix(path+"."+part, ".")
	}
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Slice {
		return fmt.Errorf("%q is a group of keys, not one", key)
	}
	return nil
}

// keysOf lists a configuration struct's keys.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type)
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if tag := f.Tag.Get("mapstructure"); tag != "" && tag != "-" {
			keys[tag] = f.Type
		}
	}
	return keys
}

// suggestion names the valid key that is nearest to the unknown one.
func suggestion(path, key string, valid map[string]reflect.Type) string {
	names := make([]string, 0, len(valid))
	for name := range valid {
		names = append(names, name)
	}
	sort.Strings(names)
	best, distance := "", len(key)/2+2
	for _, name := range names {
		if d := editDistance(key, name); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return "; valid keys here: " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("; did you mean %q?", strings.TrimPrefix(path+"."+best, "."))
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// decodedKey finds the key that a decoding error speaks of.
var decodedKey = regexp.MustCompile(`'([^']*)'`)

// locate puts the file and line in front of a decoding error.
func (c *Config) locate(err error) error {
	if m := decodedKey.FindStringSubmatch(err.Error()); m != nil {
		if key := strings.ToLower(m[1]); c.places[key] != 0 {
			return fmt.Errorf("%s:%d: %w", c.placeFile[key], c.places[key], err)
		}
	}
	return fmt.Errorf("configuration (%s): %w", c.origin(), err)
}

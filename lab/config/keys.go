package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"go.yaml.in/yaml/v3"

	"xlab/input"
)

// settings reads a file. It refuses keys that the configuration does not have,
// with the file, the line and the nearest valid key, and remembers the line of
// every key for later messages. Every value is taken as the text that stands
// there: what it means is for its key to say, not for YAML (see plainValue).
func (c *Config) settings(file string, text []byte) (map[string]any, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil // an empty file sets nothing
		}
		return nil, input.YAMLError(err, file)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is a second document (---), which would not be read", file)
	}
	var faults []error
	c.walk(file, document.Content[0], reflect.TypeFor[Config](), "", &faults)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	var settings map[string]any
	if err := document.Decode(&settings); err != nil {
		return nil, input.YAMLError(err, file)
	}
	return settings, nil
}

// plainValue makes single values of texts: those of files, of the environment
// and of --set alike.
func plainValue(from, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || from.Kind() != reflect.String {
		return value, nil
	}
	switch k := to.Kind(); {
	case k == reflect.Bool:
		return input.Bool(text)
	case k >= reflect.Int && k <= reflect.Int64:
		return input.Int(text)
	case k >= reflect.Uint && k <= reflect.Uint64:
		return input.Uint(text)
	case k == reflect.Float64:
		return input.Float(text)
	}
	return value, nil
}

func (c *Config) walk(file string, node *yaml.Node, t reflect.Type, path string, faults *[]error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	c.places[path], c.placeFile[path] = node.Line, file
	switch {
	case node.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		fields := keysOf(t)
		given := make(map[string]int)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, line := strings.ToLower(node.Content[i].Value), node.Content[i].Line
			at := strings.TrimPrefix(path+"."+key, ".")
			field, known := fields[key]
			if !known {
				*faults = append(*faults, fmt.Errorf("%s:%d: %q is not a known key%s", file, line, at,
					suggestion(path, key, fields)))
				continue
			}
			if first := given[key]; first > 0 {
				*faults = append(*faults, fmt.Errorf("%s:%d: %q is given twice, first on line %d", file, line, at, first))
			}
			given[key] = line
			c.walk(file, node.Content[i+1], field, at, faults)
			c.places[at] = line
		}
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, item := range node.Content {
			c.walk(file, item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), faults)
		}
	case node.Kind == yaml.SequenceNode && (path == "analyzer" || path == "analyzer.address"):
		*faults = append(*faults, fmt.Errorf("%s:%d: %s is a list: an analyzer of several boxes is not possible, because "+
			"they have no common trigger: what one forces and another measures would not be at one moment; name one box "+
			"and wire the lines that it has no source for to ground (hwdocs/benches.md)", file, node.Line, path))
	case node.Tag == "!!null" && node.Kind == yaml.ScalarNode:
		// Nothing is set.
	case t.Kind() == reflect.Struct:
		*faults = append(*faults, fmt.Errorf("%s:%d: %s must be a group of keys, each on a line of its own below it; "+
			"`xlab init` writes an example", file, node.Line, cmp.Or(path, "the file")))
	case t.Kind() == reflect.Slice:
		*faults = append(*faults, fmt.Errorf("%s:%d: %q must be a list, each item beginning with a dash; `xlab init` "+
			"writes an example", file, node.Line, path))
	case node.Kind != yaml.ScalarNode:
		*faults = append(*faults, fmt.Errorf("%s:%d: %q must be a single value; `xlab init` writes an example", file,
			node.Line, path))
	default:
		node.Tag = "!!str"
	}
}

// checkEnvironment refuses variables with the program's prefix that set no key
// and remembers those that do: a misspelt limit must not go unnoticed.
func (c *Config) checkEnvironment(environment []string) error {
	keys := make(map[string]string) // by variable
	known := make(map[string]reflect.Type)
	for key, t := range singleKeys(reflect.TypeFor[Config](), "") {
		variable := EnvironmentPrefix + "_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		keys[variable], known[variable] = key, t
	}
	var faults []error
	for _, entry := range environment {
		variable, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(variable, EnvironmentPrefix+"_") || value == "" {
			continue
		}
		if key, ok := keys[variable]; ok {
			c.overrides[key] = "environment variable " + variable
			continue
		}
		faults = append(faults, fmt.Errorf("the environment variable %s sets no key of the configuration%s", variable,
			input.Nearest(variable, known)))
	}
	return errors.Join(faults...)
}

// Keys lists the dotted keys of all single values, in order.
func Keys() []string { return slices.Sorted(maps.Keys(singleKeys(reflect.TypeFor[Config](), ""))) }

// singleKeys lists the dotted keys of all single values below a struct.
func singleKeys(t reflect.Type, path string) map[string]reflect.Type {
	list := make(map[string]reflect.Type)
	for key, field := range keysOf(t) {
		at := strings.TrimPrefix(path+"."+key, ".")
		switch field.Kind() {
		case reflect.Struct:
			maps.Copy(list, singleKeys(field, at))
		case reflect.Slice:
		default:
			list[at] = field
		}
	}
	return list
}

// CheckKey checks a dotted key against the configuration's form.
func CheckKey(key string) error {
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
		switch tag := f.Tag.Get("mapstructure"); tag {
		case "", "-":
		case squashed:
			maps.Copy(keys, keysOf(f.Type))
		default:
			keys[tag] = f.Type
		}
	}
	return keys
}

// suggestion names the valid key that is nearest to the unknown one, or all.
func suggestion(path, key string, valid map[string]reflect.Type) string {
	if near := input.Nearest(key, valid); near != "" {
		return strings.Replace(near, `"`, `"`+strings.TrimPrefix(path+".", "."), 1)
	}
	return "; valid keys here: " + strings.Join(slices.Sorted(maps.Keys(valid)), ", ")
}

// locate puts the file and line, or what else set the key, in front of every
// fault of decoding.
func (c *Config) locate(err error) error {
	var texts []string
	var collect func(error)
	collect = func(err error) {
		var fault *mapstructure.DecodeError
		switch e := err.(type) {
		case interface{ Unwrap() []error }:
			for _, cause := range e.Unwrap() {
				collect(cause)
			}
			return
		case *mapstructure.DecodeError:
			fault = e
		case interface{ Unwrap() error }:
			collect(e.Unwrap())
			return
		}
		if fault == nil {
			texts = append(texts, fmt.Sprintf("configuration (%s): %v", c.Origin(), err))
			return
		}
		texts = append(texts, fmt.Sprintf("%s: %v", c.Place(strings.ToLower(fault.Name())), fault.Unwrap()))
	}
	collect(err)
	slices.Sort(texts) // the library goes through keys in any order
	return errors.New(strings.Join(texts, "\n"))
}

package input

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Named reads a YAML document that a person named. With a path or an extension, as
// in ./mine or mine.yaml, it is a file; otherwise it is one of those shipped, which
// are NAME.yaml at the top of that file system, so that what lies in the working
// directory never stands in for them. what is the kind of document. shown is what
// messages call it.
func Named(name, what string, shipped fs.FS) (text []byte, shown string, err error) {
	if strings.ContainsAny(name, `/\`) || filepath.Ext(name) != "" {
		text, err = ReadYAML(name)
		return text, name, err
	}
	files, err := fs.Glob(shipped, "*.yaml")
	if err != nil {
		return nil, name, err
	}
	names, known := make([]string, len(files)), make(map[string]bool)
	for i, file := range files {
		names[i] = strings.TrimSuffix(file, ".yaml")
		known[names[i]] = true
	}
	if !known[name] {
		return nil, name, fmt.Errorf("no %s %q is shipped: there is %s%s (a file is named with its path or extension)",
			what, name, strings.Join(names, ", "), Nearest(name, known))
	}
	text, err = fs.ReadFile(shipped, name+".yaml")
	return text, name + ".yaml (shipped)", err
}

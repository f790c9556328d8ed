package procedure

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"xlab/input/table"
)

// TableFlags settle what a table does not say about itself.
type TableFlags struct{ separator, header, decimal string }

func (t *TableFlags) Register(f *pflag.FlagSet) {
	f.StringVar(&t.separator, "separator", "", "what stands between the cells of a table: comma, semicolon, "+
		"tab or blank (default: found out)")
	f.StringVar(&t.header, "header", "", "whether the first line of a table is a heading: yes or no (default: found out)")
	f.StringVar(&t.decimal, "decimal", "", "decimal sign of a table's numbers: point or comma (default: found out)")
}

// Options gives the flags to the reader of tables.
func (t *TableFlags) Options(name string) (table.Options, error) {
	o := table.Options{Name: name}
	for _, f := range []struct {
		flag, value string
		take        func(word string) bool
		words       string
	}{
		{"separator", t.separator, func(word string) bool {
			for r, names := range map[rune][]string{',': {",", "comma"}, ';': {";", "semicolon"}, '\t': {"\t", `\t`, "tab"},
				' ': {" ", "blank", "space"}} {
				for _, name := range names {
					if word == name {
						o.Separator = r
					}
				}
			}
			return o.Separator != 0
		}, "comma, semicolon, tab or blank"},
		{"header", t.header, func(word string) bool {
			o.Header = map[string]table.Answer{"yes": table.Yes, "true": table.Yes, "no": table.No, "false": table.No}[word]
			return o.Header != table.Unknown
		}, "yes or no"},
		{"decimal", t.decimal, func(word string) bool {
			o.Comma = map[string]table.Answer{"comma": table.Yes, ",": table.Yes, "point": table.No, ".": table.No}[word]
			return o.Comma != table.Unknown
		}, "point or comma"},
	} {
		if f.value != "" && !f.take(strings.ToLower(f.value)) {
			return o, fmt.Errorf("--%s %q is not %s", f.flag, f.value, f.words)
		}
	}
	return o, nil
}

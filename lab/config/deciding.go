package config

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"xlab/input"
)

// idle are the sections and keys that change nothing of what is found on a simulated chip
// in memory: names, places, who is told, and what a bench that is kept is watched for.
var idle = []string{"bench", "runs", "locks", "figures", "notify", "recovery", "watch", "simulation.chip",
	"simulation.seed"}

// documents are keys that name files.
var documents = []string{"simulation.technology", "simulation.faults", "neurons.wiring", "device.profile"}

// Deciding gives the keys that decide what is found on a simulated chip of a certain seed,
// with their values. Of a file it is what is in it that counts, and not its name; what is
// shipped with the program is named.
func (c *Config) Deciding() map[string]any {
	values := make(map[string]any)
	eachField(reflect.ValueOf(*c), "", func(key string, field reflect.Value) {
		section, _, _ := strings.Cut(key, ".")
		if !slices.Contains(idle, section) && !slices.Contains(idle, key) {
			values[key] = field.Interface()
		}
	})
	for _, key := range documents {
		if name, is := values[key].(string); is {
			values[key] = contents(name)
		}
	}
	for i, b := range c.Boards {
		b.Wiring = contents(b.Wiring)
		eachField(reflect.ValueOf(b), fmt.Sprintf("boards[%d]", i), func(key string, field reflect.Value) {
			values[key] = field.Interface()
		})
	}
	return values
}

// contents stands for what is in a file. What is none is shipped, or is refused by who opens it.
func contents(name string) string {
	text, err := input.ReadYAML(name)
	if name == "" || err != nil {
		return name
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text))
}

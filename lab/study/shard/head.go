package shard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/run"
)

// Version is that of the form of shards.
const Version = 1

// Head is the first line of a shard: all that its chips follow from. It holds no
// path, host or time.
type Head struct {
	Version  int             `json:"shard"`   // of the form
	Study    string          `json:"study"`   // which one
	Program  string          `json:"program"` // see Program
	Seeds    Seeds           `json:"seeds"`   // of the chips of this shard
	Parts    []string        `json:"parts"`   // what is done with each chip, in the order of its results
	Platform Platform        `json:"platform"`
	Settings json.RawMessage `json:"settings"` // everything that decides results, canonical
}

// NewHead is the head of a shard that this program computes here. Equal settings must
// have equal JSON.
func NewHead(study string, seeds Seeds, parts []string, settings any) (*Head, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(settings)
	return &Head{Version: Version, Study: study, Program: program, Seeds: seeds, Parts: parts, Platform: Here(),
		Settings: text}, err
}

// Chip is a line of a shard but the first: what came of one chip.
type Chip struct {
	Seed    uint64            `json:"seed"`
	Results []json.RawMessage `json:"results"` // one for each part of the head
}

// difference is something in which two shards differ so that they cannot be of one
// study.
type difference struct{ what, here, there, advice string }

// differences lists what keeps shards from being of one study; the seeds do not.
func (h *Head) differences(other *Head) []difference {
	var list []difference
	add := func(what, here, there, advice string) {
		if here != there {
			list = append(list, difference{what, here, there, advice})
		}
	}
	add("study", h.Study, other.Study, "merge the shards of each study by themselves")
	add("program", h.Program, other.Program, "run all shards with one program")
	add("platform", h.Platform.String(), other.Platform.String(), "last digits differ from one kind of processor or "+
		"program to another: run all shards on one kind of node, which a cluster's --constraint asks for")
	if !bytes.Equal(h.Settings, other.Settings) {
		here, there := flat(h.Settings), flat(other.Settings)
		both := maps.Clone(here)
		maps.Copy(both, there)
		for _, key := range slices.Sorted(maps.Keys(both)) {
			add("settings "+key, or(here[key], "missing"), or(there[key], "missing"), "run all shards with the same flags "+
				"and configuration")
		}
	}
	add("parts", strings.Join(h.Parts, ", "), strings.Join(other.Parts, ", "), "run all shards with the same flags")
	return list
}

// Agree refuses two shards that cannot be of one study, naming them by their files.
func (h *Head) Agree(other *Head, name, otherName string) error {
	list := h.differences(other)
	if len(list) == 0 {
		return nil
	}
	var texts []string
	for _, d := range list[:min(len(list), 3)] {
		texts = append(texts, fmt.Sprintf("%s is %s and %s", d.what, d.here, d.there))
	}
	if more := len(list) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return run.Usage(fmt.Errorf("%s and %s do not fit together: %s; %s", name, otherName, strings.Join(texts, "; "),
		list[0].advice))
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// flat lists the single values of JSON by their dotted keys.
func flat(text json.RawMessage) map[string]string {
	values := make(map[string]string)
	var walk func(key string, text json.RawMessage)
	walk = func(key string, text json.RawMessage) {
		var object map[string]json.RawMessage
		var list []json.RawMessage
		switch {
		case json.Unmarshal(text, &object) == nil && object != nil:
			for k, v := range object {
				walk(strings.TrimPrefix(key+"."+k, "."), v)
			}
		case json.Unmarshal(text, &list) == nil && list != nil:
			for i, v := range list {
				walk(fmt.Sprintf("%s[%d]", key, i), v)
			}
		default:
			values[key] = string(text)
		}
	}
	walk("", text)
	return values
}

package shard_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/lab/study/shard"
)

// What is written of seeds reads back as the same, as a flag and in JSON, in the shortest
// form; the parts of a split follow each other, are as large as each other within one,
// and are all of it.
func TestSeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 60), 1, 40, rapid.ID).Draw(t, "seeds")
		slices.Sort(set)
		s := shard.Seeds(set)
		back, err := shard.ParseSeeds(s.String())
		if err != nil || !slices.Equal(back, s) {
			t.Fatalf("%q reads back as %v (%v)", s, back, err)
		}
		var items []string
		for _, seed := range rapid.Permutation(set).Draw(t, "order") {
			items = append(items, fmt.Sprint(seed))
		}
		if other, err := shard.ParseSeeds(strings.Join(items, " , ")); err != nil || other.String() != s.String() {
			t.Fatalf("%q is %q (%v)", items, other, err)
		}
		text, err := json.Marshal(s)
		var unmarshalled shard.Seeds
		if err != nil || json.Unmarshal(text, &unmarshalled) != nil || !slices.Equal(unmarshalled, s) {
			t.Fatalf("%s reads back as %v (%v)", text, unmarshalled, err)
		}
		n := rapid.IntRange(1, 50).Draw(t, "n")
		parts := s.Split(n)
		var all shard.Seeds
		for _, p := range parts {
			if small := len(s) / len(parts); len(p) < small || len(p) > small+1 {
				t.Fatalf("%v in %d parts: %v", s, n, parts)
			}
			all = append(all, p...)
		}
		if !slices.Equal(all, s) || len(parts) != min(n, len(s)) {
			t.Fatalf("%v in %d parts: %v", s, n, parts)
		}
	})
}

func TestSeedsRefused(t *testing.T) {
	for text, words := range map[string]string{
		"": "neither", "x": "neither", "1-": "neither", "-3": "neither", "1-2-3": "neither", "1,,2": "neither",
		"0": "count from 1", "0-3": "count from 1", "9-3": "ends before", "1-3,3": "seed 3 is named twice",
		"5,1-9": "seed 5 is named twice", "1-1000001": "more than", "1-1000000,2000001": "more than",
		"1-18446744073709551615": "more than", "1-18446744073709551616": "neither", "0x10": "write it like 16",
	} {
		if s, err := shard.ParseSeeds(text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q is %v (%v), want an error with %q", text, s, err, words)
		}
	}
	for _, text := range []string{"18446744073709551615", "1-1000000"} {
		if s, err := shard.ParseSeeds(text); err != nil || s.String() != text {
			t.Errorf("%q is %v (%v)", text, s, err)
		}
	}
}

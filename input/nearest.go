package input

import (
	"fmt"
	"maps"
	"slices"
)

// Nearest asks whether the valid name nearest to the unknown one was meant, or
// is "" where none is near.
func Nearest[V any](name string, valid map[string]V) string {
	best, distance := "", len(name)/2+2
	for _, candidate := range slices.Sorted(maps.Keys(valid)) {
		if d := EditDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// EditDistance is how many letters have to be inserted, deleted or replaced to
// make b of a (Levenshtein).
func EditDistance(a, b string) int {
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

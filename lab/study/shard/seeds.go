package shard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xlab/input"
)

// Seeds are those of a study's chips, rising, none of them twice and none of them 0.
// Its text, "21-40" or "1-3,7", is its value as a flag and in JSON.
type Seeds []uint64

// mostSeeds bounds a study: a slip of the finger shall not take all memory.
const mostSeeds = 1_000_000

// ParseSeeds reads what String writes, and the same in any order.
func ParseSeeds(text string) (Seeds, error) {
	var s Seeds
	for item := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(item, "-")
		first, err := input.Uint(strings.TrimSpace(from))
		last := first
		if err == nil && isRange {
			last, err = input.Uint(strings.TrimSpace(to))
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is neither a seed nor a range of them, such as 21-40: %w",
				strings.TrimSpace(item), err)
		case first == 0:
			return nil, errors.New("seeds count from 1")
		case last < first:
			return nil, fmt.Errorf("the range %s ends before it begins", strings.TrimSpace(item))
		case last-first >= uint64(mostSeeds-len(s)):
			return nil, fmt.Errorf("these are more than %d chips", mostSeeds)
		}
		for i := range last - first + 1 {
			s = append(s, first+i)
		}
	}
	slices.Sort(s)
	for i := range len(s) - 1 {
		if s[i] == s[i+1] {
			return nil, fmt.Errorf("seed %d is named twice", s[i])
		}
	}
	return s, nil
}

// String is the shortest text of the seeds, "" of none.
func (s Seeds) String() string {
	var b []byte
	for i := 0; i < len(s); {
		last := i
		for last+1 < len(s) && s[last+1] == s[last]+1 {
			last++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, s[i], 10)
		if last > i {
			b = strconv.AppendUint(append(b, '-'), s[last], 10)
		}
		i = last + 1
	}
	return string(b)
}

// Set takes the text of a flag.
func (s *Seeds) Set(text string) (err error) {
	*s, err = ParseSeeds(text)
	return err
}

// Type names the kind of flag.
func (*Seeds) Type() string { return "seeds" }

// MarshalText writes String.
func (s Seeds) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads ParseSeeds.
func (s *Seeds) UnmarshalText(text []byte) error { return s.Set(string(text)) }

// Split makes n parts that follow each other and differ by one seed in size at most,
// fewer where there are not as many seeds.
func (s Seeds) Split(n int) []Seeds {
	n = min(n, len(s))
	parts := make([]Seeds, n)
	for i := range parts {
		parts[i] = s[i*len(s)/n : (i+1)*len(s)/n]
	}
	return parts
}

// without gives the seeds that are not among others.
func (s Seeds) without(others Seeds) Seeds {
	var left Seeds
	for _, seed := range s {
		if _, has := slices.BinarySearch(others, seed); !has {
			left = append(left, seed)
		}
	}
	return left
}

// filled gives all seeds from the lowest to the highest, or a million of them.
func (s Seeds) filled() Seeds {
	n := min(s[len(s)-1]-s[0]+1, mostSeeds)
	all := make(Seeds, n)
	for i := range all {
		all[i] = s[0] + uint64(i)
	}
	return all
}

package shard

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/run"
)

// Merge puts finished shards of one study together. The seeds must be those wanted, or,
// where nil are, all between the lowest and the highest, each of them once. Shards that
// do not fit together are refused with their files' names and with what to do.
func Merge(files []string, wanted Seeds) (*Head, []Chip, error) {
	if len(files) == 0 {
		return nil, nil, run.Usage(errors.New("there are no shards to merge"))
	}
	var shards []*Shard
	var seeds Seeds
	var faults []error
	from := make(map[uint64]string)
	for _, file := range files {
		if strings.HasSuffix(file, Part) {
			faults = append(faults, run.Usage(fmt.Errorf("%s is not finished: the command that began it goes on with it",
				file)))
			continue
		}
		s, err := Read(file)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if len(shards) > 0 {
			if err := shards[0].Head.Agree(s.Head, shards[0].File, file); err != nil {
				faults = append(faults, err)
			}
		}
		twice := make(map[string]Seeds) // by the other file
		for _, seed := range s.Head.Seeds {
			if other := from[seed]; other != "" {
				twice[other] = append(twice[other], seed)
				continue
			}
			from[seed] = file
			seeds = append(seeds, seed)
		}
		for _, other := range slices.Sorted(maps.Keys(twice)) {
			faults = append(faults, run.Usage(fmt.Errorf("seeds %v are in %s and in %s: leave one of them out", twice[other],
				other, file)))
		}
		shards = append(shards, s)
	}
	if len(faults) > 0 {
		return nil, nil, errors.Join(faults...)
	}
	slices.Sort(seeds)
	if wanted == nil {
		wanted = seeds.filled()
	}
	if missing := wanted.without(seeds); len(missing) > 0 {
		return nil, nil, run.Usage(fmt.Errorf("seeds %v are in none of the %d files: run them too (--seeds %[1]v), name "+
			"the file that has them, or say with --seeds which are wanted", missing, len(files)))
	}
	if extra := seeds.without(wanted); len(extra) > 0 {
		return nil, nil, run.Usage(fmt.Errorf("seeds %v are not among those wanted, %v: leave out %s", extra, wanted,
			from[extra[0]]))
	}
	whole := *shards[0].Head
	whole.Seeds = seeds
	var chips []Chip
	for _, s := range shards {
		chips = append(chips, s.Chips...)
	}
	slices.SortFunc(chips, func(a, b Chip) int { return cmp.Compare(a.Seed, b.Seed) })
	return &whole, chips, nil
}

package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"xlab/input"
	"xlab/run"
)

// Shard is what a file holds.
type Shard struct {
	File  string
	Head  *Head // nil where not even that is whole, which happens with what is not finished only
	Chips []Chip

	size int64 // bytes up to the end of the last whole line
}

// Part is what the name of a shard ends with that is not finished.
const Part = ".part"

// Read reads a shard, which may be one that is not finished: then a last line that is
// torn is left out. Anything else that is damaged is an error with its place.
func Read(file string) (*Shard, error) {
	text, err := input.ReadFile(file, input.Data)
	if err != nil {
		return nil, run.Usage(err)
	}
	unfinished := filepath.Ext(file) == Part
	s := &Shard{File: file}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		whole, ended := bytes.CutSuffix(line, []byte{'\n'})
		if !ended && unfinished {
			return s, nil
		}
		if err := s.line(number, whole, ended); err != nil {
			return nil, run.Usage(fmt.Errorf("%s:%d: %w; %s", file, number, err, s.again()))
		}
		s.size += int64(len(line))
	}
	switch left := s.Left(); {
	case unfinished:
	case s.Head == nil:
		return nil, run.Usage(fmt.Errorf("%s is empty and no shard of a study", file))
	case len(left) > 0:
		return nil, run.Usage(fmt.Errorf("%s:%d: the file ends before seeds %v; %s", file, number+1, left, s.again()))
	}
	return s, nil
}

// line takes a line of the file.
func (s *Shard) line(number int, text []byte, ended bool) error {
	if !ended {
		return errors.New("the line has no end")
	}
	if _, err := run.CutChecksum(text); err != nil {
		if number == 1 {
			return fmt.Errorf("the first line is not the head of a shard: %w", err)
		}
		return err
	}
	if number == 1 {
		s.Head = new(Head)
		switch err := json.Unmarshal(text, s.Head); {
		case err != nil || s.Head.Version == 0 || len(s.Head.Seeds) == 0:
			return errors.New("the first line is not the head of a shard")
		case s.Head.Version > Version:
			return fmt.Errorf("the shard has version %d, this program knows versions up to %d", s.Head.Version, Version)
		}
		return nil
	}
	var c Chip
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("the line is no chip: %w", err)
	}
	left := s.Left()
	switch {
	case len(left) == 0:
		return fmt.Errorf("chip %d is too many", c.Seed)
	case c.Seed != left[0]:
		return fmt.Errorf("it is chip %d where chip %d should be", c.Seed, left[0])
	case len(c.Results) != len(s.Head.Parts):
		return fmt.Errorf("chip %d has %d results, not %d", c.Seed, len(c.Results), len(s.Head.Parts))
	}
	s.Chips = append(s.Chips, c)
	return nil
}

// Left are the seeds that have no chip yet.
func (s *Shard) Left() Seeds {
	if s.Head == nil {
		return nil
	}
	return s.Head.Seeds[len(s.Chips):]
}

// again says how to get a shard that can be read.
func (s *Shard) again() string {
	switch {
	case s.Head == nil || len(s.Head.Seeds) == 0:
		return "is it the right file?"
	case s.Head.Version > Version: // it is not damaged
		return "use the program that wrote it"
	}
	return fmt.Sprintf("delete the file and run seeds %v again", s.Head.Seeds)
}

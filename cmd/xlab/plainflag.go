package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/input"
)

// plainFlag is a flag whose value is read as that of a key of the configuration
// is: 017 is seventeen and not fifteen, and what is wrong is said in words.
type plainFlag struct{ pflag.Value }

// plainNumber makes a flag of the library that is a number or a switch a plainFlag.
func plainNumber(f *pflag.Flag) {
	switch f.Value.Type() {
	case "int", "int64", "uint", "uint64", "float64", "bool", "duration":
		if _, done := f.Value.(plainFlag); !done {
			f.Value = plainFlag{f.Value}
		}
	}
}

// Set takes a value.
func (p plainFlag) Set(text string) error {
	plain := text
	var err error
	switch p.Type() {
	case "int", "int64":
		var x int64
		x, err = input.Int(text)
		plain = strconv.FormatInt(x, 10)
	case "uint", "uint64":
		var x uint64
		x, err = input.Uint(text)
		plain = strconv.FormatUint(x, 10)
	case "float64":
		_, err = input.Float(text)
	case "bool":
		var x bool
		x, err = input.Bool(text)
		plain = strconv.FormatBool(x)
	case "duration":
		var t time.Duration
		t, err = longTime(text)
		plain = t.String()
	}
	if err != nil {
		return err
	}
	return p.Value.Set(plain)
}

// nearestFlag asks whether another flag of a command was meant, "" where none is
// near.
func nearestFlag(c *cobra.Command, name string) string {
	known := make(map[string]bool)
	c.Flags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = true })
	switch name {
	case "at", "cell", "cells", "device", "devices": // a place has different names, as one or more are taken
		for _, flag := range []string{"--device", "--devices"} {
			if known[flag] {
				return fmt.Sprintf("; did you mean %s?", flag)
			}
		}
	}
	return strings.ReplaceAll(input.Nearest("--"+name, known), `"`, "")
}

// longTime reads a time such as 90s, 15m, 12h, 2d or 1d12h.
func longTime(text string) (time.Duration, error) {
	faulty := fmt.Errorf("%q is not a time such as 90s, 15m, 12h or 2d", text)
	rest := strings.TrimSpace(text)
	var sum time.Duration
	if days, after, found := strings.Cut(rest, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, faulty
		}
		if sum, rest = time.Duration(n)*24*time.Hour, after; rest == "" {
			return sum, nil
		}
	}
	t, err := time.ParseDuration(rest)
	if err != nil || t < 0 {
		return 0, faulty
	}
	return sum + t, nil
}

// numbers lets arguments that begin like a negative number stand as what they are: no
// flag is a digit, and the library takes every word behind a dash for flags. A blank in
// front means nothing to those who read numbers.
func numbers(args []string) []string {
	args = slices.Clone(args)
	for i, word := range args {
		if len(word) > 1 && word[0] == '-' && strings.ContainsRune(".0123456789", rune(word[1])) {
			args[i] = " " + word
		}
	}
	return args
}

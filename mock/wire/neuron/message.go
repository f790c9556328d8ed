package neuron

import (
	"math"
	"strconv"
	"strings"
)

// message is one line from the host, taken apart.
type message struct {
	line       string // as received
	header     string // without a leading colon, with the question mark
	query      bool
	parameters []string
}

// spaces separate header and parameters.
const spaces = " \t"

// parse takes a line apart. What stands behind a question mark is a parameter,
// with or without a space.
func parse(line string) message {
	m := message{line: line}
	text := strings.Trim(line, spaces)
	end := strings.IndexAny(text, spaces+"?")
	switch {
	case end < 0:
		end = len(text)
	case text[end] == '?':
		m.query = true
		end++
	}
	m.header = text[:end]
	if !strings.HasPrefix(m.header, ":*") {
		m.header = strings.TrimPrefix(m.header, ":")
	}
	if rest := strings.Trim(text[end:], spaces); rest != "" {
		m.parameters = split(rest)
	}
	return m
}

// split cuts at commas outside of parentheses.
func split(text string) (list []string) {
	depth, from := 0, 0
	for i := 0; i <= len(text); i++ {
		if i == len(text) || text[i] == ',' && depth == 0 {
			list = append(list, strings.Trim(text[from:i], spaces))
			from = i + 1
			continue
		}
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	return list
}

// means tells whether a header is the one of a pattern such as
// "MEASure:VOLTage?", in which the short form of a word is in capitals: each word
// in its long or its short form, in any case.
func means(header, pattern string) bool {
	words, want := strings.Split(header, ":"), strings.Split(pattern, ":")
	if len(words) != len(want) || strings.HasSuffix(header, "?") != strings.HasSuffix(pattern, "?") {
		return false
	}
	for i, w := range words {
		long := strings.TrimSuffix(want[i], "?")
		short := strings.TrimRight(long, "abcdefghijklmnopqrstuvwxyz")
		if w = strings.TrimSuffix(w, "?"); !strings.EqualFold(w, long) && !strings.EqualFold(w, short) {
			return false
		}
	}
	return true
}

// whole reads a decimal number whose value is whole, between two bounds.
func whole(text string, least, most int) (n int, c code) {
	if strings.Trim(text, "0123456789+-.eE") != "" { // the library reads more than SCPI has
		return 0, illegalParameter
	}
	x, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(x, 0):
		return 0, outOfRange
	case err != nil:
		return 0, illegalParameter
	case x < float64(least) || x > float64(most):
		return 0, outOfRange
	case x != math.Trunc(x):
		return 0, illegalParameter
	}
	return int(x), noError
}

// channels reads a channel list such as (@1:3,5), counted from 1, into indices
// from 0.
func channels(text string, count int) (list []int, c code) {
	inner, found := strings.CutPrefix(text, "(")
	inner, at := strings.CutPrefix(strings.TrimLeft(inner, spaces), "@")
	inner, closed := strings.CutSuffix(inner, ")")
	if !found || !at || !closed {
		return nil, illegalParameter
	}
	for part := range strings.SplitSeq(inner, ",") {
		low, high, span := strings.Cut(part, ":")
		if !span {
			high = low
		}
		first, err1 := channel(low)
		last, err2 := channel(high)
		switch {
		case err1 != nil || err2 != nil || first > last:
			return nil, illegalParameter
		case first < 1 || last > count:
			return nil, outOfRange
		}
		for i := first; i <= last; i++ {
			if len(list) == mostChannels {
				return nil, tooMuchData
			}
			list = append(list, i-1)
		}
	}
	return list, noError
}

// mostChannels bounds a list, which may name a channel more than once.
const mostChannels = 256

func channel(text string) (int, error) { return strconv.Atoi(strings.Trim(text, spaces)) }

package scpi

import (
	"fmt"
	"strconv"
	"strings"
)

// Entry is one entry of the error queue.
type Entry struct {
	Code int    // 0 = the queue is empty; negative numbers are SCPI's, positive ones the instrument's
	Text string // the standard's words, and behind a semicolon those of the instrument
}

func (e Entry) String() string { return fmt.Sprintf(`%d,"%s"`, e.Code, e.Text) }

// Detail is what the instrument adds to the standard's words, "" for nothing.
func (e Entry) Detail() string {
	_, detail, _ := strings.Cut(e.Text, ";")
	return detail
}

// meaning says what the program can say about the standard's error numbers
// (SCPI-1999 volume 2, 21.8).
func (e Entry) meaning() string {
	switch {
	case e.Code == -350:
		return "there were more errors than the instrument's queue holds"
	case e.Code == -321:
		return "the instrument's memory is full"
	case e.Code <= -100 && e.Code > -200:
		return "the instrument does not understand a command: its firmware is another one than the driver expects, or " +
			"bytes were lost"
	case e.Code <= -200 && e.Code > -240:
		return "the instrument understands a command and cannot carry it out as it stands"
	case e.Code == -240 || e.Code == -241:
		return "the instrument reports a fault of its hardware"
	case e.Code <= -400 && e.Code > -500:
		return "the instrument was asked again before its answer was read: host and instrument were out of step"
	}
	return ""
}

// parseEntry reads an answer to SYST:ERR?.
func parseEntry(text string) (Entry, error) {
	number, quoted, found := strings.Cut(text, ",")
	code, err := strconv.Atoi(number)
	if !found || err != nil || len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return Entry{}, fmt.Errorf("%w: %s is no entry of an error queue", ErrForm, Excerpt(text))
	}
	return Entry{Code: code, Text: strings.ReplaceAll(quoted[1:len(quoted)-1], `""`, `"`)}, nil
}

// QueueError is what an instrument had in its error queue, oldest first. It has
// at least one entry.
type QueueError struct {
	Entries []Entry
}

func (e *QueueError) Error() string {
	words := make([]string, len(e.Entries))
	for i, entry := range e.Entries {
		words[i] = entry.String()
	}
	text := "the instrument reports " + strings.Join(words, ", ")
	if m := e.Entries[0].meaning(); m != "" {
		text += " (" + m + ")"
	}
	return text
}

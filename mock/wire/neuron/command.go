package neuron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// command is one of the board's commands.
type command struct {
	pattern     string
	least, most int // parameters
	// do obeys. For an error it gives its code and what it is about, the line
	// itself when that is empty; the answer of a failed query is empty unless
	// there is something to answer all the same.
	do func(s *Server, p []string) (answer string, c code, detail string)
}

// unlimited parameters are bounded by the length of a line.
const unlimited = longestLine

var commands = []command{
	{"*IDN?", 0, 0, func(s *Server, _ []string) (string, code, string) {
		return fmt.Sprintf("XLAB,NEURON-%d-%d,%s,1.0", s.hidden, s.outputs, s.options.Serial), noError, ""
	}},
	{"*RST", 0, 0, func(s *Server, _ []string) (string, code, string) { s.reset(); return done() }},
	{"*CLS", 0, 0, func(s *Server, _ []string) (string, code, string) { s.errors = nil; return done() }},
	{"*OPC?", 0, 0, func(*Server, []string) (string, code, string) { return "1", noError, "" }},
	{"*ESE", 1, 1, func(s *Server, p []string) (string, code, string) { return set(&s.mark, p[0], 0, 255) }},
	{"*ESE?", 0, 0, func(s *Server, _ []string) (string, code, string) { return number(s.mark) }},
	{"SYSTem:ERRor?", 0, 0, func(s *Server, _ []string) (string, code, string) { return s.errors.pop(), noError, "" }},
	{"CONFigure:AVERage", 1, 1,
		func(s *Server, p []string) (string, code, string) { return set(&s.average, p[0], 1, 1024) }},
	{"CONFigure:AVERage?", 0, 0, func(s *Server, _ []string) (string, code, string) { return number(s.average) }},
	{"MEASure:VOLTage?", 0, 1,
		func(s *Server, p []string) (string, code, string) { return s.measure(p, s.hidden, s.outputs) }},
	{"MEASure:VOLTage:HIDden?", 0, 1,
		func(s *Server, p []string) (string, code, string) { return s.measure(p, 0, s.hidden) }},
	{"CALibration:OFFSet?", 0, 0, (*Server).trim},
	{"CALibration:OFFSet:CLEar", 0, 0, func(s *Server, _ []string) (string, code, string) { s.untrim(); return done() }},
	{"STATus:QUEStionable:CONDition?", 0, 0,
		func(s *Server, _ []string) (string, code, string) { return number(s.condition) }},
	{"BURSt:CLEar", 0, 0, func(s *Server, _ []string) (string, code, string) { clear(s.frames[:]); return done() }},
	{"BURSt:FRAMe", 2, unlimited, (*Server).store},
	{"BURSt:COUNt?", 0, 0, func(s *Server, _ []string) (string, code, string) { return number(s.stored()) }},
	{"BURSt:SETTle", 1, 1, func(s *Server, p []string) (string, code, string) { return set(&s.settle, p[0], 1, 10000) }},
	{"BURSt:SETTle?", 0, 0, func(s *Server, _ []string) (string, code, string) { return number(s.settle) }},
	{"BURSt:RUN?", 0, 1, (*Server).run},
}

func done() (string, code, string) { return "", noError, "" }

func number(n int) (string, code, string) { return strconv.Itoa(n), noError, "" }

func set(to *int, text string, least, most int) (string, code, string) {
	n, c := whole(text, least, most)
	if c == noError {
		*to = n
	}
	return "", c, ""
}

// obey finds the command of a message, checks the number of its parameters and
// obeys it.
func (s *Server) obey(m message) (answer string, c code, detail string) {
	if strings.Contains(m.line, ";") {
		return "", undefinedHeader, "" // one command per line
	}
	for i := range commands {
		k := &commands[i]
		if !means(m.header, k.pattern) {
			continue
		}
		switch {
		case len(m.parameters) < k.least || slices.Contains(m.parameters, ""):
			return "", missingParameter, ""
		case len(m.parameters) > k.most:
			return "", parameterNotAllowed, ""
		}
		return k.do(s, m.parameters)
	}
	return "", undefinedHeader, ""
}

package b1500

import (
	"bytes"
	"strconv"
)

const (
	mostPrograms = 2000
	mostCommands = 40000 // in all programs (K), and in one DO
	mostNesting  = 8     // programs that call programs
)

// programs is the program memory.
type programs struct {
	stored    map[int][]string
	commands  int // in all of them
	recording int // program that is being recorded, 0 = none
	depth     int // programs running inside each other
	budget    int // commands that a DO may still execute
}

// stopRecording ends recording without END.
func (m *programs) stopRecording() { m.recording = 0 }

// drop removes a program.
func (m *programs) drop(n int) {
	m.commands -= len(m.stored[n])
	delete(m.stored, n)
}

// startProgram is ST: what follows is stored until END. An older program of the
// same number is replaced.
func (a *Analyzer) startProgram(p []float64) fault {
	n, ok := choice(p[0], 1, mostPrograms)
	if !ok {
		return fault{code: parameterValue}
	}
	m := &a.programs
	if m.stored == nil {
		m.stored = map[int][]string{}
	}
	m.drop(n)
	m.stored[n] = nil
	m.recording = n
	return fault{}
}

// record takes one command into the program that is being recorded.
func (a *Analyzer) record(s *statement, direct bool, text []byte) fault {
	m := &a.programs
	switch string(s.header()) {
	case "END":
		m.recording = 0
		return fault{}
	case "ST":
		return fault{code: wrongST}
	}
	if direct {
		return fault{code: notInProgram}
	}
	if m.commands >= mostCommands {
		return fault{code: notInProgram}
	}
	m.stored[m.recording] = append(m.stored[m.recording], string(bytes.Trim(text, spaces)))
	m.commands++
	return fault{}
}

// do is DO: it runs stored programs one after the other.
func (a *Analyzer) do(p []float64) fault {
	m := &a.programs
	if m.depth == 0 {
		m.budget = mostCommands
	}
	if m.depth >= mostNesting {
		return fault{code: notInProgram}
	}
	for _, x := range p {
		n, ok := choice(x, 1, mostPrograms)
		if _, exists := m.stored[n]; !ok || !exists {
			return fault{code: parameterValue}
		}
	}
	m.depth++
	defer func() { m.depth-- }()
	for _, x := range p {
		for _, text := range m.stored[int(x)] {
			if m.budget == 0 {
				return fault{code: notInProgram}
			}
			m.budget--
			a.execute([]byte(text))
		}
	}
	return fault{}
}

// runPrograms is RU: first,last.
func (a *Analyzer) runPrograms(p []float64) fault {
	first, ok := choice(p[0], 1, mostPrograms)
	last, ok2 := choice(p[1], first, mostPrograms)
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	m := &a.programs
	m.budget = mostCommands
	m.depth++
	defer func() { m.depth-- }()
	for n := first; n <= last; n++ {
		if _, exists := m.stored[n]; exists {
			if f := a.do([]float64{float64(n)}); f.bad() {
				return f
			}
		}
	}
	return fault{}
}

// scratch is SCR: it removes one program or all.
func (a *Analyzer) scratch(p []float64) fault {
	if len(p) == 0 {
		a.programs = programs{}
		return fault{}
	}
	n, ok := choice(p[0], 1, mostPrograms)
	if !ok {
		return fault{code: parameterValue}
	}
	a.programs.drop(n)
	return fault{}
}

// listProgram is LST?: without a parameter how many programs there are and
// their numbers, with the number of a program its commands.
func (a *Analyzer) listProgram(p []float64) fault {
	m := &a.programs
	if len(p) == 0 {
		b := strconv.AppendInt(nil, int64(len(m.stored)), 10)
		for n := 1; n <= mostPrograms && len(m.stored) > 0; n++ {
			if _, exists := m.stored[n]; exists {
				b = append(b, ',')
				b = strconv.AppendInt(b, int64(n), 10)
			}
		}
		a.answers.answer(b)
		return fault{}
	}
	n, ok := choice(p[0], 1, mostPrograms)
	if _, exists := m.stored[n]; !ok || !exists {
		return fault{code: parameterValue}
	}
	first, count := 1, 3000
	if len(p) > 1 {
		first, ok = choice(p[1], 1, mostCommands)
	}
	if ok && len(p) > 2 {
		count, ok = choice(p[2], 0, 3000)
	}
	if !ok {
		return fault{code: parameterValue}
	}
	b := strconv.AppendInt([]byte("ST"), int64(n), 10)
	for i, text := range m.stored[n] {
		if i+1 >= first && i+1 < first+count {
			b = append(b, ';')
			b = append(b, text...)
		}
	}
	a.answers.answer(append(b, ";END"...))
	return fault{}
}

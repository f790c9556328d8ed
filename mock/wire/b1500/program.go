package b1500

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
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
func (a *Analyzer) startProgram(p *parameters) {
	n := p.choice(0, 1, mostPrograms)
	if p.bad() {
		return
	}
	m := &a.programs
	if m.stored == nil {
		m.stored = map[int][]string{}
	}
	m.drop(n)
	m.stored[n] = nil
	m.recording = n
}

// record takes one command into the program that is being recorded.
func (a *Analyzer) record(header string, direct bool, text []byte) fault {
	m := &a.programs
	switch {
	case header == "END":
		m.recording = 0
	case header == "ST":
		return fault{code: wrongST}
	case direct || m.commands >= mostCommands:
		return fault{code: notInProgram}
	default:
		m.stored[m.recording] = append(m.stored[m.recording], string(bytes.Trim(text, spaces)))
		m.commands++
	}
	return fault{}
}

// program reads the number of a stored program.
func (a *Analyzer) program(p *parameters, i int) int {
	n := p.choice(i, 1, mostPrograms)
	_, exists := a.programs.stored[n]
	p.check(exists, parameterValue)
	return n
}

// do is DO: it runs stored programs one after the other.
func (a *Analyzer) do(p *parameters) {
	m := &a.programs
	if m.depth == 0 {
		m.budget = mostCommands
	}
	p.check(m.depth < mostNesting, notInProgram)
	numbers := make([]int, len(p.values))
	for i := range numbers {
		numbers[i] = a.program(p, i)
	}
	if !p.bad() {
		p.fail(a.runStored(numbers))
	}
}

// runPrograms is RU: first,last.
func (a *Analyzer) runPrograms(p *parameters) {
	first := p.choice(0, 1, mostPrograms)
	last := p.choice(1, first, mostPrograms)
	if p.bad() {
		return
	}
	numbers := slices.Sorted(maps.Keys(a.programs.stored))
	a.programs.budget = mostCommands
	a.programs.depth++
	p.fail(a.runStored(slices.DeleteFunc(numbers, func(n int) bool { return n < first || n > last })))
	a.programs.depth--
}

// runStored runs stored programs one after the other, as far as the budget goes.
func (a *Analyzer) runStored(numbers []int) fault {
	m := &a.programs
	m.depth++
	defer func() { m.depth-- }()
	for _, n := range numbers {
		for _, text := range m.stored[n] {
			if m.budget == 0 {
				return fault{code: notInProgram}
			}
			m.budget--
			a.execute([]byte(text))
		}
	}
	return fault{}
}

// scratch is SCR: it removes one program or all.
func (a *Analyzer) scratch(p *parameters) {
	if !p.given(0) {
		a.programs = programs{}
	} else if n := p.choice(0, 1, mostPrograms); !p.bad() {
		a.programs.drop(n)
	}
}

// listProgram is LST?: without a parameter how many programs there are and
// their numbers, with the number of a program its commands.
func (a *Analyzer) listProgram(p *parameters) {
	stored := a.programs.stored
	if !p.given(0) {
		text := strconv.Itoa(len(stored))
		for _, n := range slices.Sorted(maps.Keys(stored)) {
			text += "," + strconv.Itoa(n)
		}
		a.answers.answer(text)
		return
	}
	n, first, count := a.program(p, 0), p.choiceOr(1, 1, mostCommands, 1), p.choiceOr(2, 0, 3000, 3000)
	if p.bad() {
		return
	}
	commands := stored[n][min(first-1, len(stored[n])):]
	parts := slices.Concat([]string{"ST" + strconv.Itoa(n)}, commands[:min(count, len(commands))], []string{"END"})
	a.answers.answer(strings.Join(parts, ";"))
}

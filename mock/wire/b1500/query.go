package b1500

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// identify is *IDN?.
func (a *Analyzer) identify(*parameters) { a.answers.answer(a.options.Identity) }

// queryUnits is UNT?: model and revision of ten slots.
func (a *Analyzer) queryUnits(*parameters) {
	var units []string
	for _, ch := range a.slots[1:] {
		unit := "0,0"
		if ch != nil {
			unit = ch.model + "," + ch.revision
		}
		units = append(units, unit)
	}
	a.answers.answer(strings.Join(units, ";"))
}

// queryError is ERRX?: the oldest error with its text, or its number alone with
// the parameter 1.
func (a *Analyzer) queryError(p *parameters) {
	mode := p.choice(0, 0, 1)
	if p.bad() {
		return
	}
	f := a.errors.pop()
	text := "+" + f.code.number()
	if mode == 0 {
		text += `,"` + f.text() + `"`
	}
	a.answers.answer(text)
}

// queryErrorCodes is ERR?: the four oldest numbers, or one with the parameter 1.
func (a *Analyzer) queryErrorCodes(p *parameters) {
	codes := make([]string, 4)
	if p.choice(0, 0, 1) == 1 {
		codes = codes[:1]
	}
	if p.bad() {
		return
	}
	for i := range codes {
		codes[i] = a.errors.pop().code.number()
	}
	a.answers.answer(strings.Join(codes, ","))
}

// queryErrorText is EMG?.
func (a *Analyzer) queryErrorText(p *parameters) {
	if n := p.choice(0, 0, 9999); !p.bad() {
		a.answers.answer(fault{code: errorCode(n)}.text())
	}
}

// queryStatus is *STB?.
func (a *Analyzer) queryStatus(*parameters) { a.answers.answer(strconv.Itoa(int(a.StatusByte()))) }

// setRequestEnable is *SRE.
func (a *Analyzer) setRequestEnable(p *parameters) {
	if n := p.choice(0, 0, 255); !p.bad() {
		a.requestEnable = byte(n)
	}
}

// queryRequestEnable is *SRE?.
func (a *Analyzer) queryRequestEnable(*parameters) {
	a.answers.answer(strconv.Itoa(int(a.requestEnable)))
}

// queryRecords is NUB?: how many records wait in the output data buffer.
func (a *Analyzer) queryRecords(*parameters) { a.answers.answer(strconv.Itoa(a.answers.records)) }

// queryZero is WZ?: 0 if all outputs are within 2 V of zero, 1 if not. Nothing
// changes while it waits, so a longer time-out gives the same answer later.
func (a *Analyzer) queryZero(p *parameters) {
	timeout := p.number(0, 0, 655.35)
	if p.bad() {
		return
	}
	result := "0"
	for _, ch := range a.channels {
		volts := math.Abs(ch.present.level)
		if ch.present.mode == current && ch.present.level != 0 {
			volts = ch.present.compliance
		}
		if ch.on && volts > 2 {
			result = "1"
		}
	}
	if result == "1" {
		a.elapse(timeout)
	}
	a.answers.answer(result)
}

// queryInterlockVolts is INTLKVTH?.
func (a *Analyzer) queryInterlockVolts(*parameters) {
	a.answers.answer(settingText(a.settings.interlockVolts))
}

// errorTexts are what ERRX? and EMG? say of the codes. Numbers beyond those listed
// in the package comment are recalled (K).
var errorTexts = map[errorCode]string{
	0:                  "No Error.",
	undefinedCommand:   "Undefined GPIB command.",
	numericSyntax:      "Incorrect numeric data syntax.",
	terminatorPosition: "Incorrect terminator position.",
	parameterValue:     "Incorrect parameter value.",
	channelNumber:      "Channel number must be 1 to 10.",
	channelCount:       "Number of channels must be corrected.",
	complianceValue:    "Compliance must be set correctly.",
	rangeValue:         "Incorrect range value for this channel.",
	samePolarity:       "Start and stop must be same polarity.",
	inputBufferFull:    "Command input buffer is full.",
	dataBufferFull:     "Output data buffer is full.",
	noModule:           "No module for the specified channel.",
	wrongST:            "Incorrect ST execution.",
	wrongEND:           "Incorrect END execution.",
	notInProgram:       "Incorrect command for program memory.",
	outputOff:          "Channel output switch must be ON.",
	complianceMissing:  "Compliance must be set.",
	interlockOpen:      "Interlock circuit must be closed.",
	nothingStored:      "DZ must be sent before RZ.",
	modeMissing:        "Send MM before measurement trigger.",
	sweepMissing:       "Send WV or WI to set primary sweep source.",
	pulseMissing:       "Send PV or PI to set pulse source.",
	pulseSweepMissing:  "Send PWV or PWI to set pulse sweep source.",
	timingMissing:      "Send PT to set pulse timing.",
	samplingMissing:    "Send MV or MI to set sampling source.",
}

// text is what ERRX? says of a fault: "Interlock ...; SLOT1".
func (f fault) text() string {
	text := cmp.Or(errorTexts[f.code], "Undefined error.")
	if f.slot > 0 {
		text += "; SLOT" + strconv.Itoa(f.slot)
	}
	return text
}

package b1500

import "strconv"

// code is the number of an error of the analyzer.
type code int

const (
	undefinedCommand   code = 100
	numericSyntax      code = 102
	terminatorPosition code = 103
	parameterValue     code = 120
	channelNumber      code = 121
	channelCount       code = 122
	complianceValue    code = 123
	rangeValue         code = 124
	samePolarity       code = 130
	inputBufferFull    code = 150
	dataBufferFull     code = 151
	noModule           code = 153
	wrongST            code = 160
	wrongEND           code = 161
	notInProgram       code = 162
	outputOff          code = 200
	complianceMissing  code = 201
	interlockOpen      code = 202
	nothingStored      code = 205
	modeMissing        code = 217
	sweepMissing       code = 220
	pulseMissing       code = 221
	pulseSweepMissing  code = 222
	timingMissing      code = 223
	samplingMissing    code = 224
)

// text is what ERRX? and EMG? say of a code. Numbers beyond those listed in the
// package comment are recalled (K).
func (c code) text() string {
	switch c {
	case 0:
		return "No Error."
	case undefinedCommand:
		return "Undefined GPIB command."
	case numericSyntax:
		return "Incorrect numeric data syntax."
	case terminatorPosition:
		return "Incorrect terminator position."
	case parameterValue:
		return "Incorrect parameter value."
	case channelNumber:
		return "Channel number must be 1 to 10."
	case channelCount:
		return "Number of channels must be corrected."
	case complianceValue:
		return "Compliance must be set correctly."
	case rangeValue:
		return "Incorrect range value for this channel."
	case samePolarity:
		return "Start and stop must be same polarity."
	case inputBufferFull:
		return "Command input buffer is full."
	case dataBufferFull:
		return "Output data buffer is full."
	case noModule:
		return "No module for the specified channel."
	case wrongST:
		return "Incorrect ST execution."
	case wrongEND:
		return "Incorrect END execution."
	case notInProgram:
		return "Incorrect command for program memory."
	case outputOff:
		return "Channel output switch must be ON."
	case complianceMissing:
		return "Compliance must be set."
	case interlockOpen:
		return "Interlock circuit must be closed."
	case nothingStored:
		return "DZ must be sent before RZ."
	case modeMissing:
		return "Send MM before measurement trigger."
	case sweepMissing:
		return "Send WV or WI to set primary sweep source."
	case pulseMissing:
		return "Send PV or PI to set pulse source."
	case pulseSweepMissing:
		return "Send PWV or PWI to set pulse sweep source."
	case timingMissing:
		return "Send PT to set pulse timing."
	case samplingMissing:
		return "Send MV or MI to set sampling source."
	}
	return "Undefined error."
}

// fault is how a command failed; the zero value says that it did not.
type fault struct {
	code code
	slot int // slot concerned, 0 = none
}

// bad tells whether there is a fault.
func (f fault) bad() bool { return f.code != 0 }

// queueLength is how many errors are kept; later ones are lost (K).
const queueLength = 30

// errorQueue holds errors in the order in which they came.
type errorQueue struct {
	entries []fault
	fresh   bool // an error came since the last serial poll or reading
}

func (q *errorQueue) push(f fault) {
	q.fresh = true
	if len(q.entries) < queueLength {
		q.entries = append(q.entries, f)
	}
}

// pop takes the oldest error out; the zero fault if there is none.
func (q *errorQueue) pop() fault {
	q.fresh = false
	if len(q.entries) == 0 {
		return fault{}
	}
	f := q.entries[0]
	n := copy(q.entries, q.entries[1:])
	q.entries = q.entries[:n]
	return f
}

// appendError writes a fault as ERRX? gives it: +202,"Interlock ...; SLOT1".
func appendError(b []byte, f fault) []byte {
	b = append(b, '+')
	b = strconv.AppendInt(b, int64(f.code), 10)
	b = append(b, ',', '"')
	b = append(b, f.code.text()...)
	if f.slot > 0 {
		b = append(b, "; SLOT"...)
		b = strconv.AppendInt(b, int64(f.slot), 10)
	}
	return append(b, '"')
}

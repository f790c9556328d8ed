package b1500

import (
	"slices"
	"strconv"
)

// errorCode is the number of an error of the analyzer.
type errorCode int

const (
	undefinedCommand   errorCode = 100
	numericSyntax      errorCode = 102
	terminatorPosition errorCode = 103
	parameterValue     errorCode = 120
	channelNumber      errorCode = 121
	channelCount       errorCode = 122
	complianceValue    errorCode = 123
	rangeValue         errorCode = 124
	samePolarity       errorCode = 130
	inputBufferFull    errorCode = 150
	dataBufferFull     errorCode = 151
	noModule           errorCode = 153
	wrongST            errorCode = 160
	wrongEND           errorCode = 161
	notInProgram       errorCode = 162
	outputOff          errorCode = 200
	complianceMissing  errorCode = 201
	interlockOpen      errorCode = 202
	nothingStored      errorCode = 205
	modeMissing        errorCode = 217
	sweepMissing       errorCode = 220
	pulseMissing       errorCode = 221
	pulseSweepMissing  errorCode = 222
	timingMissing      errorCode = 223
	samplingMissing    errorCode = 224
)

// number is the code as ERR? gives it.
func (c errorCode) number() string { return strconv.Itoa(int(c)) }

// fault is how a command failed; the zero value says that it did not.
type fault struct {
	code errorCode
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
	q.entries = slices.Delete(q.entries, 0, 1)
	return f
}

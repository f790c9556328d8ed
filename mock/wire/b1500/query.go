package b1500

import (
	"math"
	"strconv"

	"xlab/mock/bench"
)

// identify is *IDN?.
func (a *Analyzer) identify([]float64) fault {
	a.answers.answer([]byte(a.options.Identity))
	return fault{}
}

// queryUnits is UNT?: model and revision of ten slots.
func (a *Analyzer) queryUnits([]float64) fault {
	var b []byte
	for i, ch := range a.slots[1:] {
		if i > 0 {
			b = append(b, ';')
		}
		if ch == nil {
			b = append(b, "0,0"...)
			continue
		}
		b = append(b, ch.module.model...)
		b = append(b, ',')
		b = append(b, ch.revision...)
	}
	a.answers.answer(b)
	return fault{}
}

// queryError is ERRX?: the oldest error with its text, or its number alone with
// the parameter 1.
func (a *Analyzer) queryError(p []float64) fault {
	if len(p) > 0 {
		mode, ok := choice(p[0], 0, 1)
		if !ok {
			return fault{code: parameterValue}
		}
		if mode == 1 {
			a.answers.answer(strconv.AppendInt([]byte{'+'}, int64(a.errors.pop().code), 10))
			return fault{}
		}
	}
	a.answers.answer(appendError(nil, a.errors.pop()))
	return fault{}
}

// queryErrorCodes is ERR?: the four oldest numbers, or one with the parameter 1.
func (a *Analyzer) queryErrorCodes(p []float64) fault {
	n := 4
	if len(p) > 0 {
		mode, ok := choice(p[0], 0, 1)
		if !ok {
			return fault{code: parameterValue}
		}
		if mode == 1 {
			n = 1
		}
	}
	var b []byte
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(a.errors.pop().code), 10)
	}
	a.answers.answer(b)
	return fault{}
}

// queryErrorText is EMG?.
func (a *Analyzer) queryErrorText(p []float64) fault {
	n, ok := choice(p[0], 0, 9999)
	if !ok {
		return fault{code: parameterValue}
	}
	a.answers.answer([]byte(code(n).text()))
	return fault{}
}

// queryStatus is *STB?.
func (a *Analyzer) queryStatus([]float64) fault {
	a.answers.answer(strconv.AppendInt(nil, int64(a.StatusByte()), 10))
	return fault{}
}

// setRequestEnable is *SRE.
func (a *Analyzer) setRequestEnable(p []float64) fault {
	n, ok := choice(p[0], 0, 255)
	if !ok {
		return fault{code: parameterValue}
	}
	a.requestEnable = byte(n)
	return fault{}
}

// queryRequestEnable is *SRE?.
func (a *Analyzer) queryRequestEnable([]float64) fault {
	a.answers.answer(strconv.AppendInt(nil, int64(a.requestEnable), 10))
	return fault{}
}

// queryRecords is NUB?: how many records wait in the output data buffer.
func (a *Analyzer) queryRecords([]float64) fault {
	a.answers.answer(strconv.AppendInt(nil, int64(a.answers.records), 10))
	return fault{}
}

// queryZero is WZ?: 0 if all outputs are within 2 V of zero, 1 if not. Nothing
// changes while it waits, so a longer time-out gives the same answer later.
func (a *Analyzer) queryZero(p []float64) fault {
	if len(p) > 0 && !within(p[0], 0, 655.35) {
		return fault{code: parameterValue}
	}
	result := byte('0')
	for _, ch := range a.channels {
		volts := math.Abs(ch.present.level)
		if ch.present.mode == bench.ForceCurrent && ch.present.level != 0 {
			volts = ch.present.compliance
		}
		if ch.on && volts > 2 {
			result = '1'
		}
	}
	if result == '1' && len(p) > 0 {
		a.elapse(p[0])
	}
	a.answers.answer([]byte{result})
	return fault{}
}

// queryInterlockVolts is INTLKVTH?.
func (a *Analyzer) queryInterlockVolts([]float64) fault {
	a.answers.answer(appendPlain(nil, a.settings.interlockVolts))
	return fault{}
}

// appendPlain writes a number as *LRN? and other setting queries do: without
// spaces, a capital E where there is an exponent.
func appendPlain(b []byte, v float64) []byte {
	return strconv.AppendFloat(b, v, 'G', -1, 64)
}

package instrument

import (
	"math"
	"strconv"
)

// Decimal is the text of a number in tables that other programs read, in SI units
// and without a prefix: the shortest one at the resolution of instruments, empty
// where there is no value (NaN). Analyzers answer with seven digits, and a quotient
// of answers has one more; the rest of a float64 is what its arithmetic adds, as in
// 1.3254499999999999e-05. Numbers of 10 and more, such as times, have six digits
// behind the point.
func Decimal(x float64) string { return string(AppendDecimal(nil, x)) }

// AppendDecimal appends the text of Decimal.
func AppendDecimal(dst []byte, x float64) []byte {
	switch size := math.Abs(x); {
	case math.IsNaN(x):
		return dst
	case x == 0:
		return append(dst, '0')
	case size < 10:
		return strconv.AppendFloat(dst, x, 'g', 8, 64)
	case size < 1e9:
		return strconv.AppendFloat(dst, math.Round(x*1e6)/1e6, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, 64)
}

// Package population says what can be said of a set of measured values, and
// nothing more: there is no mean of nothing and no spread of one. What is not
// defined is NaN, as JSON null and as text "-".
package population

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// Number is a figure that may not be defined, such as the mean of no device.
type Number float64

// Undefined is what a Number of nothing is.
var Undefined = Number(math.NaN())

// Known tells whether there is such a figure.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Text writes the number, or "-".
func (n Number) Text(show func(x float64) string) string {
	if !n.Known() {
		return "-"
	}
	return show(float64(n))
}

// Format shows a number times scale, as in Format("%+.2f %%", 100) for a fraction.
func Format(format string, scale float64) func(x float64) string {
	return func(x float64) string { return fmt.Sprintf(format, x*scale) }
}

// MarshalJSON writes null for what is not defined.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Number) UnmarshalJSON(text []byte) error {
	var x *float64
	if err := json.Unmarshal(text, &x); err != nil {
		return err
	}
	*n = Undefined
	if x != nil {
		*n = Number(*x)
	}
	return nil
}

// Population describes a set of values in their unit.
type Population struct {
	N     int    `json:"n"`
	Mean  Number `json:"mean"`  // null of nothing
	Sigma Number `json:"sigma"` // sample standard deviation; null below two values
}

// Of describes the values that are numbers; NaN stands for "not measured".
func Of(values []float64) Population {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	p := Population{N: len(known), Mean: Undefined, Sigma: Undefined}
	switch len(known) {
	case 0:
	case 1:
		p.Mean = Number(known[0])
	default:
		p.Sigma = Number(stat.StdDev(known, nil))
		sum := 0.0
		for _, v := range known {
			sum += v
		}
		p.Mean = Number(sum / float64(len(known)))
	}
	return p
}

// Text writes mean, spread and number: "+1.2 %, sigma 0.3 % (5 devices)",
// "+1.2 % (1 device)", or "-".
func (p Population) Text(show func(x float64) string) string {
	switch {
	case p.N == 0:
		return "-"
	case !p.Sigma.Known():
		return p.Mean.Text(show) + " (" + Devices(p.N) + ")"
	}
	return p.Mean.Text(show) + ", sigma " + strings.TrimPrefix(p.Sigma.Text(show), "+") + " (" + Devices(p.N) + ")"
}

// Devices writes "1 device" or "3 devices".
func Devices(n int) string {
	if n == 1 {
		return "1 device"
	}
	return fmt.Sprintf("%d devices", n)
}

// Ends are the ends of an error bar of one standard deviation around the mean,
// NaN where there is no spread.
func (p Population) Ends() (low, high float64) {
	return float64(p.Mean - p.Sigma), float64(p.Mean + p.Sigma)
}

// Quantile is the value below which a part p of the values lies, interpolated
// between neighbours; undefined of nothing. It sorts the values.
func Quantile(values []float64, p float64) Number {
	if len(values) == 0 {
		return Undefined
	}
	slices.Sort(values)
	at := p * float64(len(values)-1)
	i := min(int(at), len(values)-1)
	j := min(i+1, len(values)-1)
	return Number(values[i] + (at-float64(i))*(values[j]-values[i]))
}

// Share are the ends of the interval of one standard deviation around a share of
// n that was counted, such as the patterns recognised (E. B. Wilson, 1927). Unlike
// the usual root it holds for all and for none of them. NaN for n = 0.
func Share(share float64, n int) (low, high float64) {
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	size := float64(n)
	middle := (share + 0.5/size) / (1 + 1/size)
	half := math.Sqrt(share*(1-share)/size+0.25/size/size) / (1 + 1/size)
	return min(share, max(0, middle-half)), max(share, min(1, middle+half))
}

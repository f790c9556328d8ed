package scpi

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// FuzzParse: whatever an instrument says, it is a value that was said or an
// error of the package's kinds.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"+1.234500E-01", "9.9E37", "-9.900000E+37", "9.91E37", "1,2,3", "0,\"No error\"",
		"-113,\"Undefined header;A\"\"B\"",
		"XLAB,NEURON-10-4,NB-1,1.0", "0x10", "1_0", "inf", "", ",", "\"", "1e400"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Number(text)
		switch {
		case err == nil && (math.IsNaN(x) || math.IsInf(x, 0) || math.Abs(x) >= 9.9e37):
			t.Errorf("%q is read as %g", text, x)
		case err == nil && strings.ContainsAny(strings.ToLower(text), "xnp_\""):
			t.Errorf("%q is read as %g", text, x)
		case err != nil && !errors.Is(err, ErrOverRange) && !errors.Is(err, ErrNoValue) && !errors.Is(err, ErrForm):
			t.Errorf("%q: %v is of no known kind", text, err)
		}
		if list, err := Numbers(text, 3); err == nil && (len(list) != 3 || strings.Count(text, ",") != 2) {
			t.Errorf("%q is read as %v", text, list)
		}
		if id, err := ParseIdentity(text); err == nil && (id.Vendor == "" || strings.Count(text, ",") < 3) {
			t.Errorf("%q is read as %+v", text, id)
		}
		if n, err := Integer(text); err == nil && strings.ContainsAny(text, ".,\"") {
			t.Errorf("%q is read as %d", text, n)
		}
	})
}

// FuzzAnswers plays an instrument that says anything in place of one answer. The
// conversation ends with that or with an error, and the one after it gets its own
// answer and no earlier one.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"17\r\n", "17\r\n0,\"No error\"\r\n", "", "\n", "17", "\x00\xff\n", "0,\"No error\"\n",
		"Example,SM1,4711,1.0\r\n17\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		i, p := opened(t, Options{})
		p.see(func() { p.said = &said })
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		answers, err := i.Converse(ctx, 0, 0, "VALUE?")
		cancel()
		if err == nil && (len(answers) != 1 || !strings.Contains(said, answers[0])) {
			t.Fatalf("%q was taken for the answers %q", said, answers)
		}
		for range 3 {
			got, err := i.Converse(t.Context(), 0, 0, "VALUE?")
			var want string
			p.see(func() { want = p.last })
			if err == nil && got[0] != want && strings.Count(said, "\n") <= 1 {
				t.Fatalf("after %q the instrument said %s and %q was understood", said, want, got)
			}
		}
	})
}

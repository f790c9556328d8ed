package b1500

import (
	"context"
	"testing"
	"time"

	"xlab/driver/flex"
	"xlab/instrument"
)

// canned answers at once, by what was asked for.
type canned struct{ readings [][]byte }

func (c *canned) Converse(_ context.Context, _ time.Duration, parts ...flex.Part) ([][]byte, error) {
	var out [][]byte
	for i, p := range parts {
		switch {
		case !p.Reply:
		case p.Command == "*IDN?":
			out = append(out, []byte("Agilent Technologies,B1500A,0,A.06"))
		case p.Command == "UNT?":
			out = append(out, []byte("B1517A,0;B1517A,0;B1517A,0;B1517A,0"))
		case p.Command == "ERRX?":
			out = append(out, []byte(`+0,"No Error."`))
		default:
			out = append(out, c.readings[i])
		}
	}
	return out, nil
}

func (*canned) StatusByte(context.Context) (byte, error) { return flex.StatusSetReady, nil }
func (*canned) Clear(context.Context) error              { return nil }
func (*canned) AwaitReady(context.Context, byte, time.Duration) error {
	return nil
}

// BenchmarkPulseThenRead is the driver's own share of a write with its
// verifying read: checking, encoding and reading the answers.
func BenchmarkPulseThenRead(b *testing.B) {
	d := New(&canned{[][]byte{[]byte("000AI+24.00000E-06"), []byte("000BI-4.000000E-06")}},
		Options{Limits: lab, Channels: fourChannels})
	if err := d.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	pulse := instrument.Pulse{Drives: strong(drives(0.6, -0.6, 0, 0)), Width: 500e-6, Measure: channels(1), Range: 100e-6}
	read := verify(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Run(b.Context(), pulse, read); err != nil {
			b.Fatal(err)
		}
	}
}

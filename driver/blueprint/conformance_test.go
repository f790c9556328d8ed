package blueprint

import (
	"testing"

	"xlab/instrument"
	"xlab/instrument/instrumenttest"
)

// Each capability has its suite. The fixtures give the suites eyes on the far
// side of the wire, where what counts can be seen.

func TestSequencer(t *testing.T) {
	instrumenttest.TestSequencer(t, instrumenttest.SequencerFixture{
		Open: func(t *testing.T, l instrument.Limits) instrumenttest.Source {
			d, p := open(t, l)
			return instrumenttest.Source{
				Sequencer: d, Safer: d, Sent: p.bytes,
				Levels: func() map[instrument.Channel]instrument.Volts {
					levels := map[instrument.Channel]instrument.Volts{}
					p.see(func() {
						for ch := 1; ch <= channels; ch++ {
							levels[instrument.Channel(ch)] = instrument.Volts(p.volts[ch])
						}
					})
					return levels
				},
				Stall: func() func() {
					p.stall()
					return p.release
				},
			}
		},
		Limits: limits, Channels: []instrument.Channel{1, 2, 3, 4}, Level: 0.5, Tolerance: 1e-6,
		Current: func(volts map[instrument.Channel]instrument.Volts, ch instrument.Channel) instrument.Amps {
			return instrument.Amps(volts[ch]) / 50e3
		},
		Width: 0.5e-3, Aperture: 20e-3, NoSweeps: true,
	})
}

func TestSafer(t *testing.T) {
	instrumenttest.TestSafer(t, instrumenttest.SaferFixture{Open: func(t *testing.T) instrumenttest.Safed {
		p, link := newPeer(t)
		d := New(link, Options{Limits: limits})
		return instrumenttest.Safed{
			Safer: d,
			Disturb: func(t *testing.T) {
				if err := d.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			IsSafe: func() (safe bool) {
				p.see(func() { safe = !p.on && p.volts == [5]float64{} })
				return safe
			},
		}
	}})
}

func TestIdentifier(t *testing.T) {
	instrumenttest.TestIdentifier(t, instrumenttest.IdentifierFixture{Model: "SM1",
		Open: func(t *testing.T) instrument.Identifier {
			_, link := newPeer(t)
			return New(link, Options{})
		}})
}

func TestClock(t *testing.T) {
	instrumenttest.TestClock(t, instrumenttest.ClockFixture{Resolution: 1e-6,
		Open: func(t *testing.T) instrumenttest.Timed {
			d, p := open(t, limits)
			return instrumenttest.Timed{Clock: d, Advance: func(t *testing.T, by instrument.Seconds) {
				p.see(func() { p.seconds += float64(by) })
			}}
		}})
}

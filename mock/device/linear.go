package device

import (
	"encoding/json"
	"fmt"
)

// linearMemristor is the linearised memristor of Soudry et al., IEEE TNNLS 26(10) 2015: i = G v with G = g0 + g1 s
// and ds/dt = v. It has no threshold, so every voltage moves it, a read as well; no forming and no
// over-stress. G is held between g0 and a maximum.
type linearMemristor struct {
	c     *LinearMemristorConstants
	noise *noise
	g1    []float64
	g     []float64 // S
}

func newLinearMemristor(p population) model {
	n := p.rows * p.cols
	m := &linearMemristor{c: p.technology.LinearMemristor, noise: p.noise, g1: make([]float64, n), g: make([]float64, n)}
	gain := newDraws(p.seed, purposeLinearGain, 0)
	for k := range m.g {
		m.g1[k] = gain.lognormal(k, m.c.G1, m.c.G1SigmaLn, m.c.ClipSigma)
		m.set(k, m.c.Start)
	}
	return m
}

func (m *linearMemristor) set(k int, g float64) {
	m.g[k] = max(m.c.G0, min(m.c.Max, g))
	m.noise.setConductance(k, m.g[k])
}

func (m *linearMemristor) currents(v, i, g []float64) {
	for k, vk := range v {
		i[k], g[k] = m.g[k]*vk, m.g[k]
	}
}

func (m *linearMemristor) conductance(k int, _ float64) float64 { return m.g[k] }

func (m *linearMemristor) pulse(v, _ []float64, seconds, _ float64, _ uint64) (int, float64, float64) {
	for k, vk := range v {
		if vk != 0 {
			m.set(k, m.g[k]+m.g1[k]*vk*seconds)
		}
	}
	return -1, seconds, 0
}

func (m *linearMemristor) idle(float64) {}

func (m *linearMemristor) temperature() float64 { return m.c.Temperature }

func (m *linearMemristor) setTemperature(celsius float64) error {
	if celsius != m.c.Temperature {
		return fmt.Errorf("the linear memristor has no law of temperature: it is at %v degrees Celsius and cannot be set "+
			"to %v",
			m.c.Temperature, celsius)
	}
	return nil
}

func (m *linearMemristor) condition(int) Condition { return Formed }

func (m *linearMemristor) origin(int) Origin { return Normal }

func (m *linearMemristor) state(k int) float64 { return m.g[k] }

type linearState struct {
	G []float64 `json:"g_s"`
}

func (m *linearMemristor) save() (json.RawMessage, error) { return json.Marshal(linearState{m.g}) }

func (m *linearMemristor) restore(text json.RawMessage) error {
	var s linearState
	if err := unmarshalStrict(text, &s); err != nil {
		return err
	}
	if err := sameLength(len(m.g), map[string]int{"g_s": len(s.G)}); err != nil {
		return err
	}
	for k, g := range s.G {
		m.set(k, g)
	}
	return nil
}

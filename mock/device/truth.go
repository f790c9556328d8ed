package device

// Cell is the place of a device as [row, col], counted from zero.
type Cell [2]int

// Truth is what the simulated chip really is: what an experiment can only infer. It is for tests and for people
// who look at the simulated bench from outside.
//
// Every device is in exactly one of Pristine, Formed, Stuck, Destroyed (what it is now) and in at most one of
// Unformable and Preformed (what it was made as; this does not change, also when it is destroyed). All
// lists are in row-major order and never nil.
type Truth struct {
	Rows int    `json:"rows"`
	Cols int    `json:"cols"`
	Seed uint64 `json:"seed"`

	Unformable []Cell `json:"unformable"`
	Preformed  []Cell `json:"preformed"`

	Pristine  []Cell `json:"pristine"`
	Formed    []Cell `json:"formed"`
	Stuck     []Cell `json:"stuck"`
	Destroyed []Cell `json:"destroyed"`

	// Conductance is the noise-free conductance (S) at 0.1 V, row-major.
	Conductance []float64 `json:"conductance_s"`
	// State is the internal state G0 (S) of formed and stuck devices, zero for others, row-major.
	State []float64 `json:"state_s"`
}

// truthVoltage is where Truth reads conductances: the voltage at which forming is judged.
const truthVoltage = 0.1

// Truth returns the ground truth of the present moment.
func (a *Array) Truth() Truth {
	t := Truth{
		Rows: a.rows, Cols: a.cols, Seed: a.seed,
		Unformable: []Cell{}, Preformed: []Cell{},
		Pristine: []Cell{}, Formed: []Cell{}, Stuck: []Cell{}, Destroyed: []Cell{},
		Conductance: make([]float64, a.Len()), State: make([]float64, a.Len()),
	}
	made := [...]*[]Cell{Normal: nil, Preformed: &t.Preformed, Unformable: &t.Unformable}
	is := [...]*[]Cell{Pristine: &t.Pristine, Formed: &t.Formed, Stuck: &t.Stuck, Shorted: &t.Destroyed,
		Open: &t.Destroyed}
	for k := range a.Len() {
		cell := Cell{k / a.cols, k % a.cols}
		if of := made[a.model.origin(k)]; of != nil {
			*of = append(*of, cell)
		}
		of := is[a.model.condition(k)]
		*of = append(*of, cell)
		t.Conductance[k] = a.model.conductance(k, truthVoltage)
		t.State[k] = a.model.state(k)
	}
	return t
}

// Condition returns what device k is now.
func (a *Array) Condition(k int) Condition { return a.model.condition(k) }

// Origin returns what device k left the fabrication as.
func (a *Array) Origin(k int) Origin { return a.model.origin(k) }

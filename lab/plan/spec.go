package plan

import (
	"fmt"

	"xlab/lab/procedure"
	"xlab/run"
)

// Spec is what a plan's run keeps: the plan, and what held for all of it.
type Spec struct {
	Plan   *Plan    `json:"plan"`
	Config string   `json:"config,omitempty"` // --config, absolute
	Set    []string `json:"set,omitempty"`    // --set, but where people are told: that is not kept
}

// specOf reads the plan out of its run's header.
func specOf(h *run.Header) (Spec, error) {
	spec, err := procedure.SpecOf[Spec](h)
	if err == nil && spec.Plan == nil {
		err = run.Usage(fmt.Errorf("run %s holds no plan", h.ID))
	}
	return spec, err
}

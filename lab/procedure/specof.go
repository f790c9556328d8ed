package procedure

import (
	"encoding/json"
	"fmt"

	"xlab/run"
)

// SpecOf reads a run's specification back into what the command wrote.
func SpecOf[T any](h *run.Header) (spec T, err error) {
	text, ok := h.Spec.(json.RawMessage)
	if !ok {
		return spec, fmt.Errorf("the specification of run %s is missing", h.ID)
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		return spec, run.Usage(fmt.Errorf("the specification of run %s cannot be understood: %w; the program that wrote "+
			"it can go on with it", h.ID, err))
	}
	return spec, nil
}

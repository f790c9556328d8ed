package study

import (
	"context"
	"encoding/json"
	"fmt"

	"xlab/characterize"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/study/shard"
)

// thresholdSettings are what a study of thresholds depends on.
type thresholdSettings struct {
	Array string `json:"array"`
	Spec  any    `json:"spec"`
}

// Thresholds is the study that does a measurement of thresholds on the chips and puts
// their devices together.
func Thresholds(l *lab.Lab, j *procedure.Measurement) (*Study, error) {
	w, err := l.Wiring(j.Arrays()[0])
	if err != nil {
		return nil, err
	}
	return &Study{Name: "thresholds", lab: l, arrays: j.Arrays(), settings: thresholdSettings{w.Array, j.Spec()},
		Parts: []Part{{"thresholds", func(ctx context.Context, c *Chip) (any, error) {
			onChip := j.Knowing(c.Only())
			if err := c.Do(ctx, onChip); err != nil {
				return nil, fmt.Errorf("chip %d: %w", c.Seed, err)
			}
			return onChip.Result.Measured, nil
		}}}}, nil
}

func thresholdTable(settings json.RawMessage, chips []shard.Chip) (Found, error) {
	var s thresholdSettings
	if err := json.Unmarshal(settings, &s); err != nil {
		return nil, err
	}
	list, err := results[*characterize.Thresholds](chips, 0)
	if err != nil {
		return nil, err
	}
	measured := make(map[uint64]*characterize.Thresholds)
	for i, c := range chips {
		measured[c.Seed] = list[i]
	}
	result := procedure.ResultOf("thresholds", characterize.Pool(measured))
	result.Array = s.Array
	return &result, nil
}

package study

import (
	"context"
	"fmt"
	"sync"

	"xlab/characterize"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
)

// Thresholds does a measurement of thresholds on chips with these seeds and puts the
// devices together. They are nil after a dry run.
func Thresholds(ctx context.Context, l *lab.Lab, seeds []uint64, j *procedure.Measurement,
	dryRun bool) (*characterize.Thresholds, *run.Batch, error) {
	measured := make(map[uint64]*characterize.Thresholds)
	var mu sync.Mutex
	batch, err := Over(ctx, l, seeds, j.Arrays(), []Part{{"thresholds", func(ctx context.Context, c *Chip) error {
		onChip := j.Knowing(c.Only())
		if err := c.Do(ctx, onChip); err != nil {
			return fmt.Errorf("chip %d: %w", c.Seed, err)
		}
		mu.Lock()
		defer mu.Unlock()
		measured[c.Seed], _ = onChip.Result.Measured.(*characterize.Thresholds)
		return nil
	}}}, dryRun)
	if err != nil || dryRun {
		return nil, batch, err
	}
	return characterize.Pool(measured), batch, nil
}

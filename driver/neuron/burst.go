package neuron

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"xlab/driver/scpi"
	"xlab/instrument"
)

// frameByte is how long one byte of a frame takes at the pattern port, sent
// twice, at 100 kHz: slower than any port that is in use.
const frameByte = 2 * 80 * time.Microsecond

// Burst sends frames through the pattern port and reads the neurons after each;
// see instrument.Burster. More frames than the memory of 1024 holds are sent in
// parts. It blocks until the last part is done.
func (b *Board) Burst(ctx context.Context, frames [][]byte, hidden bool) ([][]instrument.Volts, error) {
	const op = "burst"
	if err := checkFrames(frames); err != nil {
		return nil, b.failed(op, "", instrument.KindUsage, err, "nothing was sent")
	}
	if err := b.begin(ctx, op); err != nil {
		return nil, err
	}
	defer b.give()
	g := b.outputs()
	if hidden {
		g = b.hidden()
	}
	rows := make([][]instrument.Volts, 0, len(frames))
	for first := 0; first < len(frames); first += maxFrames {
		part := frames[first:min(first+maxFrames, len(frames))]
		if err := b.store(ctx, op, part); err != nil {
			return rows, err
		}
		done, err := b.run(ctx, op, g, part)
		rows = append(rows, done...)
		if err == nil {
			err = b.kept(ctx, op)
		}
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func checkFrames(frames [][]byte) error {
	for i, f := range frames {
		switch {
		case len(f) == 0:
			return fmt.Errorf("frame %d is empty", i)
		case len(f) != len(frames[0]):
			return fmt.Errorf("frame %d has %d bytes and frame 0 has %d: frames for one chain are equally long", i,
				len(f), len(frames[0]))
		case len(f) > maxLine/4:
			return fmt.Errorf("a frame of %d bytes does not fit a line to the board, which has %d characters", len(f), maxLine)
		}
	}
	return nil
}

// store fills the pattern memory and checks that everything has arrived: a
// frame that is not the one meant could join two buses, so nothing is run
// before.
func (b *Board) store(ctx context.Context, op string, frames [][]byte) error {
	messages := append([]string{"BURS:CLE"}, upload(frames)...)
	answers, err := b.box.Converse(ctx, time.Second, 0, append(messages, "BURS:COUN?")...)
	if err != nil {
		return b.explain(op, err)
	}
	stored, err := scpi.Integer(answers[0])
	if err != nil {
		return b.box.OutOfStep(ctx, err)
	}
	if stored != len(frames) {
		return b.failed(op, "", instrument.KindInstrument, fmt.Errorf("the board has stored %d frames of %d", stored,
			len(frames)),
			"bytes were lost on the way; check the cable. Nothing was run")
	}
	return nil
}

// upload puts frames into as few lines as the board's line length allows.
func upload(frames [][]byte) []string {
	var lines []string
	var line strings.Builder
	for i, f := range frames {
		if line.Len()+1+2*len(f)+1 > maxLine { // comma, frame, line end
			lines = append(lines, line.String())
			line.Reset()
		}
		if line.Len() == 0 {
			line.WriteString("BURS:FRAM " + strconv.Itoa(i+1))
		}
		line.WriteByte(',')
		line.WriteString(hex.EncodeToString(f))
	}
	return append(lines, line.String())
}

// run has the stored frames sent and reads the answer. Rows of a burst that
// ended early are returned with the error.
func (b *Board) run(ctx context.Context, op string, g group, frames [][]byte) ([][]instrument.Volts, error) {
	settle, err := b.settle()
	if err != nil {
		return nil, b.failed(op, "", instrument.KindUsage, err, "")
	}
	query := "BURS:RUN?"
	if g.letter == "H" {
		query += " HID"
	}
	each := time.Duration(len(frames[0]))*frameByte + time.Duration(settle)*time.Microsecond + b.conversion(g.count)
	answers, queue := b.box.Converse(ctx, time.Duration(len(frames))*each, len(frames)*g.count*valueLength,
		b.average(), "BURS:SETT "+strconv.Itoa(settle), query, conditionQuery)
	if queue != nil {
		queue = b.explain(op, queue)
	}
	if len(answers) != 2 {
		return nil, queue
	}
	var rows [][]instrument.Volts
	if answers[0] != "" {
		for _, text := range strings.Split(answers[0], ";") {
			row, err := b.values(ctx, op, g, text)
			if err != nil {
				return rows, errors.Join(queue, fmt.Errorf("pattern %d: %w", len(rows), err))
			}
			rows = append(rows, row)
		}
	}
	if queue != nil {
		return rows, queue
	}
	if err := b.condition(ctx, op, g, answers[1]); err != nil {
		return rows, err
	}
	if len(rows) != len(frames) {
		return nil, b.box.OutOfStep(ctx, fmt.Errorf("%w: %d patterns were answered, %d were sent", scpi.ErrForm, len(rows),
			len(frames)))
	}
	return rows, nil
}

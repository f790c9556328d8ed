package adg1438_test

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/spi"
)

// board is a small model of the chips for these tests: whole bytes only, the
// registers as a queue whose head is the last chip.
type board struct {
	queue  []byte   // head = last chip, as on the wire
	sent   [][]byte // every frame
	duplex conn.Duplex
	most   int // MaxTxSize, 0 = no limit
	broken int // wire behind this chip is open, 0 = MOSI; -1 = none
	level  byte
	wrong  func(miso []byte) // what the way back does to the answer
	fail   []error           // errors of the next transfers, nil = none
}

func newBoard(chips int) *board {
	return &board{queue: make([]byte, chips), duplex: conn.Full, broken: -1}
}

// closed is what every chip's switches do, chip 1 first.
func (b *board) closed() []byte {
	out := make([]byte, len(b.queue))
	for i, x := range b.queue {
		out[len(out)-1-i] = x
	}
	return out
}

func (b *board) Tx(w, r []byte) error {
	if len(b.fail) > 0 {
		err := b.fail[0]
		b.fail = b.fail[1:]
		if err != nil {
			return err
		}
	}
	if len(w) != len(r) {
		return fmt.Errorf("board: %d bytes out, %d in", len(w), len(r))
	}
	b.sent = append(b.sent, append([]byte(nil), w...))
	n := len(b.queue)
	for i, x := range w {
		switch {
		case b.broken < 0:
			r[i] = b.queue[0]
			b.queue = append(b.queue[1:], x)
		case b.broken == n: // MISO
			r[i] = b.level
			b.queue = append(b.queue[1:], x)
		default: // the chips before the break are the queue's tail
			r[i] = b.queue[0]
			head := append(append([]byte(nil), b.queue[1:n-b.broken]...), b.level)
			tail := append([]byte(nil), b.queue[n-b.broken:]...)
			if len(tail) > 0 {
				tail = append(tail[1:], x)
			}
			b.queue = append(head, tail...)
		}
	}
	if b.wrong != nil {
		b.wrong(r)
	}
	return nil
}

func (b *board) TxPackets([]spi.Packet) error { return errors.New("board: no packets") }
func (b *board) Duplex() conn.Duplex          { return b.duplex }
func (b *board) String() string               { return "board" }
func (b *board) MaxTxSize() int               { return b.most }

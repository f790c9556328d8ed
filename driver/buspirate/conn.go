package buspirate

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/spi"

	"xlab/instrument"
)

// maxTx is the most bytes of one Tx. The box itself has no limit; the answers
// wait in the operating system while the request is being written, and its
// buffers have 4096 bytes (Linux tty).
const maxTx = 2048

// bulk is the most data bytes of one bulk command.
const bulk = 16

// Conn is the connection to the device on the box's pins.
type Conn struct{ p *Port }

var (
	_ spi.Conn    = (*Conn)(nil)
	_ conn.Limits = (*Conn)(nil)
)

func (c *Conn) String() string { return c.p.String() }

// Duplex is full: a byte is read while a byte is sent.
func (c *Conn) Duplex() conn.Duplex { return conn.Full }

// MaxTxSize is the most bytes of one Tx or of all packets of one TxPackets.
func (c *Conn) MaxTxSize() int { return maxTx }

// KeepsCS tells that KeepCS of a packet is obeyed, also by the last one.
func (c *Conn) KeepsCS() bool { return true }

// Restart makes the next transfer set the box up anew, from the terminal or
// wherever it is. The device uses it when what it reads cannot be: the box
// acknowledges a setting that was changed on its way like the right one. CS
// goes high in between.
func (c *Conn) Restart() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.ready = false
}

// Tx takes CS low, sends w while it reads r, and takes CS high, in one
// exchange with the box. w and r have the same length, or one of them is
// empty: without w zeros are sent, without r what comes is dropped. After an
// error nothing is known of what the device received.
func (c *Conn) Tx(w, r []byte) error {
	return c.p.transfer([]spi.Packet{{W: w, R: r}})
}

// TxPackets does several transfers in one exchange. CS goes high after each
// packet unless its KeepCS is set; it then stays low, after the last packet
// until the next Tx.
func (c *Conn) TxPackets(packets []spi.Packet) error { return c.p.transfer(packets) }

// span is what one command and its data contribute to the answer.
type span struct {
	what  string // the command whose answer byte comes first
	data  int    // data bytes after it
	read  []byte // where they go, nil = nowhere
	first int    // place in the answer
}

// transfer writes all packets as one request and takes the answer apart.
func (p *Port) transfer(packets []spi.Packet) error {
	const op = "buspirate transfer"
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.fail(op, instrument.KindUsage, errClosed, "")
	}
	if err := p.allowed(op, packets); err != nil {
		return err
	}
	if l, ok := p.link.(interface{ Pending() int }); ok && p.ready {
		if n := l.Pending(); n > 0 {
			p.log.Warn("bytes were waiting that nobody had asked for", "port", p.String(), "bytes", n)
			p.ready = false
		}
	}
	if !p.ready {
		p.log.Warn("starting the Bus Pirate anew", "port", p.String())
		if err := p.enter(op); err != nil {
			return err
		}
	}
	spans, selected := p.encode(packets)
	// A request ends with the question which mode this is. Its answer is the
	// only one of its kind, so a byte too many or too few anywhere before it
	// cannot hide. Until all has been checked the box may be anywhere.
	p.out = append(p.out, toSPI)
	p.ready = false
	if err := p.exchange(op, len(p.out)+len(spiName)-1); err != nil {
		return err
	}
	for _, s := range spans {
		if p.in[s.first] != done {
			return p.fail(op, instrument.KindProtocol,
				fmt.Errorf("answer byte %d of %d, to %s, is 0x%02x instead of 0x%02x", s.first+1, len(p.in), s.what, p.in[s.first],
					done),
				"a byte was lost or changed on the serial line; the next transfer starts the box anew")
		}
		if s.read != nil {
			copy(s.read, p.in[s.first+1:s.first+1+s.data])
		}
	}
	if end := p.in[len(p.out)-1:]; string(end) != spiName {
		return p.fail(op, instrument.KindProtocol,
			fmt.Errorf("the answer ends with %q instead of %q", end, spiName),
			"a byte was lost, doubled or changed on the serial line; the next transfer starts the box anew")
	}
	p.ready, p.selected = true, selected
	return nil
}

// allowed refuses what the box cannot do before a byte is sent.
func (p *Port) allowed(op string, packets []spi.Packet) error {
	total := 0
	for i, k := range packets {
		if len(k.W) != 0 && len(k.R) != 0 && len(k.W) != len(k.R) {
			return p.fail(op, instrument.KindUsage, fmt.Errorf("packet %d sends %d bytes and reads %d", i, len(k.W), len(k.R)),
				"SPI reads as many bytes as it sends")
		}
		if k.BitsPerWord != 0 && k.BitsPerWord != 8 {
			return p.fail(op, instrument.KindUsage, fmt.Errorf("packet %d has words of %d bits", i, k.BitsPerWord),
				"the box has words of 8 bits")
		}
		total += max(len(k.W), len(k.R))
	}
	if total == 0 {
		return p.fail(op, instrument.KindUsage, errors.New("no bytes to transfer"),
			"a chip select without a clock would latch what the device holds")
	}
	if total > maxTx {
		return p.fail(op, instrument.KindUsage, fmt.Errorf("%d bytes in one transfer, at most %d are possible", total, maxTx),
			"")
	}
	return nil
}

// encode fills p.out with the request and tells what the answer consists of.
func (p *Port) encode(packets []spi.Packet) (spans []span, selected bool) {
	p.out = p.out[:0]
	selected = p.selected
	command := func(b byte, what string) {
		spans = append(spans, span{what: what, first: len(p.out)})
		p.out = append(p.out, b)
	}
	for _, k := range packets {
		if !selected {
			command(csLow, "chip select low")
			selected = true
		}
		size := max(len(k.W), len(k.R))
		for at := 0; at < size; at += bulk {
			n := min(bulk, size-at)
			command(bulkWrite|byte(n-1), "a bulk transfer")
			s := &spans[len(spans)-1]
			s.data = n
			if len(k.R) > 0 {
				s.read = k.R[at : at+n]
			}
			if len(k.W) > 0 {
				p.out = append(p.out, k.W[at:at+n]...)
			} else {
				p.out = append(p.out, make([]byte, n)...)
			}
		}
		if !k.KeepCS {
			// Twice, because one changed bit makes it the command for low,
			// with the same answer, and the device would not follow.
			command(csHigh, "chip select high")
			command(csHigh, "chip select high")
			selected = false
		}
	}
	return spans, selected
}

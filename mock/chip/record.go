package chip

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"

	"xlab/mock/device"
)

// The record of a chip's acts is a file beside the chip's: a header with the
// checksum of the file that the acts go on from, and then frames with the acts
// in order. It is written in place and not cut: behind the last frame there may
// be frames of an earlier use. A frame's checksum holds over the header and the
// frame's number as well, so that none but the next frame of this use passes.
//
// A frame is its length (4 bytes), its checksum (4), and any number of acts:
// array, kind, value, capacitance, bench time, and the voltages of all devices
// and, where the array did not find them itself, the currents. Numbers are
// little endian.

// checksum names the contents of a chip file.
type checksum [sha256.Size]byte

func checksumOf(text []byte) checksum { return sha256.Sum256(text) }

const (
	recordMagic = "xlab acts 1\n"
	headerSize  = len(recordMagic) + sha256.Size + 4
	frameHead   = 8
	actSize     = 2 + 3*8
)

func recordPath(path string) string { return path + ".acts" }

// header begins a record that goes on from the file of a checksum.
func header(of checksum) []byte {
	b := append([]byte(recordMagic), of[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendAct writes an act on the array of the given place among the names.
func appendAct(b []byte, array int, act device.Act, now float64) []byte {
	b = append(b, byte(array), byte(act.Kind))
	for _, x := range [...]float64{act.Value, act.Farads, now} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	for i := range lists(act.Kind) {
		list := act.Volts
		if i == 1 {
			list = act.Amps
		}
		at := len(b)
		b = slices.Grow(b, 8*len(list))[:at+8*len(list)]
		for k, x := range list {
			binary.LittleEndian.PutUint64(b[at+8*k:], math.Float64bits(x))
		}
	}
	return b
}

// lists is how many numbers for each device an act of a kind has.
func lists(kind device.ActKind) int {
	switch kind {
	case device.ActStress:
		return 2
	case device.ActBias:
		return 1
	}
	return 0
}

// seal completes a frame, whose first bytes are free for its head.
func seal(frame []byte, of checksum, number uint64) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameHead))
	binary.LittleEndian.PutUint32(frame[4:], frameSum(frame[frameHead:], of, number))
}

func frameSum(acts []byte, of checksum, number uint64) uint32 {
	var head [sha256.Size + 8]byte
	copy(head[:], of[:])
	binary.LittleEndian.PutUint64(head[sha256.Size:], number)
	return crc32.Update(crc32.Checksum(head[:], castagnoli()), castagnoli(), acts)
}

// recover does the acts of a record again. A record that belongs to another
// file holds nothing, and nothing comes after a frame that is not whole: its
// owner was killed while writing it and had not begun what it says. An act
// that is whole and cannot be done is an error.
func (c *Chip) recover(record []byte, of checksum) error {
	if !bytes.HasPrefix(record, header(of)) {
		return nil
	}
	record = record[headerSize:]
	names := c.names()
	for number := uint64(0); len(record) >= frameHead; number++ {
		size := int(binary.LittleEndian.Uint32(record))
		if size > len(record)-frameHead {
			break
		}
		acts := record[frameHead : frameHead+size]
		if frameSum(acts, of, number) != binary.LittleEndian.Uint32(record[4:]) {
			break
		}
		record = record[frameHead+size:]
		for len(acts) > 0 {
			var err error
			if acts, err = c.repeat(names, acts); err != nil {
				return fmt.Errorf("frame %d: %w", number, err)
			}
			c.Recovered++
		}
	}
	// Whatever was being read then is not being read any more.
	for _, a := range c.Arrays {
		a.ClearNoise()
	}
	return nil
}

// repeat does the first of the acts and returns the others.
func (c *Chip) repeat(names []string, acts []byte) ([]byte, error) {
	if len(acts) < actSize {
		return nil, fmt.Errorf("%d bytes are no act", len(acts))
	}
	number, kind := int(acts[0]), device.ActKind(acts[1])
	if number >= len(names) {
		return nil, fmt.Errorf("array %d of %d", number+1, len(names))
	}
	a := c.Arrays[names[number]]
	var numbers [3]float64
	for i := range numbers {
		numbers[i] = math.Float64frombits(binary.LittleEndian.Uint64(acts[2+8*i:]))
	}
	act := device.Act{Kind: kind, Value: numbers[0], Farads: numbers[1]}
	acts = acts[actSize:]
	if m := lists(kind); m > 0 {
		n := a.Len()
		if len(acts) < 8*m*n {
			return nil, fmt.Errorf("%d bytes are no stress of %d devices", len(acts), n)
		}
		list := make([]float64, m*n)
		for i := range list {
			list[i] = math.Float64frombits(binary.LittleEndian.Uint64(acts[8*i:]))
		}
		act.Volts, act.Amps = list[:n], list[n:]
		acts = acts[8*m*n:]
		c.Time = max(c.Time, numbers[2]+act.Value)
	}
	if err := a.Repeat(act); err != nil {
		return nil, fmt.Errorf("array %s: %w", names[number], err)
	}
	return acts, nil
}

// names are the arrays' in order.
func (c *Chip) names() []string {
	return slices.Sorted(maps.Keys(c.Arrays))
}

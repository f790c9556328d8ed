package b1500

import "slices"

// mostRecords is the size of the output data buffer (34034 in the manual).
const mostRecords = 34034

// block is one answer of measured data.
type block struct {
	text    []byte
	records int
}

// answers holds what waits to be read: one answer to a query and the blocks of
// measured data.
type answers struct {
	query   []byte // nil if none
	blocks  []block
	records int // in all blocks
}

// next takes the answer that is to be read first.
func (q *answers) next() ([]byte, bool) {
	if q.query != nil {
		text := q.query
		q.query = nil
		return text, true
	}
	if len(q.blocks) == 0 {
		return nil, false
	}
	first := q.blocks[0]
	q.blocks = slices.Delete(q.blocks, 0, 1)
	q.records -= first.records
	return first.text, true
}

func (q *answers) waiting() bool { return q.query != nil || len(q.blocks) > 0 }

// answer puts a query's answer, without its line end, in place of an unread one.
func (q *answers) answer(text string) { q.query = []byte(text + "\r\n") }

// clear drops everything.
func (q *answers) clear() { *q = answers{} }

// clearData drops the measured data only.
func (q *answers) clearData() { q.blocks, q.records = nil, 0 }

// add appends a finished block; false if the buffer cannot take it.
func (q *answers) add(b block) bool {
	if q.records+b.records > mostRecords {
		return false
	}
	q.blocks = append(q.blocks, b)
	q.records += b.records
	return true
}

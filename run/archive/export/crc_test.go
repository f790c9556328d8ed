package export

import (
	"fmt"
	"hash/crc32"
)

// crcOf seals a journal line, by the description in package run.
func crcOf(text string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
}

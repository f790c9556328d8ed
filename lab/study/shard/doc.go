// Package shard keeps what a study finds chip by chip, so that a study can be done in
// pieces, by several processes on several computers, and be put together again.
//
// A shard is a file of lines, each of them a JSON object with a checksum. The first is
// the head: which study it is, by which program, with which settings, on what kind of
// processor, and of which seeds. Every other line is a chip, in the order of the seeds.
// It follows from the head and its seed alone, so who has computed it, where and when,
// is in none of them, and it does not matter who does it again.
//
// A shard that is not whole yet has the ending Part behind its name. A process that
// ends before its time leaves it there, and whoever writes the same shard goes on
// behind its last whole line.
package shard

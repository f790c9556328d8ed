// Package cluster computes a study as the tasks of an array job, one for each shard of
// its seeds, on what a university has: Slurm and a directory that all nodes see. There
// is no daemon and no protocol: the files of the shards in that directory say what is
// done, the queue says only what is still to come. So whoever submitted may end at any
// time, the same shards may be computed by other means (see Script), and clocks of two
// machines are never compared.
package cluster

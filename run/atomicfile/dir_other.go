//go:build !unix

package atomicfile

// SyncDir has nothing to do: NTFS keeps names in its own log.
func SyncDir(string) error { return nil }

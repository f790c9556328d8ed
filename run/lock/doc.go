// Package lock gives a bench to one process at a time.
//
// Terms:
//
//   - A bench is locked by the places where its instruments are reached and by the
//     serial numbers that they tell, or by the file of its simulated chip: two
//     descriptions of the same bench, or of benches that share one instrument,
//     exclude each other.
//   - The locks of instruments are shared: all users of the computer find and take
//     them. That of a simulated chip is its user's alone, as the chip is.
//   - The lock is the operating system's, on an open file (package filelock). It ends with the process that holds it,
//     however that ends; nobody has to clean up after a crash.
//   - The owner is what the file says about who holds it, for people. Only the
//     operating system's lock decides.
//
// A lock file is emptied and left where it is when the lock is released:
// removing it would let two processes hold locks on two files of the same name.
//
// # What it cannot do
//
// Locks of hardware hold on one computer. An instrument on the network can be
// reached from another one, which knows nothing of this lock. On network file
// systems locks reach as far as the server supports them (NFS version 4 and
// SMB do, NFS version 3 where its lock service runs); where there are none at
// all, Acquire says so with filelock.ErrUnsupported, and the caller decides.
package lock

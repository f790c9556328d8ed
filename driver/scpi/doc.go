// Package scpi talks to instruments that follow SCPI-1999 and IEEE 488.2 over a
// byte stream of their own, such as USB serial or a TCP socket.
//
// Terms, as the standards use them:
//
//   - A message is one line to the instrument, ended by LF. One whose header
//     ends in a question mark is a query, which is answered by one line; any
//     other message is a command and answers nothing.
//   - The error queue is a list in the instrument, first in, first out.
//     `SYSTem:ERRor?` takes the oldest entry out of it: a number and a text in
//     quotes, 0 when the queue is empty. Negative numbers are the standard's.
//   - NR1, NR2, NR3 are numbers: whole, with a point, with an exponent.
//     9.9E37 stands for a value beyond the range, 9.91E37 for no value at all.
//
// # One exchange
//
// Everything that belongs to one question goes out in one write, with the query
// for the error queue at its end, and all answers are read together: one round
// trip, and never an answer without knowing whether the instrument complained.
//
// # Staying in step
//
// An answer that is late must not be taken for the answer to the next question.
// After an exchange that did not end as it should, the next one begins with a
// handshake: a register of the instrument that keeps a number is set to one that
// was not used before, and is read back after the identity. The instrument obeys in
// order, so what arrives before this mark belongs to the past and is thrown
// away. No request is ever repeated.
package scpi

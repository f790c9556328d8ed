// Package buspirate makes an SPI port of periph.io out of a Bus Pirate v3 on a
// serial connection, in its binary SPI mode.
//
// Terms, as the box's documentation uses them:
//
//   - The user terminal is what the box starts in. Twenty bytes of zero in a
//     row bring it into raw bitbang mode, which calls itself "BBIO1"; a one
//     there leads into SPI mode, "SPI1". In SPI mode a zero leads back, and
//     0x0F in bitbang mode resets the box to the user terminal.
//   - CS is the chip select, active low; for the switch board it is SYNC.
//   - A bulk transfer is one command byte, 0x10 + n-1, and n data bytes, n from
//     1 to 16. Every command is answered by one byte, 0x01 for done; every
//     data byte by the byte that was read while it was sent.
//
// So each byte that goes to the box brings exactly one back, and a whole
// transfer (CS low, all bulk transfers, CS high, and the question for the
// mode's name as the end) is written in one piece and its answers are read and
// checked afterwards: one question-and-answer on the serial link, however long
// the chain is. An answer that is late, missing or
// not what it must be ends in an error, and the next transfer first finds the
// way back through bitbang mode; no answer of before is taken for a new one.
//
// What is wired how, and what is known only from reading the box's firmware,
// is in hwdocs/buspirate.md.
package buspirate

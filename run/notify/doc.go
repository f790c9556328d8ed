// Package notify tells people who are not there how a run goes: by a webhook,
// by a command, and by a heartbeat whose absence a dead-man's switch notices.
//
// Terms:
//
//   - A message says what happened to a run and carries its summary.
//   - A webhook is a URL that gets the message as JSON by POST. The field text is
//     a sentence for a person, which is what chat services show.
//   - A command gets the message as JSON on its standard input and its main
//     fields in the environment.
//   - A stall is a run that has told nothing about its progress for too long.
//   - A heartbeat is a file that is written and a URL that is fetched at intervals
//     as long as the run is alive and does not stall. A service that watches for
//     it raises the alarm when it stays away: when the computer itself is down.
//
// All of it is harmless: what fails here never stops a run.
package notify

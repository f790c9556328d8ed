//go:build race

package main

// raceDetector tells whether the race detector is on, which makes physics ten
// times slower.
const raceDetector = true

//go:build !linux

package lock

func becomeOther() {}

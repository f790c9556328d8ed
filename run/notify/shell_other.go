//go:build !unix

package notify

func shell(text string) []string { return []string{"cmd", "/C", text} }

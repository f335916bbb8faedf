//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package file

// writable cannot tell here; the run will.
func writable(string) bool { return true }

func isNoFolder(error) bool { return false }

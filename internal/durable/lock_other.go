//go:build !unix

package durable

import (
	"io/fs"
	"os"
)

// This file stands for lock_unix.go where there is no unix: nothing is locked, and
// every file is ours.

func tryLock(*os.File) (bool, error) { return true, nil }

const (
	noHang   = 0
	noFollow = 0
)

func inode(fs.FileInfo) uint64 { return 0 }

func ours(fs.FileInfo) bool { return true }

func owner(fs.FileInfo) int { return -1 }

func sticks(fs.FileInfo, fs.FileInfo) bool { return false }

// SyncDir does nothing here.
func SyncDir(string) error { return nil }

const renamesOpen = false

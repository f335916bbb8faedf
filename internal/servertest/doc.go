// Package servertest is what packages share that start servers for tests: a folder and a
// port for each, its processes, which are ended as a group and with the tests, a user
// without rights for those that refuse to be root, certificates and small disks.
package servertest

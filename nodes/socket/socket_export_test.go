package socket

// For tests of datagrams.
var (
	ReceiveBuffer = receiveBuffer
	ThrownAway    = thrownAway
	BufferOf      = bufferOf
)

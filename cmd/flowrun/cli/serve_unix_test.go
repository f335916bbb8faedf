//go:build unix

package cli_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// A pipe that is named like a flow is none: to read it would wait for ever.
func TestServePipes(t *testing.T) {
	folder(t, map[string]string{"good.yaml": never})
	if err := syscall.Mkfifo("pipe.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", "--addr", "127.0.0.1:0")
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Get(p.address())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the list: %s", res.Status)
	}
	p.signal(syscall.SIGINT)
	if code, _, errs := p.end(); code != 0 {
		t.Errorf("exit %d:\n%s", code, errs)
	}
}

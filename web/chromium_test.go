package web_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A browser is a Chromium that is driven over its DevTools protocol through a pair
// of pipes.
type browser struct {
	t       *testing.T
	write   *os.File
	session string

	mu       sync.Mutex
	serial   int
	answers  map[int]chan answer
	trouble  []string // console errors, policy reports, exceptions
	requests []string // every address asked for
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// openBrowser starts Chromium and opens a page, or skips the test: FLOWRUN_BROWSER=1
// says that there is a Chromium and that these tests are wanted.
func openBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	if os.Getenv("FLOWRUN_BROWSER") != "1" {
		t.Skip("browser tests need Chromium and FLOWRUN_BROWSER=1")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("FLOWRUN_BROWSER=1, but there is no chromium")
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "--hide-scrollbars",
		fmt.Sprintf("--window-size=%d,%d", width, height), "--user-data-dir="+t.TempDir())
	theirRead, write := pipe(t)
	read, theirWrite := pipe(t)
	cmd.ExtraFiles = []*os.File{theirRead, theirWrite}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirRead.Close()
	theirWrite.Close()
	b := &browser{t: t, write: write, answers: map[int]chan answer{}}
	done := make(chan struct{})
	go func() { defer close(done); b.listen(read) }()
	t.Cleanup(func() {
		b.session = ""
		b.send("Browser.close", nil)
		timer := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		write.Close()
		<-done
	})
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	b.session = target.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// listen hands answers to their callers and keeps what a test wants to know.
func (b *browser) listen(read *os.File) {
	defer read.Close()
	in := bufio.NewReaderSize(read, 1<<20)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			answer
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			if c := b.answers[m.ID]; c != nil {
				c <- m.answer
				delete(b.answers, m.ID)
			}
		case m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded",
			m.Method == "Runtime.consoleAPICalled" && strings.Contains(string(m.Params), `"type":"error"`):
			b.trouble = append(b.trouble, string(m.Params))
		case m.Method == "Network.requestWillBeSent":
			var p struct{ Request struct{ URL string } }
			json.Unmarshal(m.Params, &p)
			b.requests = append(b.requests, p.Request.URL)
		}
		b.mu.Unlock()
	}
}

func (b *browser) send(method string, params any) chan answer {
	if params == nil {
		params = struct{}{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	text, err := json.Marshal(map[string]any{"id": b.serial, "method": method, "params": params, "sessionId": b.session})
	if err != nil {
		b.t.Fatal(err)
	}
	if b.session == "" {
		text, _ = json.Marshal(map[string]any{"id": b.serial, "method": method, "params": params})
	}
	c := make(chan answer, 1)
	b.answers[b.serial] = c
	b.write.Write(append(text, 0))
	return c
}

// call waits for the answer to a command.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	if err := b.try(method, params, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// try is call that gives what the browser says is wrong.
func (b *browser) try(method string, params, result any) error {
	b.t.Helper()
	select {
	case a := <-b.send(method, params):
		if a.Error != nil {
			return errors.New(a.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer", method)
		return nil
	}
}

// open goes to an address and waits for live numbers there.
func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`document.querySelector("#conn")?.textContent.match(/live|ended/) && document.querySelector("#table tbody tr")`)
}

// eval runs JavaScript in the page. One that throws, or whose page goes while it runs, is
// run again for a while: after a key or a click another page may be about to come, and how
// soon is up to the machine.
func (b *browser) eval(script string) any {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		value, err := b.evalOnce(script)
		if err == nil {
			return value
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s: %v", script, err)
		}
	}
}

func (b *browser) evalOnce(script string) (any, error) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	if err := b.try("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &got); err != nil {
		return nil, err
	}
	if got.ExceptionDetails != nil {
		return nil, errors.New(got.ExceptionDetails.Exception.Description)
	}
	return got.Result.Value, nil
}

// until waits for a script to give something true.
func (b *browser) until(script string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if is, err := b.evalOnce("!!(" + script + ")"); err == nil && is == true {
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("never true: %s\nthe page says: %s", script, strings.Join(b.trouble, "\n"))
}

// text is what an element says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	s, _ := b.eval(fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector)).(string)
	return strings.Join(strings.Fields(s), " ")
}

// spoken is what a screen reader says of an element: its role and name.
func (b *browser) spoken(selector string) string {
	b.t.Helper()
	var found struct{ Result struct{ ObjectID string } }
	b.call("Runtime.evaluate", map[string]any{"expression": fmt.Sprintf(`document.querySelector(%q)`, selector)}, &found)
	var tree struct {
		Nodes []struct{ Role, Name struct{ Value string } }
	}
	b.call("Accessibility.getPartialAXTree", map[string]any{"objectId": found.Result.ObjectID, "fetchRelatives": false}, &tree)
	return tree.Nodes[0].Role.Value + ": " + strings.Join(strings.Fields(tree.Nodes[0].Name.Value), " ")
}

// click presses the mouse in the middle of an element.
func (b *browser) click(selector string) {
	b.t.Helper()
	// The view may still be gliding to where it will be.
	b.until(fmt.Sprintf(`(() => { const r = document.querySelector(%q)?.getBoundingClientRect(), at = r && [r.x, r.y].map(Math.round).join();
		const rests = at === window.lastSeen; window.lastSeen = at; return r && rests })()`, selector))
	at, ok := b.eval(fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + r.width/2, r.y + r.height/2] })()`, selector)).([]any)
	if !ok {
		b.t.Fatalf("nothing to click at %s", selector)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1}, nil)
	}
}

// press types keys by name; a key of one letter types it.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	codes := map[string]int{"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
	for _, key := range keys {
		p := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
		if len(key) == 1 {
			p["text"] = key
		} else if key == "Enter" {
			p["text"] = "\r"
		}
		b.call("Input.dispatchKeyEvent", p, nil)
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// media sets a feature such as prefers-reduced-motion.
func (b *browser) media(name, value string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": name, "value": value}}}, nil)
}

// shot saves a picture of the page in the folder FLOWRUN_SHOTS, if that is set.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("FLOWRUN_SHOTS")
	if dir == "" {
		return
	}
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	raw, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	var small bytes.Buffer // Chromium is in a hurry
	pack := png.Encoder{CompressionLevel: png.BestCompression}
	if err := pack.Encode(&small, picture); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), small.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// clean fails the test if the page complained or asked another server for anything.
func (b *browser) clean(origin string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.trouble {
		b.t.Errorf("the page complained: %s", t)
	}
	for _, u := range b.requests {
		if !strings.HasPrefix(u, origin) && !strings.HasPrefix(u, "data:") && u != "about:blank" {
			b.t.Errorf("the page asked for %s", u)
		}
	}
}

// wait lets time pass in the page.
func (b *browser) wait(ms int) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`new Promise(r => setTimeout(r, %d))`, ms))
}

// fluent measures for three seconds how the page is drawn, and wants a frame to take
// some milliseconds of the processor at most, over all processes of the browser: with
// 100, two cores draw 20 frames a second. How many there are tells how busy the machine
// is as well; with nothing else to do there are 60.
func (b *browser) fluent(what string, most float64) {
	b.t.Helper()
	const seconds = 3
	before := b.processorTime()
	got, ok := b.eval(fmt.Sprintf(`new Promise(done => {
		const begun = performance.now(); let n = 0, last = begun, worst = 0;
		requestAnimationFrame(function step(now) {
			n++; worst = Math.max(worst, now - last); last = now;
			now - begun < %d000 ? requestAnimationFrame(step) : done([n, n * 1000 / (now - begun), worst]);
		});
	})`, seconds)).([]any)
	if !ok {
		b.t.Fatal("no frames")
	}
	used := 1000 * (b.processorTime() - before)
	frames, fps, worst := got[0].(float64), got[1].(float64), got[2].(float64)
	b.t.Logf("%s: %.1f frames a second, %.0f ms between two at most, %.1f ms of the processor for one", what, fps, worst, used/frames)
	if used/frames > most {
		b.t.Errorf("%s: a frame takes %.1f ms of the processor", what, used/frames)
	}
}

// processorTime is what the processes of the browser have used, in seconds.
func (b *browser) processorTime() (seconds float64) {
	b.t.Helper()
	defer func(session string) { b.session = session }(b.session)
	b.session = "" // it is the browser that is asked, not the page
	var all struct {
		ProcessInfo []struct{ CPUTime float64 }
	}
	b.call("SystemInfo.getProcessInfo", nil, &all)
	for _, p := range all.ProcessInfo {
		seconds += p.CPUTime
	}
	return seconds
}

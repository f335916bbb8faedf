package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// A remote is the page of a running flow, as tap and top see it.
type remote struct {
	base   string // http://host:port/path, without a slash at its end
	token  string
	client *http.Client
}

const (
	dialTime   = 5 * time.Second
	answerTime = 10 * time.Second
	maxAnswer  = 64 << 20
	maxEvent   = 1 << 20
)

// newRemote understands an address: 8790, :8790, host:8790, or what flowrun printed, with or
// without a token.
func newRemote(addr, token string) (*remote, error) {
	text := ofThisMachine(addr)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, misuse("%q is not the address of a page", addr).or("want one such as %s", pageAddr)
	}
	if u.Hostname() == "" {
		u.Host = "127.0.0.1" + u.Host
	}
	if given := u.Query().Get("token"); given != "" && token == "" {
		token = given
	}
	return &remote{
		base: u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/"), token: token,
		client: &http.Client{
			Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, ResponseHeaderTimeout: answerTime},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// request makes one with the token.
func (r *remote) request(ctx context.Context, path string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err == nil && r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	return req, err
}

// ask sends a request. What is not an answer is an ending that says what to do.
func (r *remote) ask(ctx context.Context, path string) (*http.Response, error) {
	req, err := r.request(ctx, path)
	if err != nil {
		return nil, misuse("%s%s: %w", r.base, path, err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, (&ending{code: codeUnreachable, err: fmt.Errorf("nothing answers at %s: %w", r.base, cause(err))}).
			orCall(diag.Hint{Verb: "run", Args: []string{"FLOW", "--ui"}, Rest: " shows a run at " + pageAddr})
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1000)) // what there is of it will do
	end := &ending{code: codeFailed, err: fmt.Errorf("%s says: %s", r.base, strings.TrimSpace(printable(string(text))))}
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return nil, end.or("--token or %s gives the token", tokenVariable)
	case http.StatusNotFound:
		return nil, r.elsewhere(ctx, end)
	}
	return nil, end
}

// cause is an error of a request without the address, which the message has already.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// elsewhere looks whether an address is that of a folder of flows, whose runs have
// addresses of their own.
func (r *remote) elsewhere(ctx context.Context, end *ending) error {
	req, err := r.request(ctx, "/api/v1/live")
	if err != nil {
		return end
	}
	res, err := r.client.Do(req)
	if err != nil {
		return end
	}
	defer res.Body.Close()
	var live struct{ Runs []struct{ Name, Page string } }
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&live) != nil {
		return end.orCall(printsAddress)
	}
	end.err = fmt.Errorf("%s is a folder of flows, not a run", r.base)
	if len(live.Runs) == 0 {
		return end.or("nothing runs there now")
	}
	var all []string
	for _, run := range live.Runs {
		all = append(all, r.base+strings.TrimRight(run.Page, "/")+" ("+run.Name+")")
	}
	return end.or("its runs are %s", strings.Join(all, ", "))
}

// printsAddress is for those who gave another address than that of a run.
var printsAddress = diag.Hint{Text: "want the address of a run, as ", Verb: "run", Args: []string{"FLOW", "--ui"}, Rest: " prints it"}

// get reads an answer into v.
func (r *remote) get(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	res, err := r.ask(ctx, path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return (&ending{code: codeFailed, err: fmt.Errorf("%s%s does not answer as flowrun does: %w", r.base, path, err)}).
			orCall(printsAddress)
	}
	return nil
}

// events reads server-sent events until take gives an error, which is returned, or
// the stream ends.
func (r *remote) events(ctx context.Context, path string, take func(event string, data []byte) error) error {
	res, err := r.ask(ctx, path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	event := ""
	var data []byte
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if event != "" {
				if err := take(event, data); err != nil {
					return err
				}
			}
			event, data = "", nil
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			event = string(value)
		case "data":
			data = append(data, value...)
		}
	}
	return lines.Err()
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
)

// This file has the workload that reads an object of S3: s3.read, whose rows are its lines,
// against the client, which counts line ends. The server is in the process of the harness, has
// the object in memory, and checks no signatures. Once it gives what the machine can; once each
// answer begins after 20 ms and comes with 80 MB/s, which is what Amazon says of S3.

func s3Workload(ctx context.Context, h *harness) error {
	const line = "2026-03-01T08:12:00Z A line of an object in a bucket, such as it is written by many a program, a hundred long.\n"
	lines := h.size(2_000_000, 50_000)
	object := strings.Repeat(line, lines)
	for _, like := range []struct {
		name  string
		delay time.Duration
		rate  int64 // bytes a second of an answer; 0: all there is
	}{{"at the speed of the machine", 0, 0}, {"20 ms and 80 MB/s an answer", 20 * time.Millisecond, 80_000_000}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"one"`)
			if time.Sleep(like.delay); like.rate > 0 {
				w = &slowAnswer{ResponseWriter: w, begun: time.Now(), rate: like.rate}
			}
			http.ServeContent(w, r, "", time.UnixMilli(1_700_000_000_000), strings.NewReader(object))
		})}
		go server.Serve(l)
		series, err := h.compare(ctx, "S3: read an object of "+fmt.Sprint(lines)+" lines, "+like.name, int64(lines), int64(len(object)),
			h.child("s3.read", l.Addr().String()), h.child("the client of S3: read", l.Addr().String()))
		server.Close()
		if err != nil {
			return err
		}
		if like.rate > 0 { // else it is the rows that take the time, and the client makes none
			h.claim(claim{text: "s3.read, " + like.name + ": share of the speed of its client", got: 100 * series[1].median(wall) / series[0].median(wall), unit: "%", target: 70}, series...)
		}
	}
	return nil
}

// A slowAnswer comes with a rate.
type slowAnswer struct {
	http.ResponseWriter
	begun time.Time
	rate  int64
	sent  int64
}

func (a *slowAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.sent += int64(n)
	time.Sleep(time.Until(a.begun.Add(time.Duration(a.sent * int64(time.Second) / a.rate))))
	return n, err
}

func s3ClientReads(args []string) (result, error) {
	client, err := minio.NewCore(args[0], &minio.Options{Region: "us-east-1"})
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		body, _, _, err := client.GetObject(context.Background(), "bench", "lines.txt", minio.GetObjectOptions{})
		if err != nil {
			return "", err
		}
		defer body.Close()
		n, buf := 0, make([]byte, 256<<10)
		for {
			got, err := body.Read(buf)
			n += bytes.Count(buf[:got], []byte{'\n'})
			if err == io.EOF {
				return fmt.Sprint(n), nil
			}
			if err != nil {
				return "", err
			}
		}
	})
}

func s3FlowReads(args []string) (result, error) {
	n := 0
	registry, err := nodes.NewRegistry(all.Nodes, []nodes.Decl{nodes.Write("lines", "Counts.", &s3Lines{&n}, nodes.Doc("Counts."))})
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		err := natsRun(fmt.Sprintf(`flow: reads
nodes:
  in: {use: s3.read, with: {url: s3://bench/lines.txt, endpoint: "http://%s", access_key: anonymous, format: lines}}
  out: {use: lines, in: in}
`, args[0]), registry, func(func()) {})
		return fmt.Sprint(n), err
	})
}

type s3Line struct{ Line string }

// s3Lines counts what comes.
type s3Lines struct{ n *int }

// Write implements nodes.Sink.
func (t *s3Lines) Write(_ context.Context, in []s3Line) error {
	*t.n += len(in)
	return nil
}

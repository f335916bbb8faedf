package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// This file makes and reads the flights that other workloads work on.

// flightsFile gives a JSONL file of n flights: those of the shipped CSV file over
// and over, with rising ids and times. It is made once and kept.
func (h *harness) flightsFile(n int) (path string, size int64, err error) {
	path = filepath.Join(h.dir, fmt.Sprintf("flights-%d.jsonl", n))
	if info, err := os.Stat(path); err == nil {
		return path, info.Size(), nil
	}
	rows, err := readFlights(h.flights)
	if err != nil {
		return "", 0, err
	}
	f, err := os.CreateTemp(h.dir, "flights-")
	if err != nil {
		return "", 0, err
	}
	defer os.Remove(f.Name()) // nothing is there under this name once it is renamed
	w := bufio.NewWriterSize(f, 1<<20)
	writeFlights(w, rows, n)
	if err := w.Flush(); err != nil {
		return "", 0, err
	}
	if err := f.Close(); err != nil {
		return "", 0, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	return path, info.Size(), nil
}

// A flight is a row of the CSV file.
type flight struct {
	at                                   time.Time
	origin, destination, delay, distance string
}

func readFlights(path string) ([]flight, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows []flight
	for _, r := range table[1:] {
		at, err := time.Parse(time.RFC3339, r[1])
		if err != nil {
			return nil, err
		}
		rows = append(rows, flight{at, r[2], r[3], r[4], r[5]})
	}
	return rows, nil
}

// writeFlights writes n flights. Errors stay in the writer.
func writeFlights(w *bufio.Writer, rows []flight, n int) {
	lap := rows[len(rows)-1].at.Sub(rows[0].at) + time.Minute
	var line []byte
	for id := range n {
		r := &rows[id%len(rows)]
		at := r.at.Add(time.Duration(id/len(rows)) * lap)
		line = append(line[:0], `{"id":`...)
		line = strconv.AppendInt(line, int64(id+1), 10)
		line = append(line, `,"date":"`...)
		line = at.AppendFormat(line, time.RFC3339)
		line = append(line, `","origin":"`...)
		line = append(line, r.origin...)
		line = append(line, `","destination":"`...)
		line = append(line, r.destination...)
		line = append(line, `","delay":`...)
		line = append(line, r.delay...)
		line = append(line, `,"distance":`...)
		line = append(line, r.distance...)
		line = append(line, "}\n"...)
		w.Write(line)
	}
}

package otlp

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// closeTime bounds what a run waits for its collector at its end, lostTime if the
// collector did not take what was sent before.
const (
	closeTime = 5 * time.Second
	lostTime  = time.Second
)

// A Run is what a Push needs of a run; *scheduler.Run is one.
type Run interface{ Stats() metrics.Report }

// A Push sends the metrics of a run while it goes on. Close it when the run has
// ended.
type Push struct {
	run      Run
	settings Settings
	sender   sender
	from     *resource.Resource
	warn     func(error)

	stop  context.CancelFunc
	works sync.WaitGroup
	once  sync.Once
	lost  bool // the last push went wrong; of the goroutine, then of Close
}

// Start begins to push. warn is told the first thing that goes wrong, from any
// goroutine.
func Start(run Run, settings Settings, warn func(error)) *Push {
	attributes := map[string]string{"service.instance.id": hex.EncodeToString(newID(traceID))}
	for k, v := range settings.Resource {
		attributes[k] = v
	}
	p := &Push{run: run, settings: settings, sender: newSender(settings), from: resourceOf(attributes), warn: warn}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.works.Go(func() { p.work(ctx) })
	return p
}

func (p *Push) work(ctx context.Context) {
	ticker := time.NewTicker(p.settings.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		report := p.run.Stats()
		if report.Phase() == metrics.Starting {
			continue
		}
		err := p.sender.send(ctx, p.settings.Metrics, metricsOf(&report, p.from))
		if ctx.Err() != nil {
			return // cut off by Close, which sends newer figures
		}
		p.lost = err != nil
		p.tell(err)
	}
}

// tell warns once.
func (p *Push) tell(err error) {
	if err != nil {
		p.once.Do(func() { p.warn(err) })
	}
}

// Close sends the last metrics and the trace, and ends the push.
func (p *Push) Close(report *metrics.Report) {
	p.stop()
	p.works.Wait()
	defer p.sender.close()
	if report.Started.IsZero() {
		return // it never began
	}
	limit := closeTime
	if p.lost {
		limit = lostTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	p.works.Go(func() { p.tell(p.sender.insist(ctx, p.settings.Metrics, metricsOf(report, p.from))) })
	p.works.Go(func() { p.tell(p.sender.insist(ctx, p.settings.Traces, traceOf(report, p.settings.Parent, p.from))) })
	p.works.Wait()
}

package brokertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file has Maven fetch Kafka.

// KafkaVersion is that of the broker.
const KafkaVersion = "4.4.0"

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>flowrun</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + KafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + KafkaVersion + `</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

// copyAll is the goal of Maven that lays the libraries into a folder.
const copyAll = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"

// fetchTime bounds how long Maven may take.
const fetchTime = 10 * time.Minute

var fetching sync.Mutex

// kafkaJars gives the folder of the libraries: FLOWRUN_KAFKA_JARS, or one in the user's cache.
// It is made by the first who asks, and there whole or not at all. The test is skipped where
// Maven or its registry are not reached.
func kafkaJars(t testing.TB) string {
	t.Helper()
	fetching.Lock()
	defer fetching.Unlock()
	dir := os.Getenv("FLOWRUN_KAFKA_JARS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("no Kafka: FLOWRUN_KAFKA_JARS is not set, and there is no cache: %v", err)
		}
		dir = filepath.Join(cache, "flowrun", "kafka-"+KafkaVersion)
	}
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := fetchKafka(dir); err != nil {
		t.Skipf("no Kafka: %v", err)
	}
	return dir
}

func fetchKafka(dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("mvn is not installed: apt-get install maven")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".fetching-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), []byte(pom), 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	c := exec.CommandContext(ctx, mvn, "-B", "-q", copyAll, "-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(work, "jars"))
	c.Dir, c.WaitDelay = work, time.Second
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn does not fetch it: %w: %s", err, firstError(string(out)))
	}
	if err := os.Rename(filepath.Join(work, "jars"), dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // else another process was faster
			return err
		}
	}
	return nil
}

// firstError is the line in which Maven says what is wrong.
func firstError(out string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "[ERROR]") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(out)
}

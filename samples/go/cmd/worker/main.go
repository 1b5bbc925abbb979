// The worker process: does a little work now and then, and says so, until SIGTERM.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dyno := os.Getenv("DYNO")
	if dyno == "" {
		dyno = "worker"
	}
	for round := 1; ; round++ {
		log.Printf("%s did round %d", dyno, round)
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
			log.Printf("%s stops after round %d", dyno, round)
			return
		}
	}
}

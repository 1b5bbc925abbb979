// The web process: says which app, release and dyno answered.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	port := env("PORT", "5000")
	mux := http.NewServeMux()
	mux.HandleFunc("/", hello)
	server := &http.Server{Addr: ":" + port, Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	// At SIGTERM requests under way are finished, and none is taken any more.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	finished := make(chan error, 1)
	go func() {
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		finished <- server.Shutdown(deadline)
	}()

	log.Printf("%s listens on port %s", env("DYNO", "this computer"), port)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	if err := <-finished; err != nil {
		log.Fatal(err)
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Path != "/" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, "Not found")
		return
	}
	fmt.Fprintf(w, "Hello from %s %s on %s\n",
		env("HEROKU_APP_NAME", "an app"), env("HEROKU_RELEASE_VERSION", "v0"), env("DYNO", "this computer"))
}

// env gives the variable's value, or what stands in for it.
func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
